"""Tells everything about one notification to somebody who may know it."""

from dataclasses import replace
from uuid import UUID

from chalicelib.domain.trace import TracedNotification
from chalicelib.errors import Forbidden, NotFound
from chalicelib.services.ports import ProgressMemory, Traces

MOVING_S = 2
"""How long the progress of a notification that has not ended is shown again."""

ENDED_S = 3600


def trace(
    notification_id: UUID, *, only_own: UUID | None, traces: Traces, progress: ProgressMemory
) -> TracedNotification:
    """The notification, with its deliveries and their histories as they were at most two seconds ago.

    Whose it is, and what was asked for, is read from PostgreSQL each time. `only_own` is the person to whose own
    notifications the caller is confined.

    Raises:
        NotFound: there is no such notification.
        Forbidden: it is not theirs.
    """
    deliveries = progress.recall(notification_id)
    found = traces.find(notification_id) if deliveries is None else traces.find_head(notification_id)
    notification = require_found(found)
    if only_own is not None and notification.user_id != only_own:
        raise Forbidden("This belongs to somebody else.", code="not_yours")
    if deliveries is not None:
        return replace(notification, deliveries=deliveries)
    progress.keep(notification_id, notification.deliveries, for_s=ENDED_S if notification.ended else MOVING_S)
    return notification


def require_found(notification: TracedNotification | None) -> TracedNotification:
    """Raises: NotFound."""
    if notification is None:
        raise NotFound("There is no such notification.")
    return notification
