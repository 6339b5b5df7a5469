"""Sends what a worker has in its hands, many at once, and settles each outcome as it arrives."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from typing import Protocol

from chalicelib.channels.base import Deadline, Outgoing, Receipt
from chalicelib.domain.delivery import Claimed
from chalicelib.domain.retry import RetryDelays
from chalicelib.services.guarded_provider import Room
from chalicelib.services.ports import Log
from chalicelib.services.prepare import Prepared
from chalicelib.services.readiness import Readiness
from chalicelib.services.settle import Settler, decide, outcome_of

ROOM_TO_START_S = 5.0
ROOM_TO_SETTLE_S = 3.0


class Carrier(Protocol):
    """The way to the providers of a channel."""

    def foresee(self, *, within_s: float) -> Room: ...

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt: ...


@dataclass(slots=True, kw_only=True)
class Sender:
    """Within the time that an invocation has left. `concurrency` is how many are sent at once at most."""

    left: Readiness
    carrier: Carrier
    pool: Executor
    concurrency: int
    send_timeout_s: float
    delays: RetryDelays
    settler: Settler
    remaining_s: Callable[[], float]
    log: Log

    @property
    def time_to_start_s(self) -> float:
        """For how long another one may be started."""
        return max(0.0, self.remaining_s() - ROOM_TO_START_S)

    def send_all(self, portions: Iterator[Sequence[Claimed]], *, abreast: int) -> None:
        """Send and settle all of them; what there is no time for goes back to its queue.

        The next portion is asked for when all of the one before are under way: as little as possible is in hand
        without being sent, for whatever is in hand when a function dies may be what has killed it.

        Raises:
            DatabaseUnavailable: an outcome could not be written in the time there was.
        """
        at_once = min(self.concurrency, abreast)
        in_flight: dict[Future[Receipt], Claimed] = {}
        while True:
            while len(in_flight) < at_once and self.time_to_start_s and (one := self._next_of(portions)):
                in_flight[self.pool.submit(self.carrier.send, one.outgoing, deadline=self._deadline())] = one.claimed
            if not in_flight:
                break
            done, _ = wait(in_flight, timeout=self.settler.due_in_s, return_when=FIRST_COMPLETED)
            for send in done:
                claimed = in_flight.pop(send)
                self.settler.add(decide(claimed, outcome_of(send, self.log), self.delays))
            self.settler.flush_when_due()
        self.left.give_up()
        self.settler.flush()

    def put_all_back(self, batch: Sequence[Claimed]) -> None:
        """There is no time for any of them. Raises: DatabaseUnavailable, as above."""
        self.left.begin(batch)
        self.left.give_up()
        self.settler.flush()

    def _next_of(self, portions: Iterator[Sequence[Claimed]]) -> Prepared | None:
        while (one := self.left.take()) is None:
            portion = next(portions, None)
            if portion is None:
                return None
            self.left.begin(portion)
        return one

    def _deadline(self) -> Deadline:
        return Deadline.after(min(self.send_timeout_s, self.remaining_s() - ROOM_TO_SETTLE_S))
