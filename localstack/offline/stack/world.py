"""What every stack of this machine has, whatever runs its functions: a plan, processes, servers, doubles, a lock."""

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from urllib.parse import urlsplit

from offline.services.fleet import PROCESSES as SERVERS
from offline.services.fleet import Fleet
from offline.services.private import Endpoint, Site
from offline.services.processes import Processes
from offline.stack import parts
from offline.stack.layout import Layout
from offline.stack.lock import exclusive
from offline.stack.parts import Part
from offline.stack.plan import StackPlan, load_or_make, save
from offline.stack.runner import PATIENCE_S, launch, wait_for

Say = Callable[[str, str], None]


class World:
    """One folder. `runners` are the parts that run the functions, with the ports that each uses.

    Whoever changes anything holds the lock.
    """

    def __init__(
        self,
        *,
        layout: Layout,
        environment: Mapping[str, str],
        say: Say,
        prefer_default_ports: bool,
        runners: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.layout = layout
        self._environment = environment
        self._say = say
        self._prefer_default_ports = prefer_default_ports
        self._runners = runners
        self._opened: dict[str, Processes] = {}

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Hold the lock; say so when another command has to end first."""
        return exclusive(
            self.layout.lock, lambda: self._say("waiting", "for another command that changes this stack …")
        )

    def plan(self) -> StackPlan:
        """Return what was decided, which is decided at the first call."""
        self.layout.make()
        return load_or_make(self.layout.plan, prefer_defaults=self._prefer_default_ports)

    def plan_with_free_ports(self, *, kept: Collection[str] = ()) -> StackPlan:
        """Return the plan with another port for what does not run and whose port somebody else took meanwhile.

        `kept` are parts that run though no process of ours is on record for them: their ports stay.
        """
        plan = self.plan()
        processes = self.processes(plan)
        ours = {name: uses for name, uses in {**parts.PORTS, **self._runners}.items() if name not in kept}
        idle = [uses for name, uses in ours.items() if processes.find(name) is None]
        moved = plan.moved(tuple(use for uses in idle for use in uses), prefer_defaults=self._prefer_default_ports)
        save(self.layout.plan, moved)
        return moved

    def processes(self, plan: StackPlan) -> Processes:
        """Return the processes on record; whoever started one in this process is who learns of its end."""
        if plan.mark not in self._opened:
            self._opened[plan.mark] = Processes(records=self.layout.processes, logs=self.layout.logs, mark=plan.mark)
        return self._opened[plan.mark]

    def fleet(self, plan: StackPlan) -> Fleet:
        """Return the three servers, each given by the environment or the world's own."""
        site = Site(
            folder=self.layout.services,
            cache=self.layout.cache,
            processes=self.processes(plan),
            prefer_default_ports=self._prefer_default_ports,
            cancelled=threading.Event(),
        )
        return Fleet(site=site, environment=self._environment)

    def serve(self, plan: StackPlan) -> dict[str, Endpoint]:
        """Return the servers, healthy, with the doubles beside them: what is healthy stays, the rest is repaired.

        Raises:
            ServiceError: something cannot be had; the rest is left as it is.
        """
        processes = self.processes(plan)
        doubles = parts.doubles(plan, self._environment)
        for part in doubles:
            launch(part, processes)
        endpoints = self.fleet(plan).start(self._say)
        self.wait_for(doubles, plan)
        return endpoints

    def wait_for(self, launched: Sequence[Part], plan: StackPlan) -> None:
        """Return when each of these answers, and say where.

        Raises:
            ServerFailed: one does not.
        """
        for part in launched:
            began_at = time.monotonic()
            wait_for(part, self.processes(plan))
            self._say(
                part.name, f"{'':<8} {_address(part.health_url):<26} ready in {time.monotonic() - began_at:.1f} s"
            )

    def remove(self) -> None:
        """End every process, delete all data and secrets. Repeating it is harmless, and so is a half-dead stack."""
        with self.locked():
            plan = self.plan()
            processes = self.processes(plan)
            for name in processes.names():
                if name not in SERVERS:
                    processes.stop(name, patience_s=PATIENCE_S)
            self.fleet(plan).stop()
            processes.stop_strays()
            self.layout.clear()


def _address(url: str) -> str:
    parts_of = urlsplit(url)
    return f"{parts_of.scheme}://{parts_of.netloc}"
