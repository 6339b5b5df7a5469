"""Looking through what failed, over the real stores: lists, single records, and the decision that it stays so."""

from uuid import UUID, uuid4

import pytest

from chalicelib.domain.content import EmailContent, RenderedEmail
from chalicelib.domain.failure import FailureFilter, FailureReason, FailureState, Obstacle, Position
from chalicelib.domain.messages import QUEUE_HEADER, REASON_HEADER, Received
from chalicelib.domain.notification import Channel, Status
from chalicelib.errors import AddressRejected, Conflict
from chalicelib.services import list_failed
from chalicelib.services.archive import archive
from chalicelib.services.inspect_failed import Fault
from chalicelib.stores.archive import ArchiveStore
from chalicelib.stores.erasures_of_notifications import NotificationErasureStore
from tests.failures import Desk, audited, fail, let_expire, published
from tests.integration.machine.test_replaying_many import fail_many, fail_thousands
from tests.machine import CONTENT, Machine, SilentLog, now

BROKEN = EmailContent(locale="en", subject="Hello {{ name }}", html="<p>\n{{ name.first.initial }}</p>")


@pytest.fixture
def desk(machine: Machine) -> Desk:
    desk = Desk(machine.database, published(), courier=machine.courier)
    machine.compiled = desk.compiled
    return desk


def archive_bytes(machine: Machine, body: bytes, **headers: str) -> None:
    received = Received("failed.queue", body, "m-1", "correlation-1", headers)
    records = ArchiveStore(database=machine.database)
    archive([received], records=records, courier=machine.courier, clock=now, log=SilentLog())


def test_the_newest_failure_comes_first_with_what_went_wrong(machine: Machine, desk: Desk) -> None:
    older, _ = fail(machine)
    newer, failure_id = fail(machine)
    first, second = desk.page().failures
    assert (first.failure_id, first.notification_id) == (failure_id, newer.notification_id)
    assert second.notification_id == older.notification_id
    assert (first.reason, first.detail) == (FailureReason.ADDRESS_REJECTED, "no such mailbox")
    assert (first.provider, first.provider_code, first.queue) == ("mail", "550", "email")
    assert (first.channel, first.template_code, first.state) == (Channel.EMAIL, "welcome", FailureState.FAILED)


def test_pages_hold_every_record_once_whatever_fails_meanwhile(machine: Machine, desk: Desk) -> None:
    fail_many(machine, 7)
    seen: list[UUID] = []
    before: Position | None = None
    while True:
        page = desk.page(before=before, limit=2)
        seen += [each.failure_id for each in page.failures]
        fail(machine)
        before = page.next_before
        if before is None:
            break
    assert len(seen) == len(set(seen)) == 7


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (FailureFilter(channel=Channel.EMAIL), 2),
        (FailureFilter(channel=Channel.PUSH), 0),
        (FailureFilter(reason=FailureReason.ADDRESS_REJECTED, template_code="welcome"), 2),
        (FailureFilter(reason=FailureReason.MALFORMED_MESSAGE), 1),
        (FailureFilter(template_code="other"), 0),
        (FailureFilter(notification_id=uuid4()), 0),
        (FailureFilter(state=FailureState.DISCARDED), 1),
        (FailureFilter(since=now().replace(year=2100)), 0),
        (FailureFilter(until=now().replace(year=2100)), 3),
    ],
)
def test_a_filter_holds(machine: Machine, desk: Desk, wanted: FailureFilter, count: int) -> None:
    fail_many(machine, 2)
    archive_bytes(machine, b"no JSON")
    desk.discard(fail(machine)[1])
    assert len(desk.page(wanted).failures) == count


def test_the_records_of_one_notification_are_found(machine: Machine, desk: Desk) -> None:
    new, failure_id = fail(machine)
    fail(machine)
    (found,) = desk.page(FailureFilter(notification_id=new.notification_id)).failures
    assert found.failure_id == failure_id


def test_a_page_looks_at_a_bounded_number_and_says_where_to_go_on(machine: Machine, desk: Desk) -> None:
    """The only record that fits is older than all the others."""
    archive_bytes(machine, b"no JSON")
    with machine.database.session() as connection:
        connection.execute("UPDATE notifications.failed SET created_at = now() - interval '1 day'")
    fail_thousands(machine, list_failed.MOST_CANDIDATES)
    wanted = FailureFilter(reason=FailureReason.MALFORMED_MESSAGE)
    page = desk.page(wanted)
    assert page.failures == ()
    assert page.next_before is not None
    assert len(desk.page(wanted, before=page.next_before).failures) == 1


def test_a_failure_is_shown_with_its_history_and_as_it_would_be_sent(machine: Machine, desk: Desk) -> None:
    _, failure_id = fail(machine)
    shown = desk.inspect(failure_id)
    assert shown.replayable.failed is not None
    assert shown.replayable.obstacle is None
    assert shown.delivery is not None
    assert [str(event.event) for event in shown.delivery.events] == ["accepted", "queued", "sending", "failed"]
    assert shown.message is not None
    assert isinstance(shown.message.shown, RenderedEmail)
    assert shown.message.shown.subject == "Hello Ada"


def test_what_cannot_be_rendered_is_shown_with_the_line_and_with_the_corrected_template(
    machine: Machine, desk: Desk
) -> None:
    desk.templates = published(BROKEN)
    machine.compiled = desk.compiled
    new = machine.record()
    machine.deliver(machine.message(new))
    (failure,) = desk.listed()
    assert failure.reason is FailureReason.RENDER_FAILED
    shown = desk.inspect(failure.failure_id)
    assert shown.message is not None
    assert shown.message.shown == Fault("render_failed", "html: 'str object' has no attribute 'first'", line=2)
    desk.templates = published(BROKEN, CONTENT)
    corrected = desk.inspect(failure.failure_id, use_current_template=True)
    assert corrected.message is not None
    assert corrected.message.content is not None
    assert corrected.message.content.version == 2
    assert isinstance(corrected.message.shown, RenderedEmail)


def test_a_current_template_that_does_not_fit_is_told_and_not_refused(machine: Machine, desk: Desk) -> None:
    _, failure_id = fail(machine)
    desk.templates = published(EmailContent(locale="en", subject="{{ order }}", html="-"))
    shown = desk.inspect(failure_id, use_current_template=True)
    assert shown.message is not None
    assert isinstance(shown.message.shown, Fault)
    assert shown.message.shown.code == "missing_variables"


def test_a_version_that_is_gone_is_told_too(machine: Machine, desk: Desk) -> None:
    _, failure_id = fail(machine)
    desk.templates.versions.clear()
    shown = desk.inspect(failure_id)
    assert shown.message is not None
    assert isinstance(shown.message.shown, Fault)


def test_an_unreadable_message_is_shown_with_its_bytes_and_cannot_be_replayed(machine: Machine, desk: Desk) -> None:
    archive_bytes(machine, b"\x00\xff no JSON", **{QUEUE_HEADER: "email.queue", REASON_HEADER: "malformed_message"})
    (failure,) = desk.listed()
    shown = desk.inspect(failure.failure_id)
    assert shown.unread is not None
    assert (shown.unread.body, shown.unread.size_bytes) == (b"\x00\xff no JSON", 10)
    assert (shown.failure.queue, shown.failure.reason) == ("email.queue", FailureReason.MALFORMED_MESSAGE)
    assert shown.replayable.obstacle is Obstacle.UNREADABLE
    with pytest.raises(Conflict) as refusal:
        desk.replay(failure.failure_id)
    assert refusal.value.problem_code == "failure_unreadable"
    desk.discard(failure.failure_id)
    assert desk.listed() == []


def test_of_a_long_message_the_beginning_is_shown(machine: Machine, desk: Desk) -> None:
    archive_bytes(machine, b"x" * 300_000)
    (failure,) = desk.listed()
    unread = desk.inspect(failure.failure_id).unread
    assert unread is not None
    assert (len(unread.body), unread.size_bytes) == (256 * 1024, 300_000)


def test_whatever_a_foreign_message_says_of_itself_it_is_kept_under_a_reason_that_is_known(
    machine: Machine, desk: Desk
) -> None:
    archive_bytes(machine, b"?", **{QUEUE_HEADER: "some\0where", REASON_HEADER: "because\0"})
    (failure,) = desk.listed()
    assert (failure.reason, failure.queue) == (FailureReason.MALFORMED_MESSAGE, "some\ufffdwhere")


def test_a_reason_of_another_version_is_shown_as_one_without_a_word(machine: Machine, desk: Desk) -> None:
    fail(machine)
    with machine.database.session() as connection:
        connection.execute("UPDATE notifications.failed SET reason = 'eaten_by_a_dog'")
    (failure,) = desk.listed()
    assert failure.reason is FailureReason.DELIVERY_FAILED


def test_a_discarded_failure_stays_failed_and_its_history_says_so_once(machine: Machine, desk: Desk) -> None:
    new, failure_id = fail(machine)
    desk.progress.keep(new.notification_id, machine.trace(new).deliveries, for_s=3600)
    desk.discard(failure_id)
    desk.discard(failure_id)
    assert machine.delivery(new).status is Status.FAILED
    assert machine.events(new)[-2:] == ["failed", "discarded"]
    assert audited(machine) == [("client:operator", "failure.discarded", f"failure:{failure_id}")]
    assert desk.progress.recall(new.notification_id) is None
    (kept,) = desk.listed(FailureState.DISCARDED)
    assert kept.closed_at is not None


def test_what_was_replayed_cannot_be_discarded(machine: Machine, desk: Desk) -> None:
    _, failure_id = fail(machine)
    desk.replay(failure_id)
    with pytest.raises(Conflict) as refusal:
        desk.discard(failure_id)
    assert refusal.value.problem_code == "failure_replayed"


def test_an_erased_person_leaves_a_record_that_names_nobody(machine: Machine, desk: Desk) -> None:
    user_id = uuid4()
    error = AddressRejected("Quetzalcoatl lives here no more", provider="mail", provider_code="550")
    _, failure_id = fail(machine, user_id=user_id, error=error)
    erasures = NotificationErasureStore(database=machine.database)
    erasures.erase(user_id, erasures.find(user_id, limit=10))
    shown = desk.inspect(failure_id)
    assert (shown.message, shown.failure.detail) == (None, "")
    assert shown.failure.reason is FailureReason.ADDRESS_REJECTED
    assert shown.replayable.obstacle is Obstacle.ERASED
    assert "Quetzalcoatl" not in str(shown)
    with pytest.raises(Conflict) as refusal:
        desk.replay(failure_id)
    assert refusal.value.problem_code == "failure_erased"
    assert desk.replay_many().replayed == 0


def test_a_delivery_past_its_retention_leaves_a_record_that_cannot_be_replayed(machine: Machine, desk: Desk) -> None:
    _, failure_id = fail(machine)
    with machine.database.session() as connection:
        connection.execute("DELETE FROM notifications.deliveries")
        connection.execute("DELETE FROM notifications.notifications")
    assert desk.inspect(failure_id).replayable.obstacle is Obstacle.GONE
    with pytest.raises(Conflict) as refusal:
        desk.replay(failure_id)
    assert refusal.value.problem_code == "failure_gone"
    desk.discard(failure_id)


def test_why_it_cannot_be_replayed_is_told(machine: Machine, desk: Desk) -> None:
    new, failure_id = fail(machine)
    let_expire(machine, new)
    assert desk.inspect(failure_id).replayable.obstacle is Obstacle.EXPIRED
    desk.discard(failure_id)
    assert desk.inspect(failure_id).replayable.obstacle is Obstacle.DISCARDED
