"""Replaying one failure over the real stores: the delivery keeps its identifier, and begins anew."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from chalicelib.channels.base import Receipt
from chalicelib.domain.content import EmailContent, PushContent
from chalicelib.domain.failure import FailureState
from chalicelib.domain.messages import Received
from chalicelib.domain.notification import NotificationStatus, Status
from chalicelib.errors import (
    Conflict,
    DatabaseUnavailable,
    InvalidRequest,
    MessageRefused,
    NotFound,
    ProviderUnavailable,
)
from chalicelib.services.archive import archive
from chalicelib.services.settle import decide
from chalicelib.stores.archive import ArchiveStore
from tests.failures import OPERATOR, Desk, audited, fail, last_message, let_expire, published, record_of
from tests.fakes_core import Died, Faulty
from tests.machine import CONTENT, Machine, SilentLog, now

CORRECTED = EmailContent(locale="en", subject="Corrected for {{ name }}", html="<p>Hello {{ name }}</p>")
DEMANDING = EmailContent(locale="en", subject="{{ name }}", html="{{ order.number }} {{ place }}")


@pytest.fixture
def desk(machine: Machine) -> Desk:
    desk = Desk(machine.database, published(), courier=machine.courier)
    machine.compiled = desk.compiled
    return desk


def test_a_replayed_delivery_keeps_its_id_begins_anew_and_is_sent(machine: Machine, desk: Desk) -> None:
    new, failure_id = fail(machine)
    before = machine.delivery(new)
    replayed = desk.replay(failure_id)
    assert (replayed.delivery_id, replayed.status) == (before.delivery_id, Status.QUEUED)
    after = machine.delivery(new)
    assert (after.status, after.attempts, after.crashes, after.reason) == (Status.QUEUED, 0, 0, None)
    assert last_message(machine.courier).ticket == 3
    machine.deliver(last_message(machine.courier))
    assert machine.events(new) == ["accepted", "queued", "sending", "failed", "replayed", "sending", "sent"]
    assert machine.delivery(new).attempts == 1
    assert machine.trace(new).status is NotificationStatus.SENT
    assert desk.inspect(failure_id).failure.state is FailureState.REPLAYED


def test_what_it_has_left_of_its_failed_life_is_void(machine: Machine, desk: Desk) -> None:
    new, failure_id = fail(machine)
    old = [last_message(machine.courier), machine.message(new, ticket=2)]
    desk.replay(failure_id)
    machine.deliver(*old)
    assert machine.provider.sent == []
    assert machine.delivery(new).status is Status.QUEUED


def test_the_archive_function_does_not_take_the_dead_message_of_a_replayed_delivery_for_lost(
    machine: Machine, desk: Desk
) -> None:
    _, failure_id = fail(machine)
    dead = machine.courier.taken[-1]
    desk.replay(failure_id)
    taken = len(machine.courier.taken)
    records = ArchiveStore(database=machine.database)
    archive([Received("failed.queue", dead.body)], records=records, courier=machine.courier, clock=now, log=SilentLog())
    assert len(machine.courier.taken) == taken
    assert desk.listed() == []


def test_replaying_twice_changes_nothing_more(machine: Machine, desk: Desk) -> None:
    new, failure_id = fail(machine)
    first, second = desk.replay(failure_id), desk.replay(failure_id)
    assert first == second
    assert machine.events(new).count("replayed") == 1
    assert [action for _, action, _ in audited(machine)] == ["failure.replayed"]


def test_what_was_sent_after_a_replay_stays_sent(machine: Machine, desk: Desk) -> None:
    _, failure_id = fail(machine)
    desk.replay(failure_id)
    machine.deliver(last_message(machine.courier))
    assert desk.replay(failure_id).status is Status.SENT
    assert len(machine.provider.sent) == 1


def test_what_fails_again_has_a_second_record_and_the_first_stays_replayed(machine: Machine, desk: Desk) -> None:
    new, first = fail(machine)
    desk.replay(first)
    machine.provider.errors = [MessageRefused("too dull")]
    machine.deliver(last_message(machine.courier))
    second = record_of(machine, new)
    assert second != first
    assert [each.failure_id for each in desk.listed()] == [second]
    assert [each.failure_id for each in desk.listed(FailureState.REPLAYED)] == [first]
    assert desk.replay(first).status is Status.FAILED
    assert desk.replay(second).status is Status.QUEUED


def test_it_is_written_down_who_replayed_and_in_which_request(machine: Machine, desk: Desk) -> None:
    new, failure_id = fail(machine)
    desk.replay(failure_id)
    assert audited(machine) == [("client:operator", "failure.replayed", f"failure:{failure_id}")]
    assert machine.delivery(new).events[-1].correlation_id == OPERATOR.correlation_id
    assert last_message(machine.courier).correlation_id == new.correlation_id


def test_a_replay_that_no_broker_takes_is_brought_by_relay(machine: Machine, desk: Desk) -> None:
    new, failure_id = fail(machine)
    machine.courier.up = False
    assert desk.replay(failure_id).status is Status.QUEUED
    machine.courier.up = True
    machine.courier.ready = {"email": 7}
    machine.let_pass(timedelta(seconds=6))
    (message,) = machine.relay()
    machine.deliver(message)
    assert machine.delivery(new).status is Status.SENT


def test_a_confirmed_replay_is_not_published_again_while_its_queue_holds_messages(machine: Machine, desk: Desk) -> None:
    _, failure_id = fail(machine)
    desk.replay(failure_id)
    machine.courier.ready = {"email": 7}
    machine.let_pass(timedelta(seconds=6))
    assert machine.relay() == []


@pytest.mark.parametrize("call", ["replay", "note_published"])
@pytest.mark.parametrize("effect", [False, True])
def test_who_dies_while_replaying_loses_nothing(machine: Machine, desk: Desk, call: str, effect: bool) -> None:
    new, failure_id = fail(machine)
    stores = desk.replays
    desk.replays = Faulty(stores, call, Died(), effect=effect)  # type: ignore[assignment]  # of the same shape
    with pytest.raises(Died):
        desk.replay(failure_id)
    desk.replays = stores
    assert desk.replay(failure_id).status is Status.QUEUED
    machine.let_pass(timedelta(minutes=2))
    machine.deliver(*machine.relay(), last_message(machine.courier))
    assert machine.delivery(new).status is Status.SENT
    assert machine.events(new).count("replayed") == 1
    assert len(machine.provider.sent) == 1


def test_who_dies_before_the_publish_leaves_it_to_relay(machine: Machine, desk: Desk) -> None:
    new, failure_id = fail(machine)
    desk.courier = Faulty(machine.courier, "publish", Died(), effect=False)  # type: ignore[assignment]  # as above
    with pytest.raises(Died):
        desk.replay(failure_id)
    machine.let_pass(timedelta(seconds=6))
    machine.deliver(*machine.relay())
    assert machine.delivery(new).status is Status.SENT


def test_a_database_that_goes_away_after_the_replay_costs_nothing_but_a_note(machine: Machine, desk: Desk) -> None:
    _, failure_id = fail(machine)
    gone = Faulty(desk.replays, "note_published", DatabaseUnavailable("gone"), effect=False)
    desk.replays = gone  # type: ignore[assignment]  # of the same shape
    assert desk.replay(failure_id).status is Status.QUEUED


def test_a_reader_is_not_shown_what_was_remembered_of_its_end(machine: Machine, desk: Desk) -> None:
    new, failure_id = fail(machine)
    desk.progress.keep(new.notification_id, machine.trace(new).deliveries, for_s=3600)
    desk.replay(failure_id)
    assert desk.progress.recall(new.notification_id) is None


def test_without_redis_a_replay_is_a_replay(machine: Machine, desk: Desk) -> None:
    _, failure_id = fail(machine)
    desk.progress.up = False
    assert desk.replay(failure_id).status is Status.QUEUED


def test_what_expired_is_not_replayed(machine: Machine, desk: Desk) -> None:
    new, failure_id = fail(machine)
    let_expire(machine, new)
    with pytest.raises(Conflict) as refusal:
        desk.replay(failure_id)
    assert refusal.value.problem_code == "failure_expired"
    assert machine.delivery(new).status is Status.FAILED
    assert audited(machine) == []


def test_what_expires_while_it_waits_for_its_replay_ends_as_expired(machine: Machine, desk: Desk) -> None:
    new, failure_id = fail(machine)
    machine.courier.up = False
    desk.replay(failure_id)
    machine.courier.up = True
    let_expire(machine, new)
    machine.let_pass(timedelta(seconds=6))
    assert machine.relay() == []
    assert machine.delivery(new).status is Status.EXPIRED
    with pytest.raises(Conflict):
        desk.replay(failure_id)


def test_what_was_discarded_is_not_replayed(machine: Machine, desk: Desk) -> None:
    _, failure_id = fail(machine)
    desk.discard(failure_id)
    with pytest.raises(Conflict) as refusal:
        desk.replay(failure_id)
    assert refusal.value.problem_code == "failure_discarded"


def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.replay(uuid4())
    with pytest.raises(NotFound):
        desk.discard(uuid4())
    with pytest.raises(NotFound):
        desk.inspect(uuid4())


def test_with_the_current_template_it_says_what_is_published_now(machine: Machine, desk: Desk) -> None:
    new, failure_id = fail(machine)
    desk.templates = published(CONTENT, CORRECTED)
    machine.compiled = desk.compiled
    desk.replay(failure_id, use_current_template=True)
    machine.deliver(last_message(machine.courier))
    (sent,) = machine.provider.sent
    assert "Corrected for Ada" in str(sent.content)
    assert machine.trace(new).template_version == 1


def test_without_the_wish_it_says_what_it_said(machine: Machine, desk: Desk) -> None:
    _, failure_id = fail(machine)
    desk.templates = published(CONTENT, CORRECTED)
    machine.compiled = desk.compiled
    desk.replay(failure_id)
    machine.deliver(last_message(machine.courier))
    assert "Hello Ada" in str(machine.provider.sent[0].content)


def test_the_language_is_chosen_anew(machine: Machine, desk: Desk) -> None:
    french = EmailContent(locale="fr", subject="Bonjour {{ name }}", html="<p>Bonjour</p>")
    desk.templates = published(french)
    machine.compiled = desk.compiled
    _, failure_id = fail(machine)
    machine.provider.errors = []
    assert desk.replay(failure_id, use_current_template=True).status is Status.QUEUED
    machine.deliver(last_message(machine.courier))
    assert "Bonjour Ada" in str(machine.provider.sent[0].content)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (PushContent(locale="en", title="Hello", body="Ada"), "channel_not_in_template"),
        (DEMANDING, "missing_variables"),
    ],
    ids=["channel", "variables"],
)
def test_a_current_template_that_does_not_fit_is_refused_and_says_why(
    machine: Machine, desk: Desk, content: EmailContent | PushContent, code: str
) -> None:
    new, failure_id = fail(machine)
    desk.templates = published(content)
    with pytest.raises(InvalidRequest) as refusal:
        desk.replay(failure_id, use_current_template=True)
    assert refusal.value.problem_code == code
    assert code != "missing_variables" or "order, place" in refusal.value.detail
    assert machine.delivery(new).status is Status.FAILED


def test_a_template_that_is_archived_or_not_published_cannot_be_the_current_one(machine: Machine, desk: Desk) -> None:
    _, failure_id = fail(machine)
    desk.templates.archived.add("welcome")
    with pytest.raises(InvalidRequest) as gone:
        desk.replay(failure_id, use_current_template=True)
    desk.templates.archived.clear()
    head = desk.templates.templates["welcome"]
    desk.templates.templates["welcome"] = replace(head, published_version=None)
    with pytest.raises(InvalidRequest) as draft:
        desk.replay(failure_id, use_current_template=True)
    codes = (gone.value.problem_code, draft.value.problem_code)
    assert codes == ("template_not_found", "template_not_published")


def test_a_cancelled_replay_is_not_sent(machine: Machine, desk: Desk) -> None:
    new, failure_id = fail(machine)
    assert machine.cancel(new) == 0
    desk.replay(failure_id)
    assert machine.cancel(new) == 1
    machine.deliver(last_message(machine.courier))
    assert machine.provider.sent == []
    assert desk.replay(failure_id).status is Status.CANCELLED


def test_an_outcome_that_comes_after_the_replay_is_told_and_changes_nothing(machine: Machine, desk: Desk) -> None:
    new = machine.record()
    (claimed,) = machine.claims.claim([machine.message(new)], lease_s=30)
    late = decide(claimed, Receipt("mail", "id"), machine.delays)
    machine.settlements.settle([decide(claimed, MessageRefused("no"), machine.delays)])
    desk.replay(record_of(machine, new))
    machine.settlements.settle([late])
    assert machine.delivery(new).status is Status.QUEUED


def test_retries_begin_anew(machine: Machine, desk: Desk) -> None:
    new = machine.record()
    machine.provider.errors = [ProviderUnavailable("busy") for _ in range(4)]
    for ticket in range(1, 5):
        machine.deliver(machine.message(new, ticket=ticket))
    assert machine.delivery(new).status is Status.FAILED
    desk.replay(record_of(machine, new))
    machine.provider.errors = [ProviderUnavailable("busy")]
    machine.deliver(last_message(machine.courier))
    assert (machine.delivery(new).status, machine.delivery(new).attempts) == (Status.RETRYING, 1)
