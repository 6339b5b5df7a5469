"""Publishes what was just recorded: a hurry, not a duty. What is not confirmed or not noted in time, `relay` finds."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from chalicelib.domain.delivery import NewNotification, Waiting
from chalicelib.domain.messages import dispatch_of
from chalicelib.domain.notification import Status
from chalicelib.errors import DatabaseUnavailable
from chalicelib.services.ports import Courier, Outbox

PUBLISH_TIMEOUT_S = 0.25
EACH_S = 0.001
LONGEST_TIMEOUT_S = 2.0
MOST_NOTED = 1_000
"""How many rows are noted in one statement."""


def announce(new: Sequence[NewNotification], *, outbox: Outbox, courier: Courier, published_at: datetime) -> None:
    """Publish the accepted deliveries of committed notifications, all at once, and note those that were taken over.

    It takes a quarter of a second at most, and a millisecond more for each message, up to two seconds.
    """
    waiting = list(_waiting(new))
    if not waiting:
        return
    dispatches = [dispatch_of(row.message(published_at=published_at), lane=row.lane) for row in waiting]
    timeout_s = min(PUBLISH_TIMEOUT_S + EACH_S * (len(waiting) - 1), LONGEST_TIMEOUT_S)
    taken = [waiting[index] for index in sorted(courier.publish(dispatches, timeout_s=timeout_s))]
    try:
        for start in range(0, len(taken), MOST_NOTED):
            outbox.mark_queued(taken[start : start + MOST_NOTED], published_at=published_at)
    except DatabaseUnavailable:
        return  # the promise is committed, and its wake_at stands


def _waiting(new: Sequence[NewNotification]) -> Iterator[Waiting]:
    for notification in new:
        for delivery in notification.deliveries:
            if delivery.status is Status.ACCEPTED:
                yield Waiting(
                    delivery_id=delivery.delivery_id,
                    notification_id=notification.notification_id,
                    channel=delivery.channel,
                    lane=delivery.lane,
                    ticket=1,
                    correlation_id=notification.correlation_id,
                )
