"""People, devices and clients in memory: they keep the rules that the real stores keep."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from chalicelib.domain.audit import NewAudit
from chalicelib.domain.client import ApiClient
from chalicelib.domain.recipient import EmailTarget, Person, PushTarget
from chalicelib.domain.user import MAX_DEVICES, Device, NewDevice, NewUser, User, UserChanges, UserField, UserFilter
from chalicelib.errors import Conflict, Forbidden, NotFound, PreconditionFailed
from tests.fakes_templates import FakeTemplates as FakeTemplates  # noqa: PLC0414  found here by its users

Now = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class FakeUsers:
    now: Now = utc_now
    users: dict[UUID, User] = field(default_factory=dict)
    password_hashes: dict[UUID, str | None] = field(default_factory=dict)
    audits: list[NewAudit] = field(default_factory=list)

    def insert(self, user: NewUser, *, audit: NewAudit | None = None) -> User:
        self._require_free(user.email, user.external_id, but=None)
        self._note(audit)
        now = self.now()
        stored = User(
            id=user.id,
            email=user.email,
            name=user.name,
            locale=user.locale,
            timezone=user.timezone,
            external_id=user.external_id,
            is_admin=user.is_admin,
            revision=1,
            created_at=now,
            updated_at=now,
        )
        self.users[user.id] = stored
        self.password_hashes[user.id] = user.password_hash
        return stored

    def find(self, user_id: UUID) -> User | None:
        return self.users.get(user_id)

    def has_other_administrators(self, user_id: UUID) -> bool:
        return any(user.is_admin and user.id != user_id for user in self.users.values())

    def update(
        self,
        user_id: UUID,
        changes: UserChanges,
        *,
        if_match: frozenset[int] | None,
        may_change_admins: bool,
        audit: NewAudit | None = None,
    ) -> User:
        user = self.users.get(user_id)
        if user is None:
            raise NotFound("no such user", code="user_not_found")
        if user.is_admin and not may_change_admins:
            raise Forbidden("an administrator")
        if if_match is not None and user.revision not in if_match:
            raise PreconditionFailed("changed")
        if user.is_admin and changes.demotes and not self.has_other_administrators(user_id):
            raise Conflict("the last one", code="last_administrator")
        values = asdict(changes)
        given = {name: values[name] for name in changes.given - {UserField.PASSWORD}}
        changed = replace(user, **given, revision=user.revision + 1, updated_at=self.now())
        self._require_free(changed.email, changed.external_id, but=user_id)
        self._note(audit)
        self.users[user_id] = changed
        if UserField.PASSWORD in changes.given or changed.is_admin > user.is_admin:
            self.password_hashes[user_id] = changes.password_hash
        return changed

    def newest(self, wanted: UserFilter, *, before: UUID | None, limit: int) -> Sequence[User]:
        shown = [
            user
            for user in self.users.values()
            if (wanted.email is None or user.email.casefold() == wanted.email.casefold())
            and (wanted.external_id is None or user.external_id == wanted.external_id)
            and (before is None or user.id < before)
        ]
        return sorted(shown, key=lambda user: user.id, reverse=True)[:limit]

    def _require_free(self, email: str, external_id: str | None, *, but: UUID | None) -> None:
        others = [known for known in self.users.values() if known.id != but]
        if any(known.email.casefold() == email.casefold() for known in others):
            raise Conflict("taken", code="email_taken")
        if external_id and any(known.external_id == external_id for known in others):
            raise Conflict("taken", code="external_id_taken")

    def _note(self, audit: NewAudit | None) -> None:
        self.audits += [] if audit is None else [audit]


@dataclass
class FakeDevices:
    users: FakeUsers
    devices: dict[str, Device] = field(default_factory=dict)
    audits: list[NewAudit] = field(default_factory=list)

    def register(self, device: NewDevice, *, audit: Callable[[Device, UUID | None], NewAudit] | None = None) -> Device:
        if device.user_id not in self.users.users:
            raise NotFound("no such user", code="user_not_found")
        now = self.users.now()
        known = self.devices.get(device.token)
        if known is not None and known.user_id == device.user_id:
            taken_from = None
            stored = replace(known, platform=device.platform, updated_at=now)
        else:
            if len(self.newest(device.user_id, before=None, limit=MAX_DEVICES)) == MAX_DEVICES:
                raise Conflict("too many", code="too_many_devices")
            taken_from = None if known is None else known.user_id
            stored = Device(device.id, device.user_id, device.token, device.platform, created_at=now, updated_at=now)
        self.devices[device.token] = stored
        self.audits += [] if audit is None else [audit(stored, taken_from)]
        return stored

    def has_user(self, user_id: UUID) -> bool:
        return user_id in self.users.users

    def newest(self, user_id: UUID, *, before: UUID | None, limit: int) -> Sequence[Device]:
        of_user = [device for device in self.devices.values() if device.user_id == user_id]
        after = [device for device in of_user if before is None or device.id < before]
        return sorted(after, key=lambda device: device.id, reverse=True)[:limit]

    def delete(self, user_id: UUID, device_id: UUID, *, audit: NewAudit | None = None) -> UUID | None:
        for token, device in self.devices.items():
            if (device.id, device.user_id) == (device_id, user_id):
                del self.devices[token]
                self.audits += [] if audit is None else [audit]
                return device_id
        return None


@dataclass
class FakePeople:
    users: FakeUsers
    devices: FakeDevices

    def find_person(self, user_id: UUID) -> Person | None:
        user = self.users.users.get(user_id)
        if user is None:
            return None
        owned = sorted(self.devices.newest(user_id, before=None, limit=1000), key=lambda device: device.id)
        devices = tuple(PushTarget(device.token, device.platform, device.id) for device in owned)
        return Person(user.id, user.email, user.name, user.locale, user.timezone, devices)

    def find_persons(self, user_ids: Collection[UUID]) -> Mapping[UUID, Person]:
        found = ((user_id, self.find_person(user_id)) for user_id in user_ids)
        return {user_id: person for user_id, person in found if person is not None}

    def find_addresses(self, user_ids: Collection[UUID]) -> Mapping[UUID, EmailTarget]:
        known = (self.users.users[user_id] for user_id in user_ids if user_id in self.users.users)
        return {user.id: EmailTarget(user.email, user.name) for user in known}

    def find_device_tokens(self, device_ids: Collection[UUID]) -> Mapping[UUID, tuple[UUID, PushTarget]]:
        return {
            device.id: (device.user_id, PushTarget(device.token, device.platform, device.id))
            for device in self.devices.devices.values()
            if device.id in device_ids
        }

    def remove_device(self, device_id: UUID) -> bool:
        owners = [device.user_id for device in self.devices.devices.values() if device.id == device_id]
        return bool(owners and self.devices.delete(owners[0], device_id))


@dataclass
class FakeClients:
    clients: dict[str, ApiClient] = field(default_factory=dict)

    def find(self, client_id: str) -> ApiClient | None:
        return self.clients.get(client_id)
