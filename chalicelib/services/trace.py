"""Tells everything about one notification to somebody who may know it."""

from uuid import UUID

from chalicelib.domain.trace import TracedNotification
from chalicelib.errors import NotFound
from chalicelib.services.ports import Traces


def trace(notification_id: UUID, *, traces: Traces) -> TracedNotification:
    """The notification as it stands, with its deliveries and their histories.

    Raises:
        NotFound: there is no such notification.
    """
    traced = traces.find(notification_id)
    if traced is None:
        raise NotFound("There is no such notification.")
    return traced
