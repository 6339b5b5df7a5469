"""Lists over the real store: the same filters and pages, whichever index answers."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from chalicelib.domain.delivery import NewDelivery
from chalicelib.domain.identity import moment_of, new_id, sibling_id
from chalicelib.domain.listing import NotificationFilter
from chalicelib.domain.notification import Channel, NotificationStatus, Status
from chalicelib.domain.recipient import PersonAddress
from chalicelib.services.list_notifications import list_notifications
from chalicelib.stores.notification_list import NotificationListStore
from chalicelib.stores.postgres import Database
from tests.machine import Machine, new_notification

ADA = uuid4()
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def record(
    machine: Machine,
    minutes: float,
    *statuses: Status,
    user_id: UUID | None = None,
    template_code: str = "welcome",
    channel: Channel = Channel.EMAIL,
) -> UUID:
    """A notification of that minute, whose deliveries have come to these states."""
    notification_id = new_id(at(minutes))
    deliveries = tuple(
        NewDelivery(sibling_id(notification_id), channel, str(channel), "en", PersonAddress(), Status.ACCEPTED)
        for _ in statuses
    )
    new = new_notification(notification_id, deliveries, user_id=user_id, template_code=template_code)
    machine.notifications.record(new, remember=None, remember_s=60)
    with machine.database.session() as connection:
        for delivery, status in zip(deliveries, statuses, strict=True):
            connection.execute(
                "UPDATE notifications.deliveries SET status = %(status)s::text, wake_at = CASE WHEN %(status)s IN "
                "('sent', 'failed', 'skipped', 'expired', 'cancelled') THEN NULL ELSE wake_at END, "
                "attempts = (%(status)s IN ('sent', 'failed', 'retrying'))::int WHERE id = %(id)s",
                {"status": status, "id": delivery.delivery_id},
            )
    return notification_id


def listed(machine: Machine, wanted: NotificationFilter, *, limit: int = 2) -> list[UUID]:
    """All pages, one after the other."""
    store = NotificationListStore(database=machine.database)
    found: list[UUID] = []
    before = None
    while True:
        page = list_notifications(wanted, only_own=None, before=before, limit=limit, listing=store)
        found += [each.notification_id for each in page.notifications]
        before = page.next_before
        if before is None:
            return found


def test_every_filter_shows_what_it_says_newest_first(machine: Machine) -> None:
    sent = record(machine, 1, Status.SENT, user_id=ADA)
    failed = record(machine, 2, Status.FAILED, Status.SKIPPED, template_code="bill")
    partial = record(machine, 3, Status.SENT, Status.FAILED, user_id=ADA, template_code="bill")
    push = record(machine, 4, Status.SCHEDULED, channel=Channel.PUSH)
    processing = record(machine, 5, Status.RETRYING, Status.FAILED, user_id=ADA)
    fresh = record(machine, 6, Status.QUEUED)
    cancelled = record(machine, 7, Status.CANCELLED, Status.CANCELLED, Status.CANCELLED)
    everything = [cancelled, fresh, processing, push, partial, failed, sent]
    wanted = NotificationFilter
    status = NotificationStatus
    expected: Sequence[tuple[NotificationFilter, list[UUID]]] = [
        (wanted(), everything),
        (wanted(user_id=ADA), [processing, partial, sent]),
        (wanted(template_code="bill"), [partial, failed]),
        (wanted(user_id=ADA, template_code="bill"), [partial]),
        (wanted(status=status.SENT), [sent]),
        (wanted(status=status.FAILED), [failed]),
        (wanted(status=status.PARTIAL), [partial]),
        (wanted(status=status.PARTIAL, template_code="bill"), [partial]),
        (wanted(status=status.PARTIAL, template_code="welcome"), []),
        (wanted(status=status.SCHEDULED), [push]),
        (wanted(status=status.PROCESSING), [processing]),
        (wanted(status=status.PROCESSING, user_id=uuid4()), []),
        (wanted(status=status.ACCEPTED), [fresh]),
        (wanted(status=status.CANCELLED), [cancelled]),
        (wanted(status=status.EXPIRED), []),
        (wanted(channel=Channel.PUSH), [push]),
        (wanted(channel=Channel.PUSH, status=status.FAILED), []),
        (wanted(since=at(3), until=at(5)), [push, partial]),
        (wanted(since=at(3), status=status.CANCELLED), [cancelled]),
        (wanted(until=at(3), user_id=ADA), [sent]),
    ]
    for filter_, ids in expected:
        for limit in (1, 2, 50):
            assert listed(machine, filter_, limit=limit) == ids, (filter_, limit)


def test_created_at_itself_is_within_from_and_not_within_to(machine: Machine) -> None:
    notification_id = record(machine, 1.0001, Status.SENT)
    created_at = moment_of(notification_id)
    assert listed(machine, NotificationFilter(since=created_at)) == [notification_id]
    assert listed(machine, NotificationFilter(until=created_at)) == []
    just_after = created_at + timedelta(microseconds=1)
    assert listed(machine, NotificationFilter(since=just_after)) == []
    assert listed(machine, NotificationFilter(until=just_after)) == [notification_id]


def test_many_of_one_millisecond_are_each_shown_once(machine: Machine) -> None:
    made = [record(machine, 1, Status.FAILED, Status.FAILED) for _ in range(12)]
    for wanted in (NotificationFilter(), NotificationFilter(status=NotificationStatus.FAILED)):
        found = listed(machine, wanted, limit=5)
        assert found == sorted(made, reverse=True)


def test_an_item_is_the_whole_notification_without_its_events(machine: Machine, database: Database) -> None:
    notification_id = record(machine, 1, Status.SENT, Status.FAILED, user_id=ADA)
    store = NotificationListStore(database=database)
    page = list_notifications(NotificationFilter(), only_own=None, before=None, limit=5, listing=store)
    traced = machine.traces.find(notification_id)
    assert traced is not None
    without_events = tuple(replace(delivery, events=()) for delivery in traced.deliveries)
    assert page.notifications == (replace(traced, deliveries=without_events),)


def test_a_notification_that_retention_is_on_its_way_through_is_left_out(machine: Machine) -> None:
    notification_id = record(machine, 1, Status.SENT)
    with machine.database.session() as connection:
        connection.execute("DELETE FROM notifications.deliveries WHERE notification_id = %s", [notification_id])
    assert listed(machine, NotificationFilter()) == []
