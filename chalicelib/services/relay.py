"""Brings back every open row whose time has come: nothing stays with a broker that lost it or a worker that died.

One pass, as far as the lanes have room and the invocation has time:

    queued rows whose message is lost  →  rows that are due  →  deferred rows whose provider is back
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.domain.backflow import Allowance
from chalicelib.domain.delivery import Waiting
from chalicelib.domain.messages import dispatch_of
from chalicelib.services.lane_room import LaneRoom
from chalicelib.services.ports import Clock, Courier, LaneGauge, Log, Outbox
from chalicelib.services.release import LeftAlone, Release

PAGE = 500
PAUSE_S = 2.0
ROOM_FOR_A_PASS_S = 15.0
ROOM_FOR_A_PAGE_S = 8.0
"""More than a page ever takes: a publish that times out, and the statements around it."""

PUBLISH_TIMEOUT_S = 5.0


def relay(
    *,
    outbox: Outbox,
    courier: Courier,
    gauge: LaneGauge,
    clock: Clock,
    remaining_s: Callable[[], float],
    pause: Callable[[float], object],
    log: Log,
    release: Release | None = None,
) -> None:
    """Pass over the outbox at once, and again every two seconds while another pass fits into the invocation.

    Without `release` every deferred row waits for its own time. Several may run: each row goes to one of them. One that
    dies, or meets no broker, delays its rows by ten seconds.

    Raises:
        DatabaseUnavailable: there is nothing to be read.
    """
    while True:
        one = _Pass(outbox, courier, LaneRoom(gauge), clock, remaining_s, release)
        one.run()
        if one.published:
            log.info("relayed", published=one.published)
            log.count("relayed", one.published)
        if remaining_s() < ROOM_FOR_A_PASS_S:
            return
        pause(PAUSE_S)


@dataclass(slots=True)
class _Pass:
    """Each step tells whether the next makes sense: not while the broker is away, which would only put rows off.

    A lane whose messages the broker does not take, for its queue is gone, counts as full: no other waits for it.
    """

    outbox: Outbox
    courier: Courier
    room: LaneRoom
    clock: Clock
    remaining_s: Callable[[], float]
    release: Release | None
    published: int = 0

    def run(self) -> None:
        if self._publish_lost() and self._publish_due() and self.release:
            self._publish_released(self.release)
        if full := self.room.full:
            self.outbox.end_within(full, limit=PAGE)

    def _publish_lost(self) -> bool:
        lanes = self.outbox.find_overdue_lanes()
        while (among := self.room.know(lanes)).known:
            reviewed = self.outbox.take_lost(among=among, limit=PAGE)
            if not self._publish(reviewed.lost):
                return False
            if reviewed.is_last or not self._has_time():
                break
        return True

    def _publish_due(self) -> bool:
        while page := self.outbox.take_due(limit=PAGE, full_lanes=self.room.full):
            self._publish(page)
            if not self._has_time():
                return False  # the next invocation goes on
        return self.published > 0 or not self.room.closed

    def _publish_released(self, release: Release) -> None:
        for allowance in release.allowances():
            if not self._publish_allowed(allowance, release.left_alone):
                return

    def _publish_allowed(self, allowance: Allowance, left_alone: LeftAlone) -> bool:
        left = allowance.count
        while left > 0 and (rows := left_alone.take(allowance, limit=min(PAGE, left), full_lanes=self.room.full)):
            if not self._publish(rows) or not self._has_time():
                return False
            left -= len(rows)
        return True

    def _publish(self, rows: Sequence[Waiting]) -> bool:
        """Publish what its lane has room for, and note it; whether the broker took all of that."""
        fitting = self.room.fit(rows)
        if not fitting:
            return True
        published_at = self.clock()
        dispatches = [dispatch_of(row.message(published_at=published_at), lane=row.lane) for row in fitting]
        taken = self.courier.publish(dispatches, timeout_s=PUBLISH_TIMEOUT_S)
        if taken:
            self.outbox.mark_queued([fitting[index] for index in sorted(taken)], published_at=published_at)
        self.published += len(taken)
        for index in set(range(len(fitting))) - taken:
            self.room.close(fitting[index].lane)
        return len(taken) == len(fitting)

    def _has_time(self) -> bool:
        return self.remaining_s() >= ROOM_FOR_A_PAGE_S
