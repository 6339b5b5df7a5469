"""Carries out a plan of faults against a world, and writes down what took place and when."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from tests.chaos.fault import Fault, World
from tests.chaos.plan import Plan, Planned
from tests.chaos.records import Incident


class Drill:
    """One run of a plan. Every fault that was begun is undone, also when another one fails."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._incidents: list[Incident] = []
        self._broken_off = threading.Event()
        self._began_at_s = time.monotonic()

    @property
    def incidents(self) -> Sequence[Incident]:
        """What has taken place so far, in the order in which it ended."""
        return tuple(self._incidents)

    def carry_out(self, plan: Plan) -> None:
        """Return when every fault of every track is over. Raises what a fault could not do."""
        self._began_at_s = time.monotonic()
        self._broken_off.clear()
        with ThreadPoolExecutor(len(plan)) as pool:
            running = [pool.submit(self._track, track) for track in plan.values()]
            try:
                for each in running:
                    each.result()
            finally:
                self._broken_off.set()

    def _track(self, track: Sequence[Planned]) -> None:
        try:
            for planned in track:
                if self._broken_off.wait(max(0.0, self._began_at_s + planned.at_s - time.monotonic())):
                    return
                self._befall(planned.fault)
        except BaseException:
            self._broken_off.set()
            raise

    def _befall(self, fault: Fault) -> None:
        began_at = datetime.now(UTC)
        self._world.say(f"{self._elapsed_s():6.1f} s  {fault.kind} {fault.target}")
        try:
            began_at = fault.begin(self._world) or began_at
            self._broken_off.wait(fault.for_s)
        finally:
            fault.end(self._world)
            self._incidents.append(Incident(fault.kind, fault.target, began_at, datetime.now(UTC)))
            self._world.say(f"{self._elapsed_s():6.1f} s  {fault.kind} {fault.target} is over")

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began_at_s


def alone(world: World, fault: Fault, *, while_it_lasts: Callable[[], None]) -> Incident:
    """One fault for as long as some work takes, whatever its own duration: for a scenario."""
    began_at = datetime.now(UTC)
    try:
        began_at = fault.begin(world) or began_at
        while_it_lasts()
    finally:
        fault.end(world)
    return Incident(fault.kind, fault.target, began_at, datetime.now(UTC))
