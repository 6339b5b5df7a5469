"""How people are reached, read each time: an address that changed is followed, a device that went is not."""

from collections.abc import Collection, Mapping
from uuid import UUID

from chalicelib.domain.notification import Platform
from chalicelib.domain.recipient import EmailTarget, Person, PushTarget
from chalicelib.stores.postgres import Database

_FIND_PERSONS = """
    SELECT users.id, users.email, users.name, users.locale, users.timezone, devices.id, devices.token, devices.platform
      FROM users.users LEFT JOIN users.devices ON devices.user_id = users.id
     WHERE users.id = ANY(%(user_ids)s)
     ORDER BY users.id, devices.id
"""

_FIND_ADDRESSES = "SELECT id, email, name FROM users.users WHERE id = ANY(%(user_ids)s)"

_FIND_DEVICE_TOKENS = "SELECT id, user_id, token, platform FROM users.devices WHERE id = ANY(%(device_ids)s)"

_REMOVE_DEVICE = "DELETE FROM users.devices WHERE id = %(device_id)s RETURNING id"


class PeopleStore:
    """Each method is one statement in autocommit. Raises DatabaseUnavailable when it cannot be run."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def find_person(self, user_id: UUID) -> Person | None:
        """A person's address and all their devices, of one moment."""
        return self.find_persons([user_id]).get(user_id)

    def find_persons(self, user_ids: Collection[UUID]) -> Mapping[UUID, Person]:
        """The same of many, of one moment; who does not exist is missing."""
        with self._database.session() as connection:
            rows = connection.execute(_FIND_PERSONS, {"user_ids": list(user_ids)}).fetchall()
        devices: dict[UUID, list[PushTarget]] = {row[0]: [] for row in rows}
        for user_id, *_, device_id, token, platform in rows:
            if device_id is not None:
                devices[user_id].append(PushTarget(token=token, platform=Platform(platform), device_id=device_id))
        return {
            user_id: Person(user_id, email, name, locale, timezone, devices=tuple(devices[user_id]))
            for user_id, email, name, locale, timezone, *_ in rows
        }

    def find_addresses(self, user_ids: Collection[UUID]) -> Mapping[UUID, EmailTarget]:
        """The present address of each of these people; who does not exist is missing."""
        with self._database.session() as connection:
            rows = connection.execute(_FIND_ADDRESSES, {"user_ids": list(user_ids)}).fetchall()
        return {user_id: EmailTarget(address=email, name=name) for user_id, email, name in rows}

    def find_device_tokens(self, device_ids: Collection[UUID]) -> Mapping[UUID, tuple[UUID, PushTarget]]:
        """To whom each device belongs now, and its token; a device that is gone is missing."""
        with self._database.session() as connection:
            rows = connection.execute(_FIND_DEVICE_TOKENS, {"device_ids": list(device_ids)}).fetchall()
        return {
            device_id: (user_id, PushTarget(token=token, platform=Platform(platform), device_id=device_id))
            for device_id, user_id, token, platform in rows
        }

    def remove_device(self, device_id: UUID) -> bool:
        """Forget a device whose token is dead: a token that moves gets a new id. Whether it was there."""
        with self._database.session() as connection:
            return bool(connection.execute(_REMOVE_DEVICE, {"device_id": device_id}).fetchall())
