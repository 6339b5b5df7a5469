"""What a client asks for when it posts a notification."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from chalicelib.domain.notification import Channel, Priority
from chalicelib.domain.recipient import PushTarget


@dataclass(frozen=True, slots=True)
class NamedRecipient:
    """Somebody whom the request names itself: an address, devices, or both."""

    email: str | None = None
    name: str | None = None
    locale: str | None = None
    devices: tuple[PushTarget, ...] = ()


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The caller's key, and the SHA-256 of the parsed body, method and route that it was given for."""

    key: str
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class SendNotification:
    """The command. Exactly one of `user_id` and `recipient` is set; times are aware; `channels` None means all."""

    client_id: str
    correlation_id: str
    template_code: str
    user_id: UUID | None = None
    recipient: NamedRecipient | None = None
    channels: tuple[Channel, ...] | None = None
    variables: Mapping[str, object] = field(default_factory=dict)
    locale: str | None = None
    category: str | None = None
    priority: Priority = Priority.NORMAL
    send_at: datetime | None = None
    expires_at: datetime | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    idempotency: IdempotencyKey | None = None
