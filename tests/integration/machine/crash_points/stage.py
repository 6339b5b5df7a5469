"""Actors that move one at a time, from one side effect to the next, when and how a director says so.

Each actor is a thread that stands still at every point where another process could get in between, or where its own
could end. As only one of them ever moves, the same directions make the same run, however the machine is loaded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import StrEnum

from chalicelib.errors import CarillonError
from tests.fakes_core import Died

PATIENCE_S = 60.0
"""No step takes so long: an actor that is silent for this hangs, and the test says where."""


class Turn(StrEnum):
    """What befalls an actor at the side effect that it is about to have."""

    GO = "go"
    DIE = "die"  # its process ends here; the effects so far stay
    AWAY = "away"  # what it calls is not there, or fails for now
    LOST = "lost"  # what it calls has its effect, and the answer never arrives
    REFUSED = "refused"  # a provider says no for good; for all others, as GO
    CIRCUIT_OPEN = "circuit_open"  # a provider is left alone; for all others, as GO


class Actor:
    """One process at work. `at` is the point at which it stands; None when it has ended."""

    def __init__(self, name: str, work: Callable[[Actor], None], *, ended: Callable[[], None]) -> None:
        """`work` calls `point` before each of its side effects; `ended` is called when it has come to its end."""
        self.name = name
        self.at: str | None = None
        self.error: CarillonError | None = None
        self.died = False
        self._work = work
        self._ended = ended
        self._surprise: BaseException | None = None
        self._turn = Turn.GO
        self._dies = False
        self._may_move = threading.Semaphore(0)
        self._stands = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        self._await()

    def go_on(self, turn: Turn = Turn.GO) -> None:
        """Let it have the side effect before which it stands, in the way of `turn`, and come to the next one."""
        assert self.at is not None, f"{self.name} has ended"
        self._turn = turn
        self._dies = turn is Turn.DIE
        self._may_move.release()
        self._await()

    def finish(self) -> None:
        """Let it go on to its end."""
        while self.at is not None:
            self.go_on()

    def point(self, at: str) -> Turn:
        """Stand still, in the actor's own thread, until it may go on. Raises: Died, and again when it cleans up."""
        if not self._dies:
            self.at = at
            self._stands.release()
            self._may_move.acquire()
        if self._dies:
            raise Died
        return self._turn

    def _await(self) -> None:
        assert self._stands.acquire(timeout=PATIENCE_S), f"{self.name} hangs after {self.at}"
        if self.at is None:
            self._thread.join()
        if self._surprise is not None:
            raise self._surprise

    def _run(self) -> None:
        try:
            self._may_start()
            self._work(self)
        except Died:
            self.died = True
        except CarillonError as error:  # the edge answers it, or has the batch redelivered
            self.error = error
        except BaseException as surprise:  # noqa: BLE001  raised again where the test sees it
            self._surprise = surprise
        self.at = None
        self._ended()
        self._stands.release()

    def _may_start(self) -> None:
        self.point("start")
