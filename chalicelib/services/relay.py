"""Brings back every open row whose time has come: nothing stays with a broker that lost it or a worker that died."""

from collections.abc import Callable, Sequence

from chalicelib.domain.delivery import Waiting
from chalicelib.domain.messages import dispatch_of
from chalicelib.errors import BrokerUnavailable
from chalicelib.services.ports import Clock, Courier, LaneGauge, Log, Outbox

PAGE = 500
PAUSE_S = 2.0
ROOM_FOR_A_PASS_S = 15.0
PUBLISH_TIMEOUT_S = 5.0
GAUGE_TIMEOUT_S = 2.0


def relay(
    *,
    outbox: Outbox,
    courier: Courier,
    gauge: LaneGauge,
    clock: Clock,
    remaining_s: Callable[[], float],
    pause: Callable[[float], object],
    log: Log,
) -> None:
    """Pass over the outbox at once, and again every two seconds while another pass fits into the invocation.

    Several may run: each row goes to one of them. One that dies, or meets no broker, delays its rows by ten seconds.

    Raises:
        DatabaseUnavailable: there is nothing to be read.
    """
    while True:
        published = _pass(outbox=outbox, courier=courier, gauge=gauge, clock=clock, remaining_s=remaining_s)
        if published:
            log.info("relayed", published=published)
            log.count("relayed", published)
        if remaining_s() < ROOM_FOR_A_PASS_S:
            return
        pause(PAUSE_S)


def _pass(*, outbox: Outbox, courier: Courier, gauge: LaneGauge, clock: Clock, remaining_s: Callable[[], float]) -> int:
    published = 0
    while page := outbox.take_due(limit=PAGE):
        confirmed = _publish(page, outbox=outbox, courier=courier, clock=clock)
        published += confirmed
        if confirmed < len(page):
            return published  # the broker is away: taking more would only put it off
        if len(page) == PAGE and remaining_s() < ROOM_FOR_A_PASS_S:
            return published  # the next invocation goes on
    lanes = outbox.find_overdue_lanes()
    if lanes and (empty := _empty(lanes, gauge)) is not None:
        lost = outbox.take_lost(empty_lanes=empty, limit=PAGE)
        published += _publish(lost, outbox=outbox, courier=courier, clock=clock)
    return published


def _publish(rows: Sequence[Waiting], *, outbox: Outbox, courier: Courier, clock: Clock) -> int:
    if not rows:
        return 0
    published_at = clock()
    dispatches = [dispatch_of(row.message(published_at=published_at), lane=row.lane) for row in rows]
    taken = courier.publish(dispatches, timeout_s=PUBLISH_TIMEOUT_S)
    if taken:
        outbox.mark_queued([rows[index] for index in sorted(taken)], published_at=published_at)
    return len(taken)


def _empty(lanes: Sequence[str], gauge: LaneGauge) -> list[str] | None:
    """The lanes whose queues hold nothing; None when the broker cannot say."""
    try:
        return [lane for lane in lanes if gauge.count_ready(lane, timeout_s=GAUGE_TIMEOUT_S) == 0]
    except BrokerUnavailable:
        return None
