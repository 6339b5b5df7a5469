"""Pages of notifications: bounded work, nobody else's, nothing twice and nothing left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from chalicelib.domain.identity import moment_of, new_id, sibling_id
from chalicelib.domain.listing import Candidates, ListedNotification, NotificationFilter
from chalicelib.domain.notification import Channel, NotificationStatus, Priority, Status
from chalicelib.domain.trace import TracedDelivery, TracedNotification
from chalicelib.errors import Forbidden
from chalicelib.services.list_notifications import MAX_PAGE_BYTES, MOST_CANDIDATES, list_notifications
from tests.fakes_core import NOON

ANY = NotificationFilter()
FAILED = NotificationFilter(status=NotificationStatus.FAILED)


def a_delivery(notification_id: UUID, status: Status, channel: Channel = Channel.EMAIL) -> TracedDelivery:
    return TracedDelivery(
        delivery_id=sibling_id(notification_id),
        channel=channel,
        locale="en",
        status=status,
        reason=None,
        attempts=1,
        crashes=0,
        provider=None,
        provider_message_id=None,
        wake_at=None,
        created_at=NOON,
        updated_at=NOON,
    )


def a_notification(notification_id: UUID, user_id: UUID | None) -> TracedNotification:
    return TracedNotification(
        notification_id=notification_id,
        client_id="billing",
        user_id=user_id,
        recipient_name=None,
        template_code="welcome",
        template_version=1,
        category=None,
        priority=Priority.NORMAL,
        locale="en",
        variables={},
        metadata={},
        correlation_id="correlation-1",
        send_at=None,
        expires_at=None,
        created_at=moment_of(notification_id),
        deliveries=(),
    )


@dataclass
class FakeListing:
    """Walks from newest to oldest, as the indexes do, and counts what is looked at."""

    stored: dict[UUID, tuple[UUID | None, tuple[TracedDelivery, ...], int]] = field(default_factory=dict)
    looked_at: int = 0

    def add(self, number: int, *statuses: Status, user_id: UUID | None = None, stored_bytes: int = 0) -> UUID:
        notification_id = new_id(NOON + timedelta(seconds=number))
        deliveries = tuple(a_delivery(notification_id, status) for status in statuses)
        self.stored[notification_id] = (user_id, deliveries, stored_bytes)
        return notification_id

    def find_candidates(self, wanted: NotificationFilter, *, before: UUID | None, most: int) -> Candidates:
        newest_first = sorted(self.stored, reverse=True)
        rows = [
            each
            for each in newest_first
            if (before is None or each < before) and wanted.user_id in (None, self.stored[each][0])
        ][:most]
        return Candidates(tuple(rows), last=rows[-1] if len(rows) == most else None)

    def load_deliveries(self, ids: Sequence[UUID]) -> Mapping[UUID, Sequence[TracedDelivery]]:
        self.looked_at += len(ids)
        return {each: self.stored[each][1] for each in ids}

    def load_notifications(self, ids: Sequence[UUID]) -> Sequence[ListedNotification]:
        return [ListedNotification(a_notification(each, self.stored[each][0]), self.stored[each][2]) for each in ids]


@pytest.fixture
def listing() -> FakeListing:
    return FakeListing()


def all_pages(listing: FakeListing, wanted: NotificationFilter, *, limit: int) -> list[list[UUID]]:
    pages: list[list[UUID]] = []
    before = None
    while True:
        page = list_notifications(wanted, only_own=None, before=before, limit=limit, listing=listing)
        pages.append([each.notification_id for each in page.notifications])
        before = page.next_before
        if before is None:
            return pages


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 11])
def test_pages_together_are_everything_once_newest_first(listing: FakeListing, count: int) -> None:
    made = [listing.add(number, Status.SENT) for number in range(count)]
    pages = all_pages(listing, ANY, limit=5)
    assert [each for page in pages for each in page] == made[::-1]
    assert len(pages) == max(1, -(-count // 5))


def test_newer_notifications_do_not_shift_a_page(listing: FakeListing) -> None:
    made = [listing.add(number, Status.SENT) for number in range(6)]
    first = list_notifications(ANY, only_own=None, before=None, limit=3, listing=listing)
    listing.add(100, Status.SENT)
    second = list_notifications(ANY, only_own=None, before=first.next_before, limit=3, listing=listing)
    assert [each.notification_id for each in second.notifications] == made[2::-1]


def test_a_status_follows_from_the_deliveries(listing: FakeListing) -> None:
    listing.add(1, Status.SENT, Status.FAILED)
    failed = listing.add(2, Status.FAILED, Status.SKIPPED)
    listing.add(3, Status.FAILED, Status.QUEUED)
    listing.add(4)
    assert all_pages(listing, FAILED, limit=10) == [[failed]]


def test_a_page_looks_at_so_many_and_no_more_and_leads_on(listing: FakeListing) -> None:
    oldest = listing.add(0, Status.FAILED)
    for number in range(1, MOST_CANDIDATES + 2):
        listing.add(number, Status.SENT)
    first = list_notifications(FAILED, only_own=None, before=None, limit=5, listing=listing)
    assert (first.notifications, listing.looked_at) == ((), MOST_CANDIDATES)
    assert first.next_before is not None
    assert all_pages(listing, FAILED, limit=5) == [[], [oldest]]


def test_a_full_page_stops_looking(listing: FakeListing) -> None:
    for number in range(MOST_CANDIDATES):
        listing.add(number, Status.FAILED)
    page = list_notifications(FAILED, only_own=None, before=None, limit=5, listing=listing)
    assert len(page.notifications) == 5
    assert page.next_before == page.notifications[-1].notification_id
    assert listing.looked_at < MOST_CANDIDATES / 2


def test_a_channel_is_one_that_some_delivery_uses(listing: FakeListing) -> None:
    mail = listing.add(1, Status.SENT)
    push = listing.add(2, Status.SENT)
    _, deliveries, _ = listing.stored[push]
    listing.stored[push] = (None, tuple(replace(each, channel=Channel.PUSH) for each in deliveries), 0)
    assert all_pages(listing, NotificationFilter(channel=Channel.EMAIL), limit=5) == [[mail]]
    assert all_pages(listing, NotificationFilter(channel=Channel.PUSH), limit=5) == [[push]]


def test_a_page_ends_before_it_is_too_large_for_an_answer(listing: FakeListing) -> None:
    made = [listing.add(number, Status.SENT, stored_bytes=MAX_PAGE_BYTES // 2) for number in range(3)]
    assert all_pages(listing, ANY, limit=10) == [[each] for each in made[::-1]]


def test_who_is_confined_to_their_own_sees_nothing_else(listing: FakeListing) -> None:
    ada, grace = uuid4(), uuid4()
    mine = listing.add(1, Status.SENT, user_id=ada)
    listing.add(2, Status.SENT, user_id=grace)
    listing.add(3, Status.SENT)
    for wanted in (ANY, NotificationFilter(user_id=ada)):
        page = list_notifications(wanted, only_own=ada, before=None, limit=5, listing=listing)
        assert [each.notification_id for each in page.notifications] == [mine]


def test_asking_for_somebody_elses_is_refused(listing: FakeListing) -> None:
    with pytest.raises(Forbidden):
        list_notifications(NotificationFilter(user_id=uuid4()), only_own=uuid4(), before=None, limit=5, listing=listing)
