"""The body of POST /v1/notifications: all the rules that need no database."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field, JsonValue

from chalicelib.domain.notification import Channel, Platform, Priority
from chalicelib.domain.principal import Principal
from chalicelib.domain.recipient import PushTarget
from chalicelib.domain.request import IdempotencyKey, NamedRecipient, SendNotification
from chalicelib.errors import Flaw, InvalidRequest
from chalicelib.handlers.fields import Category, DeviceToken, Email, Instant, Line, Locale, TemplateCode
from chalicelib.handlers.request import RequestModel

MAX_DEVICE_TOKENS = 100
MAX_DELAY = timedelta(days=366)
"""A year, whichever: a notification is not scheduled further ahead."""


class DeviceTokenBody(RequestModel):
    token: DeviceToken
    platform: Platform


class RecipientBody(RequestModel):
    """Somebody whom the request names itself. Without an address or a device, that channel is skipped."""

    email: Email | None = None
    device_tokens: Annotated[tuple[DeviceTokenBody, ...], Field(max_length=MAX_DEVICE_TOKENS)] = ()
    locale: Locale | None = None
    name: Line | None = None

    def recipient(self) -> NamedRecipient:
        devices = tuple(PushTarget(token=device.token, platform=device.platform) for device in self.device_tokens)
        return NamedRecipient(email=self.email, name=self.name, locale=self.locale, devices=devices)


class NotificationBody(RequestModel):
    """What to send to whom: exactly one of `user_id` and `recipient` is given.

    `channels` defaults to those of the template, `category` to the template's. A `send_at` that has passed is now.
    """

    template_code: TemplateCode
    user_id: Annotated[UUID | None, Field(examples=["0192d3f0-0000-7000-8000-000000000001"])] = None
    recipient: RecipientBody | None = None
    channels: Annotated[list[Channel], Field(min_length=1)] | None = None
    variables: dict[str, JsonValue] = Field(default_factory=dict, examples=[{"name": "Ada"}])
    locale: Locale | None = None
    category: Category | None = None
    priority: Priority = Priority.NORMAL
    send_at: Annotated[Instant | None, Field(examples=["2026-12-01T08:00:00Z"])] = None
    expires_at: Annotated[Instant | None, Field(examples=["2026-12-01T20:00:00Z"])] = None
    metadata: dict[str, JsonValue] = Field(default_factory=dict, examples=[{"order": "4711"}])

    def command(
        self, *, client_id: str, correlation_id: str, idempotency: IdempotencyKey | None, now: datetime
    ) -> SendNotification:
        """The command of this body.

        Raises:
            InvalidRequest: two fields contradict each other, or a time is out of range.
        """
        flaws = [*self._unclear_recipient(), *self._repeats(), *self._times_out_of_range(now)]
        if flaws:
            raise InvalidRequest("The body breaks a rule of this route.", flaws=flaws)
        return SendNotification(
            client_id=client_id,
            correlation_id=correlation_id,
            template_code=self.template_code,
            user_id=self.user_id,
            recipient=None if self.recipient is None else self.recipient.recipient(),
            channels=None if self.channels is None else tuple(self.channels),
            variables=self.variables,
            locale=self.locale,
            category=self.category,
            priority=self.priority,
            send_at=self.send_at,
            expires_at=self.expires_at,
            metadata=self.metadata,
            idempotency=idempotency,
        )

    def _unclear_recipient(self) -> Iterator[Flaw]:
        if (self.user_id is None) == (self.recipient is None):
            pointer = "" if self.user_id is None else "/recipient"
            yield Flaw(pointer, "exactly one of user_id and recipient is needed")

    def _repeats(self) -> Iterator[Flaw]:
        channels = self.channels or []
        for index, channel in enumerate(channels):
            if channels.index(channel) < index:
                yield Flaw(f"/channels/{index}", f"{channel} is there already")
        first: dict[str, int] = {}
        for index, device in enumerate(self.recipient.device_tokens if self.recipient else ()):
            if first.setdefault(device.token, index) < index:
                yield Flaw(f"/recipient/device_tokens/{index}/token", "is there already")

    def _times_out_of_range(self, now: datetime) -> Iterator[Flaw]:
        if self.send_at is not None and self.send_at > now + MAX_DELAY:
            yield Flaw("/send_at", "must be within a year")
        if self.expires_at is not None and self.expires_at <= max(now, self.send_at or now):
            yield Flaw("/expires_at", "must be later than now and than send_at")


def owner_of(caller: Principal) -> str:
    """Whose notification it is, and in whose name space its idempotency key lies: a client's id, or `user:…`.

    Clients are not told apart by a prefix here, so that keys outlive an update of this system.
    """
    return caller.client_id or caller.name


def idempotency_of(
    headers: Mapping[str, str], *, fingerprint: bytes, pointer: str = "Idempotency-Key"
) -> IdempotencyKey | None:
    """The caller's key with what it is used for, if they gave one. `pointer` is where it stands.

    Raises:
        InvalidRequest: it is empty, longer than 255, or not of visible ASCII and spaces.
    """
    key = headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= 255 or not (key.isascii() and key.isprintable()):
        flaw = Flaw(pointer, "must have 1 to 255 printable ASCII characters")
        raise InvalidRequest("The idempotency key is malformed.", flaws=[flaw])
    return IdempotencyKey(key=key, request_hash=fingerprint)
