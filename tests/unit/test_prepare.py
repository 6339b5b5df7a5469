"""Whether a claimed delivery is still wanted, where it goes now, and what it says."""

from collections.abc import Collection, Mapping, Sequence
from datetime import time
from uuid import UUID, uuid4

import pytest

from chalicelib.domain.content import RenderedEmail
from chalicelib.domain.delivery import Claimed, Settlement
from chalicelib.domain.notification import Channel, Platform, Priority, Status
from chalicelib.domain.preferences import Preferences, QuietHours
from chalicelib.domain.recipient import EmailTarget, PersonAddress, PushTarget, RegisteredDevice
from chalicelib.domain.user import NewDevice
from chalicelib.errors import CarillonError, DatabaseUnavailable, InvalidTemplate
from chalicelib.services.ports import CompiledContents, CompiledTemplates
from chalicelib.services.prepare import MOST_CRASHES, Prepared, prepare
from tests.contract_people import a_user
from tests.fakes_core import EMAIL, NOON, PUSH, FakeWishes, a_claim, compiled
from tests.fakes_people import FakeDevices, FakePeople, FakeUsers

CONTENTS = compiled(EMAIL, PUSH)
USERS = FakeUsers()
ADA = USERS.insert(a_user())
DEVICES = FakeDevices(USERS)
PHONE = DEVICES.register(NewDevice(uuid4(), ADA.id, "token", Platform.IOS))
KNOWN = FakePeople(USERS, DEVICES)


def welcome(_code: str, _number: int, /) -> CompiledContents:
    return CONTENTS


def split(
    batch: Sequence[Claimed],
    *,
    people: FakePeople,
    compiled: CompiledTemplates,
    wishes: Mapping[UUID, Preferences] | None = None,
) -> tuple[list[Prepared], list[Settlement]]:
    wanted = FakeWishes(dict(wishes or {}))
    return prepare(batch, people=people, preferences_of=wanted, compiled=compiled, now=NOON)


def the_end_of(claimed: Claimed, people: FakePeople = KNOWN) -> Settlement:
    prepared, (ended,) = split([claimed], people=people, compiled=welcome)
    assert prepared == []
    assert ended.attempts == claimed.attempt - 1
    return ended


def test_a_named_recipient_is_sent_to_as_named() -> None:
    ((one,), ended) = split([a_claim()], people=KNOWN, compiled=welcome)
    assert ended == []
    assert one.outgoing.target == EmailTarget("ada@example.org", "Ada")
    assert isinstance(one.outgoing.content, RenderedEmail)
    assert one.outgoing.content.subject == "Hello Ada"


def test_a_person_is_sent_to_at_the_address_of_this_moment() -> None:
    ((one,), _) = split([a_claim(PersonAddress(), user_id=ADA.id)], people=KNOWN, compiled=welcome)
    assert one.outgoing.target == EmailTarget(ADA.email, ADA.name)


def test_a_device_is_sent_to_under_the_token_of_this_moment() -> None:
    claimed = a_claim(RegisteredDevice(PHONE.id), user_id=ADA.id, channel=Channel.PUSH)
    ((one,), _) = split([claimed], people=KNOWN, compiled=welcome)
    assert one.outgoing.target == PushTarget("token", Platform.IOS, PHONE.id)


@pytest.mark.parametrize(
    ("claimed", "status", "reason"),
    [
        (a_claim(expired=True), Status.EXPIRED, "expired"),
        (a_claim(crashes=MOST_CRASHES), Status.FAILED, "crashed"),
        (a_claim(PersonAddress(), user_id=uuid4()), Status.SKIPPED, "erased"),
        (a_claim(PersonAddress()), Status.SKIPPED, "erased"),
        (a_claim(RegisteredDevice(uuid4()), user_id=ADA.id), Status.SKIPPED, "no_device"),
        (a_claim(RegisteredDevice(PHONE.id), user_id=uuid4()), Status.SKIPPED, "no_device"),
        (a_claim(RegisteredDevice(PHONE.id)), Status.SKIPPED, "erased"),
        (a_claim(variables={}), Status.FAILED, "render_failed"),
        (a_claim(locale="xx"), Status.FAILED, "render_failed"),
    ],
    ids=[
        *("expired", "crashed", "unknown-person", "erased", "unknown-device", "anothers-device", "erased-device"),
        *("variables", "locale"),
    ],
)
def test_what_cannot_be_sent_ends_without_an_attempt(claimed: Claimed, status: Status, reason: str) -> None:
    ended = the_end_of(claimed)
    assert (ended.status, ended.reason) == (status, reason)


def test_a_failed_rendering_does_not_show_what_it_was_given() -> None:
    assert "ada" not in (the_end_of(a_claim(variables={"other": "ada@example.org"})).detail or "")


@pytest.mark.parametrize("error", [LookupError("gone"), InvalidTemplate("no longer allowed")], ids=str)
def test_a_version_that_cannot_be_used_fails_its_own_deliveries_only(error: Exception) -> None:
    def only_the_second_is_broken(_code: str, number: int, /) -> CompiledContents:
        if number == 2:
            raise error
        return CONTENTS

    first, third = a_claim(), a_claim()
    second = Claimed(**{name: getattr(a_claim(), name) for name in Claimed.__slots__} | {"template_version": 2})
    prepared, (ended,) = split([first, second, third], people=KNOWN, compiled=only_the_second_is_broken)
    assert [one.claimed for one in prepared] == [first, third]
    assert (ended.claimed, ended.status, ended.reason) == (second, Status.FAILED, "render_failed")


class AwayPeople(FakePeople):
    """Whose database is away."""

    def find_addresses(self, user_ids: Collection[UUID]) -> Mapping[UUID, EmailTarget]:
        raise DatabaseUnavailable("away")


def test_while_the_people_cannot_be_asked_the_batch_is_deferred_and_nothing_is_counted() -> None:
    batch = [a_claim(PersonAddress(), user_id=ADA.id), a_claim()]
    prepared, ended = split(batch, people=AwayPeople(USERS, DEVICES), compiled=welcome)
    assert prepared == []
    assert [(one.status, one.attempts, one.reason) for one in ended] == [
        (Status.DEFERRED, 0, "database_unavailable")
    ] * 2
    assert all(one.wake_after_s for one in ended)


def test_when_the_templates_go_away_in_the_middle_the_rest_is_deferred() -> None:
    answers: list[CompiledContents | CarillonError] = [CONTENTS, DatabaseUnavailable("away")]

    def until_it_goes(_code: str, _number: int, /) -> CompiledContents:
        answer = answers.pop(0)
        if isinstance(answer, CarillonError):
            raise answer
        return answer

    batch = [a_claim(), a_claim(expired=True), a_claim(), a_claim()]
    prepared, ended = split(batch, people=KNOWN, compiled=until_it_goes)
    assert [one.claimed for one in prepared] == batch[:1]
    assert [(one.claimed, one.status) for one in ended] == [
        (batch[1], Status.EXPIRED),
        (batch[2], Status.DEFERRED),
        (batch[3], Status.DEFERRED),
    ]


NOT_NOW = Preferences(quiet_hours=QuietHours(time(11), time(13, 30)))
NO_MAIL = Preferences(channels={Channel.EMAIL: False})
NO_ADS = Preferences(categories={"ads": {Channel.EMAIL: False}})


@pytest.mark.parametrize("wishes", [NO_MAIL, NO_ADS], ids=["channel", "category"])
@pytest.mark.parametrize("priority", Priority)
def test_who_has_opted_out_since_is_skipped_whatever_the_priority(wishes: Preferences, priority: Priority) -> None:
    claimed = a_claim(PersonAddress(), user_id=ADA.id, category="ads", priority=priority)
    prepared, (ended,) = split([claimed], people=KNOWN, compiled=welcome, wishes={ADA.id: wishes})
    assert prepared == []
    assert (ended.status, ended.reason, ended.attempts) == (Status.SKIPPED, "opted_out", 0)


def test_another_category_is_sent() -> None:
    claimed = a_claim(PersonAddress(), user_id=ADA.id, category="account")
    ((_,), ended) = split([claimed], people=KNOWN, compiled=welcome, wishes={ADA.id: NO_ADS})
    assert ended == []


@pytest.mark.parametrize("priority", [Priority.NORMAL, Priority.LOW])
def test_in_quiet_hours_a_delivery_waits_for_their_end_and_nothing_is_counted(priority: Priority) -> None:
    claimed = a_claim(PersonAddress(), user_id=ADA.id, attempt=2, priority=priority)
    prepared, (ended,) = split([claimed], people=KNOWN, compiled=welcome, wishes={ADA.id: NOT_NOW})
    assert prepared == []
    assert (ended.status, ended.reason, ended.attempts) == (Status.DEFERRED, "quiet_hours", 1)
    assert ended.wake_after_s == 90 * 60
    assert ended.retry_in_s is None


def test_high_priority_passes_quiet_hours() -> None:
    claimed = a_claim(PersonAddress(), user_id=ADA.id, priority=Priority.HIGH)
    ((_,), ended) = split([claimed], people=KNOWN, compiled=welcome, wishes={ADA.id: NOT_NOW})
    assert ended == []


def test_a_named_recipient_has_no_wishes_even_beside_people_who_have() -> None:
    named, ada = a_claim(), a_claim(PersonAddress(), user_id=ADA.id)
    ((one,), (ended,)) = split([named, ada], people=KNOWN, compiled=welcome, wishes={ADA.id: NO_MAIL})
    assert (one.claimed, ended.claimed) == (named, ada)


def test_while_what_people_want_is_not_known_the_batch_is_deferred() -> None:
    batch = [a_claim(PersonAddress(), user_id=ADA.id), a_claim()]
    away = FakeWishes(up=False)
    prepared, ended = prepare(batch, people=KNOWN, preferences_of=away, compiled=welcome, now=NOON)
    assert prepared == []
    assert [(one.status, one.reason) for one in ended] == [(Status.DEFERRED, "database_unavailable")] * 2
