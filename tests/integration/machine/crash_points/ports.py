"""The ports of the use cases with a point before each call, where the process can end, wait, or meet a fault."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar, assert_never
from uuid import UUID

from chalicelib.channels.base import Deadline, Outgoing, Receipt
from chalicelib.domain.circuit import NeverOpen, Permit, Prospect
from chalicelib.domain.recipient import PushTarget
from chalicelib.errors import (
    AddressRejected,
    BrokerUnavailable,
    CacheUnavailable,
    CircuitOpen,
    DatabaseUnavailable,
    DeviceGone,
    OutcomeUnknown,
    ProviderUnavailable,
)
from tests.integration.machine.crash_points.stage import Actor, Turn

P = ParamSpec("P")
T = TypeVar("T")

Away = Callable[[str], object]
"""What a call of this name answers, or raises, when nothing is there to answer it."""


def database_away(_call: str) -> object:
    raise DatabaseUnavailable("away")


def cache_away(_call: str) -> object:
    raise CacheUnavailable("away")


def progress_away(call: str) -> object:
    if call == "forget_surely":
        raise CacheUnavailable("away")
    return None


def broker_away(call: str) -> object:
    if call == "publish":
        return frozenset()
    raise BrokerUnavailable("away")


class Watched:
    """A collaborator whose every call is a point. It has the same port, which no type here says again: hence Any."""

    def __init__(self, inner: object, actor: Actor, name: str, away: Away) -> None:
        self._inner = inner
        self._actor = actor
        self._name = name
        self._away = away

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._inner, name)
        return self._watched(real, name) if callable(real) else real

    def __call__(self, *args: Any) -> Any:
        assert callable(self._inner)
        return self._watched(self._inner, "call")(*args)

    def _watched(self, real: Callable[..., Any], call: str) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            turn = self._actor.point(f"{self._name}.{call}")
            if turn is Turn.AWAY:
                return self._away(call)
            answer = real(*args, **kwargs)
            return self._away(call) if turn is Turn.LOST else answer

        return called


class WatchedProvider:
    """A provider that tells `took` of each message that it has accepted, and of each whose answer it then loses."""

    name = "remembering"
    mood = Turn.GO
    """What it answers when nothing else befalls the call."""

    def __init__(self, actor: Actor, *, took: Callable[[UUID], None], kept_to_itself: Callable[[UUID], None]) -> None:
        self._actor = actor
        self._took = took
        self._kept_to_itself = kept_to_itself

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt:
        turn = self._actor.point("provider.send")
        match self.mood if turn is Turn.GO else turn:
            case Turn.GO | Turn.DIE:
                self._took(outgoing.delivery_id)
                return Receipt(self.name, str(outgoing.delivery_id))
            case Turn.LOST:
                self._kept_to_itself(outgoing.delivery_id)
                raise OutcomeUnknown("the connection was lost after the message")
            case Turn.AWAY:
                raise ProviderUnavailable("away")
            case Turn.REFUSED if isinstance(outgoing.target, PushTarget):
                raise DeviceGone("no such device")
            case Turn.REFUSED:
                raise AddressRejected("no such mailbox")
            case Turn.CIRCUIT_OPEN:
                raise CircuitOpen(self.name, retry_after_s=30)
            case unknown:
                assert_never(unknown)


class OpenCircuit:
    """Leaves its dependency alone for half a minute more, whenever it is asked."""

    def enter(self) -> Permit:
        raise CircuitOpen("remembering", retry_after_s=30)

    def foresee(self) -> Prospect:
        return Prospect(refused_for_s=30)


OPEN, CLOSED = OpenCircuit(), NeverOpen()


class InlinePool(Executor):
    """Runs each send where it is submitted: all of a process's threads stand still, and end, together."""

    def submit(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(call(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  what a future is for; a death goes through
            future.set_exception(error)
        return future


class HastyClock:
    """A monotonic clock of which every second reading is a quarter of a second later: what has gathered is written."""

    def __init__(self) -> None:
        self._readings = 0

    def __call__(self) -> float:
        self._readings += 1
        return self._readings * 0.125
