"""What every store of people and devices must do, real or in memory: a test class names its stores and inherits."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import pytest

from chalicelib.domain.identity import new_id
from chalicelib.domain.notification import Platform
from chalicelib.domain.recipient import EmailTarget, Person, PushTarget
from chalicelib.domain.user import NewDevice, NewUser, User
from chalicelib.errors import Conflict, NotFound
from chalicelib.services.create_user import NewUsers
from chalicelib.services.forget_device import DeviceRemoval
from chalicelib.services.list_devices import DeviceLists
from chalicelib.services.ports import People
from chalicelib.services.register_device import DeviceRegister


class Devices(DeviceRegister, DeviceLists, DeviceRemoval, Protocol):
    """All that is done with devices."""


@dataclass(frozen=True, slots=True)
class PeopleStores:
    users: NewUsers
    devices: Devices
    people: People


def a_user(
    email: str = "ada@example.com",
    *,
    name: str = "Ada Lovelace",
    external_id: str | None = None,
    password_hash: str | None = None,
) -> NewUser:
    return NewUser(
        id=new_id(datetime.now(UTC)),
        email=email,
        name=name,
        password_hash=password_hash,
        locale="en-GB",
        timezone="Europe/London",
        external_id=external_id,
    )


def a_device(user: User, token: str, platform: Platform = Platform.IOS) -> NewDevice:
    return NewDevice(id=new_id(datetime.now(UTC)), user_id=user.id, token=token, platform=platform)


def a_stranger() -> UUID:
    return new_id(datetime.now(UTC))


class PeopleContract:
    """Inherited by a test class that has a fixture `stores`."""

    def test_a_person_is_stored_whole(self, stores: PeopleStores) -> None:
        new = a_user(external_id="crm-7")
        user = stores.users.insert(new)
        assert (user.id, user.email, user.name) == (new.id, "ada@example.com", "Ada Lovelace")
        assert (user.locale, user.timezone, user.external_id) == ("en-GB", "Europe/London", "crm-7")
        assert user.revision == 1
        assert user.created_at == user.updated_at
        assert user.created_at.utcoffset() is not None

    @pytest.mark.parametrize("email", ["ada@example.com", "ADA@Example.COM"])
    def test_an_address_belongs_to_one_person_whatever_its_case(self, stores: PeopleStores, email: str) -> None:
        stores.users.insert(a_user())
        with pytest.raises(Conflict) as refused:
            stores.users.insert(a_user(email))
        assert refused.value.problem_code == "email_taken"

    def test_an_external_id_belongs_to_one_person(self, stores: PeopleStores) -> None:
        stores.users.insert(a_user(external_id="crm-7"))
        with pytest.raises(Conflict) as refused:
            stores.users.insert(a_user("grace@example.com", external_id="crm-7"))
        assert refused.value.problem_code == "external_id_taken"

    def test_many_people_have_no_external_id(self, stores: PeopleStores) -> None:
        assert stores.users.insert(a_user()).external_id is None
        assert stores.users.insert(a_user("grace@example.com")).external_id is None

    def test_a_person_is_found_with_all_their_devices(self, stores: PeopleStores) -> None:
        user = stores.users.insert(a_user())
        phone = stores.devices.register(a_device(user, "phone"))
        browser = stores.devices.register(a_device(user, "browser", Platform.WEB))
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
        user = stores.users.insert(a_user())
        found = stores.people.find_person(user.id)
        assert found is not None
        assert found.devices == ()
        assert stores.people.find_person(a_stranger()) is None

    def test_addresses_are_found_of_those_who_exist(self, stores: PeopleStores) -> None:
        ada, grace = stores.users.insert(a_user()), stores.users.insert(a_user("grace@example.com", name="Grace"))
        assert stores.people.find_addresses([ada.id, grace.id, a_stranger()]) == {
            ada.id: EmailTarget("ada@example.com", "Ada Lovelace"),
            grace.id: EmailTarget("grace@example.com", "Grace"),
        }
        assert stores.people.find_addresses([]) == {}

    def test_a_device_registered_again_by_its_owner_stays_the_same_device(self, stores: PeopleStores) -> None:
        user = stores.users.insert(a_user())
        first = stores.devices.register(a_device(user, "phone"))
        again = stores.devices.register(a_device(user, "phone", Platform.ANDROID))
        assert (again.id, again.created_at) == (first.id, first.created_at)
        assert again.platform is Platform.ANDROID
        assert stores.devices.newest(user.id, before=None, limit=9) == [again]

    def test_a_device_moves_to_its_last_registrant_under_a_new_id(self, stores: PeopleStores) -> None:
        ada, grace = stores.users.insert(a_user()), stores.users.insert(a_user("grace@example.com"))
        of_ada = stores.devices.register(a_device(ada, "phone"))
        of_grace = stores.devices.register(a_device(grace, "phone"))
        assert of_grace.id != of_ada.id
        assert stores.devices.newest(ada.id, before=None, limit=9) == []
        assert stores.people.find_device_tokens([of_ada.id, of_grace.id]) == {
            of_grace.id: (grace.id, PushTarget("phone", Platform.IOS, of_grace.id))
        }

    def test_nobody_else_than_a_person_can_have_a_device(self, stores: PeopleStores) -> None:
        user = stores.users.insert(a_user())
        with pytest.raises(NotFound) as refused:
            stores.devices.register(replace(a_device(user, "phone"), user_id=a_stranger()))
        assert refused.value.problem_code == "user_not_found"
        assert stores.devices.has_user(user.id)
        assert not stores.devices.has_user(a_stranger())

    def test_devices_are_listed_newest_first_from_where_a_page_ended(self, stores: PeopleStores) -> None:
        user = stores.users.insert(a_user())
        registered = [stores.devices.register(a_device(user, f"phone-{number}")) for number in range(5)]
        newest_first = sorted(registered, key=lambda device: device.id, reverse=True)
        assert stores.devices.newest(user.id, before=None, limit=2) == newest_first[:2]
        assert stores.devices.newest(user.id, before=newest_first[1].id, limit=9) == newest_first[2:]
        assert stores.devices.newest(user.id, before=newest_first[-1].id, limit=9) == []

    def test_a_device_is_removed_by_its_owner_only(self, stores: PeopleStores) -> None:
        ada, grace = stores.users.insert(a_user()), stores.users.insert(a_user("grace@example.com"))
        device = stores.devices.register(a_device(ada, "phone"))
        assert stores.devices.delete(grace.id, device.id) is None
        assert stores.devices.delete(ada.id, device.id) == device.id
        assert stores.devices.delete(ada.id, device.id) is None

    def test_a_dead_device_is_forgotten_once(self, stores: PeopleStores) -> None:
        device = stores.devices.register(a_device(stores.users.insert(a_user()), "phone"))
        assert stores.people.remove_device(device.id) is True
        assert stores.people.remove_device(device.id) is False
        assert stores.people.find_device_tokens([device.id]) == {}

    def test_a_dead_device_that_was_registered_anew_by_another_is_not_forgotten(self, stores: PeopleStores) -> None:
        ada, grace = stores.users.insert(a_user()), stores.users.insert(a_user("grace@example.com"))
        of_ada = stores.devices.register(a_device(ada, "phone"))
        of_grace = stores.devices.register(a_device(grace, "phone"))
        assert stores.people.remove_device(of_ada.id) is False
        assert list(stores.people.find_device_tokens([of_grace.id])) == [of_grace.id]
