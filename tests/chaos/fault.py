"""A fault: something that is done to a part of the system, and undone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from offline.stack.stack import Stack
from tests.e2e.api import Client


class Server(Protocol):
    """A server that may be killed and comes back with its data, or may be stopped for a while."""

    def kill(self) -> None:
        """End all of it with SIGKILL."""
        ...

    def start(self) -> None:
        """Return when it is healthy."""
        ...

    def pids(self) -> list[int]:
        """All its processes."""
        ...


@dataclass(frozen=True, slots=True)
class StackServer:
    """A private server of the stack, by the name of its part."""

    stack: Stack
    name: str

    def kill(self) -> None:
        self.stack.kill(self.name)

    def start(self) -> None:
        self.stack.start(self.name)

    def pids(self) -> list[int]:
        return self.stack.pids(self.name)


@dataclass(frozen=True, slots=True)
class World:
    """What faults, loads and scenarios act upon: one whole system, and a client of it with every scope.

    `guests` are servers that are not the stack's own, by the names of those in whose place they stand.
    """

    stack: Stack
    client: Client
    say: Callable[[str], None]
    guests: Mapping[str, Server] = field(default_factory=dict)

    def server(self, name: str) -> Server:
        """The server of this name: postgresql, valkey or rabbitmq."""
        return self.guests.get(name) or StackServer(self.stack, name)

    @property
    def addresses(self) -> dict[str, str]:
        """What stack.env says."""
        return self.stack.addresses


class Fault(Protocol):
    """`kind` is what is done (kill, freeze, slow, …) and `target` to whom, by the part's name.

    A target is postgresql, valkey, rabbitmq, front, a function by its name, `email provider` or `push provider`.
    `for_s` lie between the end of `begin` and `end`: 0 for a blow after which the target comes back by itself.
    """

    @property
    def kind(self) -> str: ...

    @property
    def target(self) -> str: ...

    @property
    def for_s(self) -> float: ...

    def begin(self, world: World) -> datetime | None:
        """Do it; return when it is done, with the moment just before its effect when that had to be waited for."""
        ...

    def end(self, world: World) -> None:
        """Undo it; return when the target is whole again."""
        ...
