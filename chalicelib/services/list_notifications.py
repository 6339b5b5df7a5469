"""Lists notifications, newest first, at a cost per page that does not grow with their number.

A notification's status is not stored: it follows from its deliveries. So a page that asks for a status or a channel
looks at a bounded number of candidates and keeps those that fit. It may be short, or empty, while more pages follow.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from chalicelib.domain.listing import ListedNotification, NotificationFilter, NotificationPage
from chalicelib.domain.trace import TracedDelivery, TracedNotification
from chalicelib.errors import Forbidden
from chalicelib.services.ports import Listing

MOST_CANDIDATES = 2_000
"""How many rows one page looks at, at most."""

STRIDE = 250
"""How many further candidates' deliveries are loaded at once."""

MAX_PAGE_BYTES = 4 * 1024 * 1024
"""A page ends early rather than exceed what a function may answer (Lambda: 6 MB)."""

DELIVERY_BYTES = 600
NOTIFICATION_BYTES = 1_000


def list_notifications(
    wanted: NotificationFilter, *, only_own: UUID | None, before: UUID | None, limit: int, listing: Listing
) -> NotificationPage:
    """The notifications made before `before` that are wanted: `limit` of them at most.

    `only_own` is the person to whose own notifications the caller is confined.

    Raises:
        Forbidden: they asked for somebody else's.
    """
    if only_own is not None:
        if wanted.user_id not in (None, only_own):
            raise Forbidden("This belongs to somebody else.", code="not_yours")
        wanted = replace(wanted, user_id=only_own)
    most = MOST_CANDIDATES if wanted.asks_of_deliveries else limit + 1
    candidates = listing.find_candidates(wanted, before=before, most=most)
    fitting: dict[UUID, Sequence[TracedDelivery]] = {}
    last = candidates.last
    for notification_id, deliveries in _with_deliveries(candidates.ids, limit + 1, listing):
        if not wanted.admits(deliveries):
            continue
        if len(fitting) == limit:
            last = next(reversed(fitting))
            break
        fitting[notification_id] = deliveries
    listed = listing.load_notifications(tuple(fitting))
    return _as_long_as_they_fit(listed, fitting, last)


def _with_deliveries(
    candidates: Sequence[UUID], first: int, listing: Listing
) -> Iterator[tuple[UUID, Sequence[TracedDelivery]]]:
    """Each candidate's deliveries: at first those of so many candidates as a page of fitting ones takes."""
    start, end = 0, first
    while stride := candidates[start:end]:
        deliveries = listing.load_deliveries(stride)
        yield from ((notification_id, deliveries.get(notification_id, ())) for notification_id in stride)
        start, end = end, end + STRIDE


def _as_long_as_they_fit(
    listed: Sequence[ListedNotification], deliveries: Mapping[UUID, Sequence[TracedDelivery]], last: UUID | None
) -> NotificationPage:
    page: list[TracedNotification] = []
    size = 0
    for one in listed:
        notification_id = one.notification.notification_id
        size += NOTIFICATION_BYTES + one.stored_bytes + DELIVERY_BYTES * len(deliveries[notification_id])
        if page and size > MAX_PAGE_BYTES:
            return NotificationPage(tuple(page), next_before=page[-1].notification_id)
        page.append(replace(one.notification, deliveries=tuple(deliveries[notification_id])))
    return NotificationPage(tuple(page), next_before=last)
