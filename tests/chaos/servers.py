"""Faults of the servers: killed and started again, or stopped for a while with all their connections open."""

import os
import signal
from dataclasses import dataclass

from tests.chaos.fault import World


@dataclass(frozen=True, slots=True)
class KillServer:
    """The server crashes, and is started again `for_s` later."""

    target: str
    for_s: float
    kind: str = "kill"

    def begin(self, world: World) -> None:
        world.server(self.target).kill()

    def end(self, world: World) -> None:
        world.server(self.target).start()


@dataclass(frozen=True, slots=True)
class FreezeServer:
    """Every process of the server stands still for `for_s`: nothing is refused, and nothing answers."""

    target: str
    for_s: float
    kind: str = "freeze"

    def begin(self, world: World) -> None:
        _signal_all(world.server(self.target).pids(), signal.SIGSTOP)

    def end(self, world: World) -> None:
        _signal_all(world.server(self.target).pids(), signal.SIGCONT)


def _signal_all(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue  # a connection's process that ended with its connection
