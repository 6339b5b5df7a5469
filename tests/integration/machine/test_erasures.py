"""Erasing a person from the real stores: nothing of theirs stays, and nothing else goes."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import cast

import pytest

from chalicelib.channels.base import Deadline, Outgoing, Receipt
from chalicelib.domain.audit import Actor, new_audit
from chalicelib.domain.delivery import NewNotification, RememberedRequest
from chalicelib.domain.notification import Channel
from chalicelib.domain.preferences import Preferences
from chalicelib.domain.recipient import EmailTarget, PersonAddress
from chalicelib.domain.user import User
from chalicelib.errors import Forbidden, MessageRefused, NotFound, PreconditionFailed, ProviderUnavailable
from chalicelib.services.settle import decide
from chalicelib.stores.devices import DeviceStore
from chalicelib.stores.erasures import ErasureStore
from chalicelib.stores.erasures_of_notifications import NotificationErasureStore
from chalicelib.stores.postgres import Database
from chalicelib.stores.preferences import PreferencesStore
from chalicelib.stores.users import UserStore
from tests.contract_people import a_device, a_user, an_audit
from tests.everything_stored import found, in_postgresql
from tests.machine import Machine, RememberingProvider, now

ADMIN = Actor("client:billing", "correlation-9")
AT_ONCE = 8
WORDS = ("Quetzalcoatl", "xochitl@", "tenochtitlan")


class People:
    """A person with everything, in the real stores."""

    def __init__(self, database: Database) -> None:
        self.users = UserStore(database=database)
        self.devices = DeviceStore(database=database)
        self.preferences = PreferencesStore(database=database)
        self.erasures = ErasureStore(database=database)
        self.notifications = NotificationErasureStore(database=database)

    def register(self, email: str = "xochitl@example.com", *, is_admin: bool = False) -> User:
        user = self.users.insert(
            a_user(email, name="Quetzalcoatl", external_id=f"tenochtitlan-{email}", is_admin=is_admin),
            audit=an_audit(),
        )
        self.devices.register(a_device(user, f"tenochtitlan-{email}"), audit=lambda *_: an_audit("device.registered"))
        wanted = Preferences(categories={"tenochtitlan": {Channel.PUSH: False}})
        self.preferences.replace(user.id, wanted, if_match=None, audit=an_audit("preferences.replaced"))
        return user

    def erase(self, user: User, *, limit: int = 100) -> int:
        return self.notifications.erase(user.id, self.notifications.find(user.id, limit=limit))

    def begin(self, user: User, *, if_match: set[int] | None = None, by_admin: bool = False) -> None:
        self.erasures.begin(
            user.id,
            if_match=None if if_match is None else frozenset(if_match),
            may_erase_admins=by_admin,
            audit=new_audit(ADMIN, "user.erased", f"user:{user.id}", at=now()),
        )


@pytest.fixture
def people(database: Database) -> People:
    return People(database)


@pytest.fixture
def databases(migrated_url: str) -> Iterator[list[Database]]:
    databases = [Database(migrated_url) for _ in range(AT_ONCE)]
    yield databases
    for database in databases:
        database.close()


def recorded(machine: Machine, user: User, **options: object) -> NewNotification:
    return machine.record(targets=[PersonAddress()], user_id=user.id, **options)  # type: ignore[arg-type]


def fill(machine: Machine, database: Database, new: NewNotification) -> None:
    """Give the notification words of the person's in every place that can hold some."""
    with database.session() as connection:
        connection.execute(
            """UPDATE notifications.notifications SET variables = '{"a": {"b": "Quetzalcoatl"}}',
               metadata = '{"c": "tenochtitlan"}', recipient = '{"name": "Quetzalcoatl"}' WHERE id = %s""",
            (new.notification_id,),
        )


def test_of_a_person_whose_deliveries_are_in_every_state_nothing_is_left(
    machine: Machine, people: People, database: Database, migrated_url: str
) -> None:
    user = people.register()
    key = RememberedRequest("for xochitl@example.com", b"hash", {"notification_id": "n"})
    scheduled = recorded(machine, user, send_at=now() + timedelta(days=1), remember=key)
    accepted = recorded(machine, user)
    sent = recorded(machine, user)
    machine.deliver(machine.message(sent))
    failed = recorded(machine, user)
    machine.provider.errors = [MessageRefused("no Quetzalcoatl here", provider="p")]
    machine.deliver(machine.message(failed))
    retrying = recorded(machine, user)
    machine.provider.errors = [ProviderUnavailable("greylisted: tenochtitlan", provider="p")]
    machine.deliver(machine.message(retrying))
    sending = recorded(machine, user)
    machine.claims.claim([machine.message(sending)], lease_s=60)
    every = (scheduled, accepted, sent, failed, retrying, sending)
    for new in every:
        fill(machine, database, new)
    other = people.register("grace@example.com")
    kept = recorded(machine, other)
    assert found(in_postgresql(migrated_url), ["xochitl@", "quetzalcoatl here", "greylisted: tenochtitlan"])

    people.begin(user)
    assert people.erase(user) == len(every) - 1

    with database.session() as connection:
        connection.execute("DELETE FROM users.users WHERE id = %s", (other.id,))
    assert found(in_postgresql(migrated_url), WORDS) == {}
    ends = [machine.delivery(new) for new in every]
    assert [(end.status, end.reason) for end in ends] == [
        ("cancelled", "erased"),
        ("cancelled", "erased"),
        ("sent", None),
        ("failed", "message_refused"),
        ("cancelled", "erased"),
        ("sending", None),
    ]
    assert machine.events(scheduled) == ["scheduled", "cancelled"]
    assert [machine.trace(new).user_id for new in every] == [None] * (len(every) - 1) + [user.id]
    assert machine.trace(kept).user_id == other.id
    assert machine.delivery(kept).status == "accepted"


def test_a_delivery_that_is_being_sent_ends_with_this_attempt(machine: Machine, people: People) -> None:
    user = people.register()
    new = recorded(machine, user)
    (claimed,) = machine.claims.claim([machine.message(new)], lease_s=60)
    people.begin(user)
    people.erase(user)
    assert (claimed.user_id, claimed.variables) == (user.id, {"name": "Ada"})
    machine.let_pass(timedelta(minutes=2))  # the worker died
    for message in machine.relay():
        machine.deliver(message)
    assert machine.provider.sent == []
    assert machine.delivery(new).status == "cancelled"
    assert people.erase(user) == 1
    assert machine.trace(new).user_id is None


def test_the_outcome_of_what_was_being_sent_is_erased_as_well(
    machine: Machine, people: People, migrated_url: str
) -> None:
    user = people.register()
    new = recorded(machine, user)
    in_hand: list[int] = []

    class Refusing:
        name = "refusing"

        def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt:
            people.begin(user)
            in_hand.append(people.erase(user))
            raise MessageRefused("no Quetzalcoatl here", provider="refusing")

    machine.provider = cast(RememberingProvider, Refusing())
    machine.deliver(machine.message(new))
    assert in_hand == [0]
    assert found(in_postgresql(migrated_url), WORDS)
    assert people.erase(user) == 1
    assert found(in_postgresql(migrated_url), WORDS) == {}
    assert machine.delivery(new).status in ("failed", "cancelled")


def test_a_notification_whose_person_is_deleted_and_not_yet_erased_here_goes_nowhere(
    machine: Machine, people: People
) -> None:
    user = people.register()
    new = recorded(machine, user)
    people.begin(user)
    machine.deliver(machine.message(new))
    assert machine.provider.sent == []
    assert machine.delivery(new).status == "skipped"


def test_what_is_accepted_meanwhile_is_erased_by_the_next_turn(machine: Machine, people: People) -> None:
    user = people.register()
    people.begin(user)
    assert people.erase(user) == 0
    late = recorded(machine, user)
    assert [pending.user_id for pending in people.erasures.take_pending(limit=9)] == [user.id]
    assert people.erase(user) == 1
    assert machine.delivery(late).status == "cancelled"
    assert people.erase(user) == 0


def test_many_notifications_are_erased_page_by_page(machine: Machine, people: People) -> None:
    user = people.register()
    every = [recorded(machine, user) for _ in range(5)]
    assert [people.erase(user, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert {str(machine.delivery(new).status) for new in every} == {"cancelled"}


def test_an_erasure_is_noted_until_no_function_lives_that_could_have_read_the_person(
    people: People, database: Database
) -> None:
    user = people.register()
    people.begin(user)
    assert [pending.is_last for pending in people.erasures.take_pending(limit=9)] == [False]
    let_pass(database, timedelta(seconds=901))
    assert [pending.is_last for pending in people.erasures.take_pending(limit=9)] == [True]
    people.erasures.finish(user.id)
    people.erasures.finish(user.id)
    assert people.erasures.take_pending(limit=9) == []


def test_an_erasure_is_repeated_every_half_minute_and_not_at_every_tick(people: People, database: Database) -> None:
    user = people.register()
    people.begin(user)
    for passed_s, taken in ((0, 1), (0, 0), (29, 0), (1, 1), (2, 0)):
        let_pass(database, timedelta(seconds=passed_s))
        assert len(people.erasures.take_pending(limit=9)) == taken


def let_pass(database: Database, duration: timedelta) -> None:
    with database.session() as connection:
        connection.execute(
            "UPDATE users.erasures SET requested_at = requested_at - %(passed)s, tried_at = tried_at - %(passed)s",
            {"passed": duration},
        )


def test_who_may_not_be_erased_stays_whole(people: People) -> None:
    admin = people.register(is_admin=True)
    people.users.insert(a_user("root@example.com", is_admin=True), audit=an_audit())
    with pytest.raises(Forbidden):
        people.begin(admin)
    with pytest.raises(PreconditionFailed):
        people.begin(admin, if_match={7}, by_admin=True)
    assert people.users.find(admin.id) == admin
    assert people.erasures.take_pending(limit=9) == []
    people.begin(admin, if_match={1, 7}, by_admin=True)
    with pytest.raises(NotFound):
        people.begin(admin, by_admin=True)


def test_a_recipient_that_a_request_named_itself_is_not_touched(machine: Machine, people: People) -> None:
    user = people.register()
    new = machine.record(targets=[EmailTarget("ada@example.org", "Ada")])
    people.begin(user)
    assert people.erase(user) == 0
    assert machine.delivery(new).status == "accepted"


def test_of_many_who_erase_one_person_at_once_one_does_and_all_their_erasing_of_notifications_is_one(
    machine: Machine, people: People, databases: list[Database]
) -> None:
    user = people.register()
    every = [recorded(machine, user) for _ in range(20)]
    start = threading.Barrier(AT_ONCE)

    def erase(database: Database) -> tuple[str, int]:
        start.wait(timeout=30)
        try:
            People(database).begin(user)
            outcome = "begun"
        except NotFound:
            outcome = "not_found"
        return outcome, People(database).erase(user)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(erase, databases))
    assert [outcome for outcome, _ in outcomes].count("begun") == 1
    assert sum(count for _, count in outcomes) == len(every)
    assert all(machine.events(new) == ["accepted", "cancelled"] for new in every)


def test_erasing_and_claiming_at_once_leave_each_delivery_in_one_hand(
    machine: Machine, people: People, databases: list[Database]
) -> None:
    user = people.register()
    every = [recorded(machine, user) for _ in range(40)]
    start = threading.Barrier(2)

    def claim() -> int:
        start.wait(timeout=30)
        messages = [machine.message(new) for new in every]
        return len(type(machine.claims)(database=databases[0]).claim(messages, lease_s=60))

    def erase() -> int:
        start.wait(timeout=30)
        return sum(People(databases[1]).erase(user, limit=40) for _ in range(3))

    with ThreadPoolExecutor(2) as pool:
        claimed, erased = pool.submit(claim), pool.submit(erase)
        claimed.result(), erased.result()
        statuses = [str(machine.delivery(new).status) for new in every]
        assert erased.result() == statuses.count("cancelled")
        assert statuses.count("sending") == claimed.result()
        assert statuses.count("sending") + statuses.count("cancelled") == len(every)


def test_everybody_who_is_to_be_erased_has_a_turn(people: People) -> None:
    users = {people.register(f"xochitl-{number}@example.com").id for number in range(5)}
    for user_id in users:
        people.erasures.begin(
            user_id, if_match=None, may_erase_admins=False, audit=new_audit(ADMIN, "user.erased", "user:…", at=now())
        )
    turns = [people.erasures.take_pending(limit=2) for _ in range(3)]
    assert {one.user_id for turn in turns for one in turn} == users


def test_an_outcome_that_comes_after_the_erasure_tells_nothing(
    machine: Machine, people: People, migrated_url: str
) -> None:
    user = people.register()
    new = recorded(machine, user)
    (claimed,) = machine.claims.claim([machine.message(new)], lease_s=30)
    people.begin(user)
    people.erase(user)
    machine.let_pass(timedelta(seconds=31))
    machine.relay()
    people.erase(user)
    late = decide(claimed, MessageRefused("xochitl@example.com is not taken"), machine.delays)
    assert machine.settlements.settle([late]) == {}
    assert machine.events(new)[-1] == "outcome_late"
    assert found(in_postgresql(migrated_url), WORDS) == {}
