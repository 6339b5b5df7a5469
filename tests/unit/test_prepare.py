"""Whether a claimed delivery is still wanted, where it goes now, and what it says."""

from collections.abc import Collection, Mapping
from uuid import UUID, uuid4

import pytest

from chalicelib.domain.content import RenderedEmail
from chalicelib.domain.delivery import Claimed, Settlement
from chalicelib.domain.notification import Channel, Platform, Status
from chalicelib.domain.recipient import EmailTarget, PersonAddress, PushTarget, RegisteredDevice
from chalicelib.domain.user import NewDevice
from chalicelib.errors import CarillonError, DatabaseUnavailable, InvalidTemplate
from chalicelib.services.ports import CompiledContents
from chalicelib.services.prepare import MOST_CRASHES, prepare
from tests.contract_people import a_user
from tests.fakes_core import EMAIL, PUSH, a_claim, compiled
from tests.fakes_people import FakeDevices, FakePeople, FakeUsers

CONTENTS = compiled(EMAIL, PUSH)
USERS = FakeUsers()
ADA = USERS.insert(a_user())
DEVICES = FakeDevices(USERS)
PHONE = DEVICES.register(NewDevice(uuid4(), ADA.id, "token", Platform.IOS))
KNOWN = FakePeople(USERS, DEVICES)


def welcome(_code: str, _number: int, /) -> CompiledContents:
    return CONTENTS


def the_end_of(claimed: Claimed, people: FakePeople = KNOWN) -> Settlement:
    prepared, (ended,) = prepare([claimed], people=people, compiled=welcome)
    assert prepared == []
    assert ended.attempts == claimed.attempt - 1
    return ended


def test_a_named_recipient_is_sent_to_as_named() -> None:
    ((one,), ended) = prepare([a_claim()], people=KNOWN, compiled=welcome)
    assert ended == []
    assert one.outgoing.target == EmailTarget("ada@example.org", "Ada")
    assert isinstance(one.outgoing.content, RenderedEmail)
    assert one.outgoing.content.subject == "Hello Ada"


def test_a_person_is_sent_to_at_the_address_of_this_moment() -> None:
    ((one,), _) = prepare([a_claim(PersonAddress(), user_id=ADA.id)], people=KNOWN, compiled=welcome)
    assert one.outgoing.target == EmailTarget(ADA.email, ADA.name)


def test_a_device_is_sent_to_under_the_token_of_this_moment() -> None:
    claimed = a_claim(RegisteredDevice(PHONE.id), user_id=ADA.id, channel=Channel.PUSH)
    ((one,), _) = prepare([claimed], people=KNOWN, compiled=welcome)
    assert one.outgoing.target == PushTarget("token", Platform.IOS, PHONE.id)


@pytest.mark.parametrize(
    ("claimed", "status", "reason"),
    [
        (a_claim(expired=True), Status.EXPIRED, "expired"),
        (a_claim(crashes=MOST_CRASHES), Status.FAILED, "crashed"),
        (a_claim(PersonAddress(), user_id=uuid4()), Status.SKIPPED, "no_address"),
        (a_claim(PersonAddress()), Status.SKIPPED, "no_address"),
        (a_claim(RegisteredDevice(uuid4()), user_id=ADA.id), Status.SKIPPED, "no_device"),
        (a_claim(RegisteredDevice(PHONE.id), user_id=uuid4()), Status.SKIPPED, "no_device"),
        (a_claim(variables={}), Status.FAILED, "render_failed"),
        (a_claim(locale="xx"), Status.FAILED, "render_failed"),
    ],
    ids=["expired", "crashed", "unknown-person", "nobody", "unknown-device", "anothers-device", "variables", "locale"],
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
    prepared, (ended,) = prepare([first, second, third], people=KNOWN, compiled=only_the_second_is_broken)
    assert [one.claimed for one in prepared] == [first, third]
    assert (ended.claimed, ended.status, ended.reason) == (second, Status.FAILED, "render_failed")


class AwayPeople(FakePeople):
    """Whose database is away."""

    def find_addresses(self, user_ids: Collection[UUID]) -> Mapping[UUID, EmailTarget]:
        raise DatabaseUnavailable("away")


def test_while_the_people_cannot_be_asked_the_batch_is_deferred_and_nothing_is_counted() -> None:
    batch = [a_claim(PersonAddress(), user_id=ADA.id), a_claim()]
    prepared, ended = prepare(batch, people=AwayPeople(USERS, DEVICES), compiled=welcome)
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
    prepared, ended = prepare(batch, people=KNOWN, compiled=until_it_goes)
    assert [one.claimed for one in prepared] == batch[:1]
    assert [(one.claimed, one.status) for one in ended] == [
        (batch[1], Status.EXPIRED),
        (batch[2], Status.DEFERRED),
        (batch[3], Status.DEFERRED),
    ]
