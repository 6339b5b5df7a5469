"""What every store of people and devices must do, real or in memory: a test class names its stores and inherits."""

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import pytest

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.identity import new_id
from chalicelib.domain.notification import Platform
from chalicelib.domain.recipient import EmailTarget, Person, PushTarget
from chalicelib.domain.user import Device, NewDevice, NewUser, User, UserChanges, UserField, UserFilter
from chalicelib.errors import Conflict, Forbidden, NotFound, PreconditionFailed
from chalicelib.services.change_user import ChangeableUsers
from chalicelib.services.create_user import NewUsers
from chalicelib.services.find_user import UserLists
from chalicelib.services.forget_device import DeviceRemoval
from chalicelib.services.list_devices import DeviceLists
from chalicelib.services.ports import People
from chalicelib.services.register_device import DeviceRegister

VISIBLE = [chr(code) for code in range(ord("!"), ord("~") + 1)]
SOMEBODY = Actor(name="client:billing", correlation_id="correlation-1")


class Devices(DeviceRegister, DeviceLists, DeviceRemoval, Protocol):
    """All that is done with devices."""


class Users(NewUsers, ChangeableUsers, UserLists, Protocol):
    """All that is done with people."""


@dataclass(frozen=True, slots=True)
class PeopleStores:
    users: Users
    devices: Devices
    people: People


def a_user(
    email: str = "ada@example.com",
    *,
    name: str = "Ada Lovelace",
    external_id: str | None = None,
    password_hash: str | None = None,
    is_admin: bool = False,
) -> NewUser:
    return NewUser(
        id=new_id(datetime.now(UTC)),
        email=email,
        name=name,
        password_hash=password_hash,
        locale="en-GB",
        timezone="Europe/London",
        external_id=external_id,
        is_admin=is_admin,
    )


def a_device(user: User, token: str, platform: Platform = Platform.IOS) -> NewDevice:
    return NewDevice(id=new_id(datetime.now(UTC)), user_id=user.id, token=token, platform=platform)


def random_text(length: int) -> str:
    """Visible ASCII that cannot be compressed."""
    return "".join(secrets.choice(VISIBLE) for _ in range(length))


def a_stranger() -> UUID:
    return new_id(datetime.now(UTC))


def an_audit(action: str = "user.created", target: str = "user:somebody") -> NewAudit:
    return new_audit(SOMEBODY, action, target, at=datetime.now(UTC))


def insert(stores: PeopleStores, user: NewUser) -> User:
    return stores.users.insert(user, audit=an_audit())


def register(stores: PeopleStores, device: NewDevice) -> Device:
    return stores.devices.register(device, audit=lambda stored, _: an_audit("device.registered", f"device:{stored.id}"))


def delete(stores: PeopleStores, user_id: UUID, device_id: UUID) -> UUID | None:
    return stores.devices.delete(user_id, device_id, audit=an_audit("device.forgotten"))


def update(
    stores: PeopleStores, user: User, changes: UserChanges, *, if_match: set[int] | None = None, by_admin: bool = False
) -> User:
    return stores.users.update(
        user.id,
        changes,
        if_match=None if if_match is None else frozenset(if_match),
        may_change_admins=by_admin,
        audit=an_audit("user.updated"),
    )


def renamed(name: str) -> UserChanges:
    return UserChanges(given=frozenset({UserField.NAME}), name=name)


class PeopleContract:
    """Inherited by a test class that has a fixture `stores`."""

    def test_a_person_is_stored_whole(self, stores: PeopleStores) -> None:
        new = a_user(external_id="crm-7")
        user = insert(stores, new)
        assert (user.id, user.email, user.name) == (new.id, "ada@example.com", "Ada Lovelace")
        assert (user.locale, user.timezone, user.external_id) == ("en-GB", "Europe/London", "crm-7")
        assert user.revision == 1
        assert user.created_at == user.updated_at
        assert user.created_at.utcoffset() is not None

    @pytest.mark.parametrize("email", ["ada@example.com", "ADA@Example.COM"])
    def test_an_address_belongs_to_one_person_whatever_its_case(self, stores: PeopleStores, email: str) -> None:
        insert(stores, a_user())
        with pytest.raises(Conflict) as refused:
            insert(stores, a_user(email))
        assert refused.value.problem_code == "email_taken"

    def test_an_external_id_belongs_to_one_person(self, stores: PeopleStores) -> None:
        insert(stores, a_user(external_id="crm-7"))
        with pytest.raises(Conflict) as refused:
            insert(stores, a_user("grace@example.com", external_id="crm-7"))
        assert refused.value.problem_code == "external_id_taken"

    def test_many_people_have_no_external_id(self, stores: PeopleStores) -> None:
        assert insert(stores, a_user()).external_id is None
        assert insert(stores, a_user("grace@example.com")).external_id is None

    def test_only_what_is_given_changes_and_the_revision_grows(self, stores: PeopleStores) -> None:
        user = insert(stores, a_user(external_id="crm-7"))
        changed = update(stores, user, replace(renamed("Augusta"), email="not@given.example"), if_match={1, 7})
        assert changed == replace(user, name="Augusta", revision=2, updated_at=changed.updated_at)
        assert changed.updated_at > user.updated_at
        assert stores.users.find(user.id) == changed

    def test_every_field_can_be_changed_and_what_may_be_absent_removed(self, stores: PeopleStores) -> None:
        user = insert(stores, a_user(external_id="crm-7", password_hash="digest"))
        every = UserChanges(
            given=frozenset(UserField),
            email="Grace@Example.com",
            name="Grace",
            password_hash=None,
            locale=None,
            timezone="UTC",
            external_id=None,
            is_admin=True,
        )
        changed = update(stores, user, every)
        assert (changed.email, changed.name, changed.timezone) == ("Grace@Example.com", "Grace", "UTC")
        assert (changed.locale, changed.external_id, changed.is_admin) == (None, None, True)
        assert insert(stores, a_user(external_id="crm-7")).email == "ada@example.com"
        with pytest.raises(Conflict):
            insert(stores, a_user("grace@example.com"))

    def test_a_change_meant_for_another_revision_changes_nothing(self, stores: PeopleStores) -> None:
        user = insert(stores, a_user())
        for revisions in (set[int](), {2}, {0, 7}):
            with pytest.raises(PreconditionFailed):
                update(stores, user, renamed("Eve"), if_match=revisions)
        assert stores.users.find(user.id) == user

    def test_a_person_who_is_not_there_cannot_be_changed_nor_found(self, stores: PeopleStores) -> None:
        nobody = replace(insert(stores, a_user()), id=a_stranger())
        with pytest.raises(NotFound) as refused:
            update(stores, nobody, renamed("Eve"), if_match={7})
        assert refused.value.problem_code == "user_not_found"
        assert stores.users.find(nobody.id) is None

    def test_only_who_may_changes_an_administrator(self, stores: PeopleStores) -> None:
        admin = insert(stores, a_user(is_admin=True))
        assert admin.is_admin
        with pytest.raises(Forbidden):
            update(stores, admin, renamed("Eve"))
        assert update(stores, admin, renamed("Root"), by_admin=True).name == "Root"

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            (UserChanges(given=frozenset({UserField.EMAIL}), email="ADA@example.com"), "email_taken"),
            (UserChanges(given=frozenset({UserField.EXTERNAL_ID}), external_id="crm-7"), "external_id_taken"),
        ],
    )
    def test_what_is_somebody_elses_cannot_be_taken(
        self, stores: PeopleStores, changes: UserChanges, code: str
    ) -> None:
        ada = insert(stores, a_user(external_id="crm-7"))
        grace = insert(stores, a_user("grace@example.com"))
        with pytest.raises(Conflict) as refused:
            update(stores, grace, changes)
        assert refused.value.problem_code == code
        assert stores.users.find(grace.id) == grace
        assert update(stores, ada, changes).revision == 2

    def test_people_are_listed_newest_first_by_what_is_asked_for(self, stores: PeopleStores) -> None:
        people = [insert(stores, a_user(f"p{number}@example.com", external_id=f"crm-{number}")) for number in range(5)]
        newest_first = sorted(people, key=lambda user: user.id, reverse=True)
        everybody = UserFilter()
        assert stores.users.newest(everybody, before=None, limit=2) == newest_first[:2]
        assert stores.users.newest(everybody, before=newest_first[1].id, limit=9) == newest_first[2:]
        assert stores.users.newest(UserFilter(email="P3@EXAMPLE.com"), before=None, limit=9) == [people[3]]
        assert stores.users.newest(UserFilter(external_id="crm-2"), before=None, limit=9) == [people[2]]
        assert stores.users.newest(UserFilter(external_id="CRM-2"), before=None, limit=9) == []
        assert stores.users.newest(UserFilter("p3@example.com", "crm-2"), before=None, limit=9) == []

    def test_many_are_found_at_once_each_with_their_devices(self, stores: PeopleStores) -> None:
        ada, grace = insert(stores, a_user()), insert(stores, a_user("grace@example.com"))
        device = register(stores, a_device(ada, "phone"))
        found = stores.people.find_persons([ada.id, grace.id, a_stranger()])
        assert found == {user.id: stores.people.find_person(user.id) for user in (ada, grace)}
        assert [target.device_id for target in found[ada.id].devices] == [device.id]
        assert stores.people.find_persons([]) == {}

    def test_a_person_is_found_with_all_their_devices(self, stores: PeopleStores) -> None:
        user = insert(stores, a_user())
        phone = register(stores, a_device(user, "phone"))
        browser = register(stores, a_device(user, "browser", Platform.WEB))
        assert stores.people.find_person(user.id) == Person(
            user_id=user.id,
            email="ada@example.com",
            name="Ada Lovelace",
            locale="en-GB",
            timezone="Europe/London",
            devices=tuple(
                PushTarget(token=device.token, platform=device.platform, device_id=device.id)
                for device in sorted((phone, browser), key=lambda device: device.id)
            ),
        )

    def test_a_person_without_devices_is_found_and_a_stranger_is_not(self, stores: PeopleStores) -> None:
        user = insert(stores, a_user())
        found = stores.people.find_person(user.id)
        assert found is not None
        assert found.devices == ()
        assert stores.people.find_person(a_stranger()) is None

    def test_addresses_are_found_of_those_who_exist(self, stores: PeopleStores) -> None:
        ada, grace = insert(stores, a_user()), insert(stores, a_user("grace@example.com", name="Grace"))
        assert stores.people.find_addresses([ada.id, grace.id, a_stranger()]) == {
            ada.id: EmailTarget("ada@example.com", "Ada Lovelace"),
            grace.id: EmailTarget("grace@example.com", "Grace"),
        }
        assert stores.people.find_addresses([]) == {}

    def test_a_device_registered_again_by_its_owner_stays_the_same_device(self, stores: PeopleStores) -> None:
        user = insert(stores, a_user())
        first = register(stores, a_device(user, "phone"))
        again = register(stores, a_device(user, "phone", Platform.ANDROID))
        assert (again.id, again.created_at) == (first.id, first.created_at)
        assert again.platform is Platform.ANDROID
        assert stores.devices.newest(user.id, before=None, limit=9) == [again]

    def test_a_device_moves_to_its_last_registrant_under_a_new_id(self, stores: PeopleStores) -> None:
        ada, grace = insert(stores, a_user()), insert(stores, a_user("grace@example.com"))
        of_ada = register(stores, a_device(ada, "phone"))
        of_grace = register(stores, a_device(grace, "phone"))
        assert of_grace.id != of_ada.id
        assert stores.devices.newest(ada.id, before=None, limit=9) == []
        assert stores.people.find_device_tokens([of_ada.id, of_grace.id]) == {
            of_grace.id: (grace.id, PushTarget("phone", Platform.IOS, of_grace.id))
        }

    def test_a_token_of_the_greatest_length_is_kept(self, stores: PeopleStores) -> None:
        user, token = insert(stores, a_user()), random_text(2048)
        assert register(stores, a_device(user, token)).token == token

    def test_nobody_else_than_a_person_can_have_a_device(self, stores: PeopleStores) -> None:
        user = insert(stores, a_user())
        with pytest.raises(NotFound) as refused:
            register(stores, replace(a_device(user, "phone"), user_id=a_stranger()))
        assert refused.value.problem_code == "user_not_found"
        assert stores.devices.has_user(user.id)
        assert not stores.devices.has_user(a_stranger())

    def test_devices_are_listed_newest_first_from_where_a_page_ended(self, stores: PeopleStores) -> None:
        user = insert(stores, a_user())
        registered = [register(stores, a_device(user, f"phone-{number}")) for number in range(5)]
        newest_first = sorted(registered, key=lambda device: device.id, reverse=True)
        assert stores.devices.newest(user.id, before=None, limit=2) == newest_first[:2]
        assert stores.devices.newest(user.id, before=newest_first[1].id, limit=9) == newest_first[2:]
        assert stores.devices.newest(user.id, before=newest_first[-1].id, limit=9) == []

    def test_a_device_is_removed_by_its_owner_only(self, stores: PeopleStores) -> None:
        ada, grace = insert(stores, a_user()), insert(stores, a_user("grace@example.com"))
        device = register(stores, a_device(ada, "phone"))
        assert delete(stores, grace.id, device.id) is None
        assert delete(stores, ada.id, device.id) == device.id
        assert delete(stores, ada.id, device.id) is None

    def test_a_dead_device_is_forgotten_once(self, stores: PeopleStores) -> None:
        device = register(stores, a_device(insert(stores, a_user()), "phone"))
        assert stores.people.remove_device(device.id) is True
        assert stores.people.remove_device(device.id) is False
        assert stores.people.find_device_tokens([device.id]) == {}

    def test_a_dead_device_that_was_registered_anew_by_another_is_not_forgotten(self, stores: PeopleStores) -> None:
        ada, grace = insert(stores, a_user()), insert(stores, a_user("grace@example.com"))
        of_ada = register(stores, a_device(ada, "phone"))
        of_grace = register(stores, a_device(grace, "phone"))
        assert stores.people.remove_device(of_ada.id) is False
        assert list(stores.people.find_device_tokens([of_grace.id])) == [of_grace.id]
