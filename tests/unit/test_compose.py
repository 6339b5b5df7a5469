"""What a request becomes: who, which version, which channels, in which language."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from uuid import uuid4

import pytest

from chalicelib.domain.catalog import NewTemplate
from chalicelib.domain.content import EmailContent
from chalicelib.domain.delivery import NewNotification
from chalicelib.domain.notification import Channel, HoldReason, Platform, Priority, SkipReason, Status
from chalicelib.domain.preferences import Preferences, QuietHours
from chalicelib.domain.recipient import EmailTarget, PersonAddress, PushTarget, RegisteredDevice
from chalicelib.domain.request import NamedRecipient, SendNotification
from chalicelib.domain.user import NewDevice
from chalicelib.errors import InvalidRequest
from chalicelib.services.compose import compose
from chalicelib.services.load_compiled import load_compiled
from tests.contract_people import a_user
from tests.fakes_core import EMAIL, NOON, PUSH, FakeWishes
from tests.fakes_people import FakeDevices, FakePeople, FakeTemplates, FakeUsers

FRENCH = EmailContent(locale="fr", subject="Bonjour {{ name }}", html="<p>{{ name }} {{ ville }}</p>")
ALL = {"name": "Ada", "what": "it", "ville": "Paris"}


class World:
    """A person with two devices, and a template in two languages."""

    def __init__(self) -> None:
        self.users = FakeUsers()
        self.devices = FakeDevices(self.users)
        self.templates = FakeTemplates()
        self.templates.insert(NewTemplate("welcome", "Welcome", "onboarding", "en", (EMAIL, FRENCH, PUSH)))
        self.templates.insert(NewTemplate("draft", "Draft", None, "en", (EMAIL,)))
        self.templates.publish("welcome", 1)
        self.wishes = FakeWishes()
        self.ada = self.users.insert(replace(a_user(), locale="fr-CA"))
        self.device_ids = [
            self.devices.register(NewDevice(uuid4(), self.ada.id, token, Platform.IOS)).id for token in ("a", "b")
        ]

    def compose(self, **fields: object) -> NewNotification:
        to_ada: dict[str, object] = {"user_id": self.ada.id, "template_code": "welcome", "variables": ALL}
        recipient = {"user_id": None} if "recipient" in fields else {}
        command = replace(SendNotification("client", "correlation-1", "welcome"), **{**to_ada, **recipient, **fields})  # type: ignore[arg-type]  # a test names the fields it means
        return compose(
            command,
            people=FakePeople(self.users, self.devices),
            preferences_of=self.wishes,
            catalog=self.templates,
            compiled=lambda code, number: load_compiled(code, number, versions=self.templates),
            now=NOON,
        )


@pytest.fixture
def world() -> World:
    return World()


def refused(world: World, **fields: object) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as error:
        world.compose(**fields)
    return error.value


def test_a_person_is_reached_by_their_address_and_each_of_their_devices(world: World) -> None:
    new = world.compose()
    references = [delivery.reference for delivery in new.deliveries]
    assert references[0] == PersonAddress()
    assert set(references[1:]) == {RegisteredDevice(device_id) for device_id in world.device_ids}
    assert {delivery.status for delivery in new.deliveries} == {Status.ACCEPTED}
    assert new.recipient_name is None


def test_all_identifiers_share_one_millisecond(world: World) -> None:
    new = world.compose()
    identifiers = {new.notification_id, *(delivery.delivery_id for delivery in new.deliveries)}
    assert len(identifiers) == 4
    assert {identifier.int >> 80 for identifier in identifiers} == {round(NOON.timestamp() * 1000)}


def test_a_named_recipient_is_kept_as_named(world: World) -> None:
    devices = (PushTarget("t", Platform.WEB),)
    new = world.compose(recipient=NamedRecipient("grace@example.org", "Grace", "en", devices))
    assert [delivery.reference for delivery in new.deliveries] == [EmailTarget("grace@example.org", "Grace"), *devices]
    assert new.recipient_name == "Grace"


def test_a_channel_by_which_nobody_is_reached_is_skipped_and_says_so(world: World) -> None:
    new = world.compose(recipient=NamedRecipient())
    assert [(delivery.status, delivery.reason) for delivery in new.deliveries] == [
        (Status.SKIPPED, SkipReason.NO_ADDRESS),
        (Status.SKIPPED, SkipReason.NO_DEVICE),
    ]


@pytest.mark.parametrize(
    ("wanted", "locales"),
    [(None, {"fr", "en"}), ("en", {"en"}), ("de", {"en"}), ("FR_ca", {"fr", "en"})],
)
def test_the_language_is_the_requests_then_the_persons_then_the_templates(
    world: World, wanted: str | None, locales: set[str]
) -> None:
    new = world.compose(locale=wanted)
    assert {delivery.locale for delivery in new.deliveries} == locales


def test_only_the_contents_that_are_used_need_their_variables(world: World) -> None:
    world.compose(locale="en", variables={"name": "Ada", "what": "it"})
    error = refused(world, variables={"name": "Ada"})
    assert error.problem_code == "missing_variables"
    assert [flaw.pointer for flaw in error.flaws] == ["/variables/ville", "/variables/what"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"user_id": uuid4()}, "user_not_found"),
        ({"template_code": "unheard-of"}, "template_not_found"),
        ({"template_code": "draft"}, "template_not_published"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_exist_is_named(world: World, fields: dict[str, object], code: str) -> None:
    error = refused(world, **fields)
    assert error.problem_code == code
    assert error.flaws


def test_a_channel_that_the_template_lacks_is_refused(world: World) -> None:
    world.templates.insert(NewTemplate("mail-only", "Mail", None, "en", (EMAIL,)))
    world.templates.publish("mail-only", 1)
    error = refused(world, template_code="mail-only", channels=(Channel.EMAIL, Channel.PUSH))
    assert error.problem_code == "channel_not_in_template"


def test_only_the_wanted_channels_are_used(world: World) -> None:
    assert {delivery.channel for delivery in world.compose(channels=(Channel.EMAIL,)).deliveries} == {Channel.EMAIL}


@pytest.mark.parametrize(
    ("priority", "lanes"),
    [
        (Priority.HIGH, {"email", "push"}),
        (Priority.NORMAL, {"email", "push"}),
        (Priority.LOW, {"email.bulk", "push.bulk"}),
    ],
)
def test_low_priority_travels_in_the_bulk_lanes(world: World, priority: Priority, lanes: set[str]) -> None:
    assert {delivery.lane for delivery in world.compose(priority=priority).deliveries} == lanes


def test_a_time_ahead_schedules_and_a_time_gone_by_does_not(world: World) -> None:
    later = world.compose(send_at=NOON + timedelta(hours=1))
    assert {(delivery.status, delivery.wake_at) for delivery in later.deliveries} == {
        (Status.SCHEDULED, NOON + timedelta(hours=1))
    }
    past = world.compose(send_at=NOON - timedelta(hours=1))
    assert {delivery.status for delivery in past.deliveries} == {Status.ACCEPTED}
    assert past.send_at is None


def test_the_category_is_the_requests_else_the_templates(world: World) -> None:
    assert world.compose().category == "onboarding"
    assert world.compose(category="digest").category == "digest"


NO_MAIL = Preferences(channels={Channel.EMAIL: False})
NO_ONBOARDING_MAIL = Preferences(categories={"onboarding": {Channel.EMAIL: False}})
LUNCH = Preferences(quiet_hours=QuietHours(time(11, 30), time(13)))
NIGHT = Preferences(quiet_hours=QuietHours(time(22), time(7)), timezone="Europe/Paris")
ONE_PM = NOON + timedelta(hours=1)


@pytest.mark.parametrize("wishes", [NO_MAIL, NO_ONBOARDING_MAIL], ids=["channel", "the-templates-category"])
@pytest.mark.parametrize("priority", Priority)
def test_a_channel_that_the_person_does_not_want_is_skipped_whatever_the_priority(
    world: World, wishes: Preferences, priority: Priority
) -> None:
    world.wishes.told[world.ada.id] = wishes
    new = world.compose(priority=priority)
    told = [(delivery.channel, delivery.status, delivery.reason) for delivery in new.deliveries]
    assert told[0] == (Channel.EMAIL, Status.SKIPPED, SkipReason.OPTED_OUT)
    assert {(channel, status) for channel, status, _ in told[1:]} == {(Channel.PUSH, Status.ACCEPTED)}


def test_the_requests_category_is_the_one_that_counts(world: World) -> None:
    world.wishes.told[world.ada.id] = NO_ONBOARDING_MAIL
    assert {delivery.status for delivery in world.compose(category="security").deliveries} == {Status.ACCEPTED}


def test_an_unwanted_push_is_one_skipped_delivery_however_many_devices_there_are(world: World) -> None:
    world.wishes.told[world.ada.id] = Preferences(channels={Channel.PUSH: False})
    pushes = [delivery for delivery in world.compose().deliveries if delivery.channel is Channel.PUSH]
    assert [(push.status, push.reason) for push in pushes] == [(Status.SKIPPED, SkipReason.OPTED_OUT)]


@pytest.mark.parametrize("priority", [Priority.NORMAL, Priority.LOW])
def test_quiet_hours_put_a_notification_off_until_their_end_and_say_so(world: World, priority: Priority) -> None:
    world.wishes.told[world.ada.id] = LUNCH
    new = world.compose(priority=priority)
    held = {(delivery.status, delivery.reason, delivery.wake_at) for delivery in new.deliveries}
    assert held == {(Status.SCHEDULED, HoldReason.QUIET_HOURS, ONE_PM)}
    assert new.send_at is None


def test_high_priority_passes_quiet_hours(world: World) -> None:
    world.wishes.told[world.ada.id] = LUNCH
    assert {delivery.status for delivery in world.compose(priority=Priority.HIGH).deliveries} == {Status.ACCEPTED}


@pytest.mark.parametrize(
    ("send_at", "reason", "wake_at"),
    [
        (NOON + timedelta(minutes=30), HoldReason.QUIET_HOURS, ONE_PM),
        (ONE_PM, None, ONE_PM),
        (NOON + timedelta(days=1), HoldReason.QUIET_HOURS, ONE_PM + timedelta(days=1)),
    ],
    ids=["within", "after", "tomorrow"],
)
def test_with_a_time_ahead_the_quiet_hours_of_that_time_count(
    world: World, send_at: datetime, reason: HoldReason | None, wake_at: datetime
) -> None:
    world.wishes.told[world.ada.id] = LUNCH
    new = world.compose(send_at=send_at)
    assert {(delivery.reason, delivery.wake_at) for delivery in new.deliveries} == {(reason, wake_at)}
    assert new.send_at == send_at


def test_a_night_crosses_midnight_by_the_persons_own_clock(world: World) -> None:
    world.wishes.told[world.ada.id] = NIGHT
    new = world.compose(send_at=NOON + timedelta(hours=9, minutes=30))  # 22:30 in Paris
    assert {delivery.wake_at for delivery in new.deliveries} == {NOON + timedelta(hours=18)}  # 07:00 in Paris


def test_what_expires_in_quiet_hours_is_looked_at_when_it_does(world: World) -> None:
    world.wishes.told[world.ada.id] = LUNCH
    new = world.compose(expires_at=NOON + timedelta(minutes=5))
    assert {delivery.wake_at for delivery in new.deliveries} == {NOON + timedelta(minutes=5)}


def test_a_named_recipient_has_no_wishes(world: World) -> None:
    new = world.compose(recipient=NamedRecipient("ada@example.org", "Ada", "en"), channels=(Channel.EMAIL,))
    assert {delivery.status for delivery in new.deliveries} == {Status.ACCEPTED}
