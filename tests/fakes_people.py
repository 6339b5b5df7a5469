"""People, devices, clients and templates in memory: they keep the rules that the real stores keep."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from chalicelib.domain.catalog import NewTemplate, Template, TemplateHead, TemplateVersion, VersionStatus
from chalicelib.domain.client import ApiClient
from chalicelib.domain.recipient import EmailTarget, Person, PushTarget
from chalicelib.domain.user import Device, NewDevice, NewUser, User
from chalicelib.errors import Conflict, NotFound

Now = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class FakeUsers:
    now: Now = utc_now
    users: dict[UUID, User] = field(default_factory=dict)
    password_hashes: dict[UUID, str | None] = field(default_factory=dict)

    def insert(self, user: NewUser) -> User:
        if any(known.email.casefold() == user.email_key for known in self.users.values()):
            raise Conflict("taken", code="email_taken")
        if user.external_id and any(known.external_id == user.external_id for known in self.users.values()):
            raise Conflict("taken", code="external_id_taken")
        now = self.now()
        stored = User(
            id=user.id,
            email=user.email,
            name=user.name,
            locale=user.locale,
            timezone=user.timezone,
            external_id=user.external_id,
            revision=1,
            created_at=now,
            updated_at=now,
        )
        self.users[user.id] = stored
        self.password_hashes[user.id] = user.password_hash
        return stored


@dataclass
class FakeDevices:
    users: FakeUsers
    devices: dict[str, Device] = field(default_factory=dict)

    def register(self, device: NewDevice) -> Device:
        if device.user_id not in self.users.users:
            raise NotFound("no such user", code="user_not_found")
        now = self.users.now()
        known = self.devices.get(device.token)
        if known is not None and known.user_id == device.user_id:
            stored = replace(known, platform=device.platform, updated_at=now)
        else:
            stored = Device(device.id, device.user_id, device.token, device.platform, created_at=now, updated_at=now)
        self.devices[device.token] = stored
        return stored

    def has_user(self, user_id: UUID) -> bool:
        return user_id in self.users.users

    def newest(self, user_id: UUID, *, before: UUID | None, limit: int) -> Sequence[Device]:
        of_user = [device for device in self.devices.values() if device.user_id == user_id]
        after = [device for device in of_user if before is None or device.id < before]
        return sorted(after, key=lambda device: device.id, reverse=True)[:limit]

    def delete(self, user_id: UUID, device_id: UUID) -> UUID | None:
        for token, device in self.devices.items():
            if (device.id, device.user_id) == (device_id, user_id):
                del self.devices[token]
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


@dataclass
class FakeTemplates:
    now: Now = utc_now
    templates: dict[str, Template] = field(default_factory=dict)
    versions: dict[tuple[str, int], TemplateVersion] = field(default_factory=dict)

    def insert(self, template: NewTemplate) -> tuple[Template, TemplateVersion]:
        if template.code in self.templates:
            raise Conflict("taken", code="template_code_taken")
        now = self.now()
        head = Template(template.code, template.name, template.category, template.default_locale, None, 1, 1, now, now)
        contents = tuple(sorted(template.contents, key=lambda content: (content.channel, content.locale)))
        version = TemplateVersion(template.code, 1, VersionStatus.DRAFT, None, now, now, contents)
        self.templates[template.code], self.versions[template.code, 1] = head, version
        return head, version

    def publish(self, code: str, number: int) -> bool:
        if (code, number) not in self.versions:
            return False
        head, now = self.templates[code], self.now()
        if head.published_version == number:
            return True
        if head.published_version is not None:
            former = self.versions[code, head.published_version]
            self.versions[code, former.number] = replace(former, status=VersionStatus.RETIRED, updated_at=now)
        chosen = self.versions[code, number]
        published = replace(chosen, status=VersionStatus.PUBLISHED, published_at=now, updated_at=now)
        self.versions[code, number] = published
        self.templates[code] = replace(head, published_version=number, revision=head.revision + 1, updated_at=now)
        return True

    def find_published(self, code: str) -> TemplateHead | None:
        head = self.templates.get(code)
        if head is None:
            return None
        return TemplateHead(head.code, head.category, head.default_locale, head.published_version, archived=False)

    def load_version(self, code: str, number: int) -> TemplateVersion | None:
        return self.versions.get((code, number))
