"""What every store of people and devices keeps within bounds: devices of one person, and who is administrator."""

from uuid import UUID

import pytest

from chalicelib.domain.audit import NewAudit
from chalicelib.domain.notification import Platform
from chalicelib.domain.user import MAX_DEVICES, Device, NewDevice, UserChanges, UserField
from chalicelib.errors import Conflict, Forbidden, PreconditionFailed
from tests.contract_people import PeopleStores, a_device, a_user, an_audit, delete, insert, register, renamed, update


def made_admin(is_admin: bool, *, password_hash: str | None = None) -> UserChanges:
    given = {UserField.IS_ADMIN} | ({UserField.PASSWORD} if password_hash else set())
    return UserChanges(given=frozenset(given), is_admin=is_admin, password_hash=password_hash)


class Takings:
    """Registers devices, and notes from whom each was taken."""

    def __init__(self, stores: PeopleStores) -> None:
        self.stores = stores
        self.taken_from: list[UUID | None] = []

    def register(self, device: NewDevice) -> Device:
        def audit(_: Device, taken_from: UUID | None) -> NewAudit:
            self.taken_from.append(taken_from)
            return an_audit("device.registered")

        return self.stores.devices.register(device, audit=audit)


class PeopleLimitsContract:
    """Inherited by a test class that has a fixture `stores`."""

    def test_a_person_has_only_so_many_devices_however_they_come_by_them(self, stores: PeopleStores) -> None:
        ada, grace = insert(stores, a_user()), insert(stores, a_user("grace@example.com"))
        devices = [register(stores, a_device(ada, f"phone-{number}")) for number in range(MAX_DEVICES)]
        of_grace = register(stores, a_device(grace, "phone of Grace"))
        for token in ("one more", "phone of Grace"):
            with pytest.raises(Conflict) as refused:
                register(stores, a_device(ada, token))
            assert refused.value.problem_code == "too_many_devices"
        assert len(stores.devices.newest(ada.id, before=None, limit=MAX_DEVICES + 1)) == MAX_DEVICES
        assert stores.devices.newest(grace.id, before=None, limit=9) == [of_grace]
        assert register(stores, a_device(ada, "phone-7", Platform.WEB)).id == devices[7].id
        delete(stores, ada.id, devices[0].id)
        assert register(stores, a_device(ada, "phone of Grace")).user_id == ada.id

    def test_only_a_device_that_moves_is_taken_from_somebody(self, stores: PeopleStores) -> None:
        ada, grace = insert(stores, a_user()), insert(stores, a_user("grace@example.com"))
        takings = Takings(stores)
        for owner in (ada, ada, grace, grace, ada):
            assert takings.register(a_device(owner, "phone")).user_id == owner.id
        assert takings.taken_from == [None, None, ada.id, None, grace.id]

    def test_the_last_administrator_stays_one(self, stores: PeopleStores) -> None:
        root = insert(stores, a_user("root@example.com", is_admin=True))
        ada = insert(stores, a_user())
        assert not stores.users.has_other_administrators(root.id)
        assert stores.users.has_other_administrators(ada.id)
        with pytest.raises(Conflict) as refused:
            update(stores, root, made_admin(False), by_admin=True)
        assert refused.value.problem_code == "last_administrator"
        assert stores.users.find(root.id) == root
        assert not update(stores, ada, made_admin(False), by_admin=True).is_admin
        assert update(stores, root, made_admin(True), by_admin=True).is_admin
        assert update(stores, ada, made_admin(True), by_admin=True).is_admin
        assert not update(stores, root, made_admin(False), by_admin=True).is_admin

    def test_who_may_not_demote_anybody_does_not_learn_who_is_the_last(self, stores: PeopleStores) -> None:
        root = insert(stores, a_user("root@example.com", is_admin=True))
        with pytest.raises(Forbidden):
            update(stores, root, made_admin(False))
        with pytest.raises(PreconditionFailed):
            update(stores, root, made_admin(False), by_admin=True, if_match={7})

    def test_a_change_that_demotes_nobody_is_the_last_administrators_too(self, stores: PeopleStores) -> None:
        root = insert(stores, a_user("root@example.com", is_admin=True))
        assert update(stores, root, renamed("Root"), by_admin=True).is_admin
