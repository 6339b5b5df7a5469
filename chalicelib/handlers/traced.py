"""A notification as it is answered: promised, traced with everything that happened, or as an item of a list."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, JsonValue

from chalicelib.domain.notification import Channel, EventName, NotificationStatus, Priority, Status
from chalicelib.domain.trace import TracedDelivery, TracedEvent, TracedNotification
from chalicelib.handlers.answers import ResourceModel

_ID = "0192d3f0-6b2f-7c3a-9d41-5f0e8a7b6c5d"
_DELIVERY_ID = "0192d3f0-6b2f-7f10-8a22-1c2d3e4f5a6b"
_AT = "2026-11-22T12:00:00.123Z"
_CORRELATION_ID = "5f0e8a7b6c5d4e3f2a1b0c9d8e7f6a5b"


def _absent(value: object) -> bool:
    return value is None


def _once(count: int) -> bool:
    return count == 1


Id = Annotated[UUID, Field(examples=[_ID])]
DeliveryId = Annotated[UUID, Field(examples=[_DELIVERY_ID])]
Moment = Annotated[datetime, Field(examples=[_AT])]
CorrelationId = Annotated[str, Field(examples=[_CORRELATION_ID])]
OptionalText = Annotated[str | None, Field(exclude_if=_absent)]


class PromisedDelivery(ResourceModel):
    """One channel and target of a notification that was accepted. `reason` is there when it is not `accepted`."""

    delivery_id: DeliveryId
    channel: Channel
    status: Status = Field(examples=["accepted"])
    reason: OptionalText = Field(default=None, examples=["quiet_hours"])


class PromisedNotification(ResourceModel):
    """The promise, as of its commit: each delivery will reach one honest end."""

    notification_id: Id
    status: NotificationStatus = Field(examples=["accepted"])
    correlation_id: CorrelationId
    deliveries: list[PromisedDelivery]

    @classmethod
    def of(cls, answer: Mapping[str, object]) -> "PromisedNotification":
        return cls.model_validate(answer)


class EventResource(ResourceModel):
    """Something that happened to a delivery. What does not apply is left out.

    What happened several times in a row, such as a deferral while a provider is away, is told once: `count` times,
    first `at`, and last at `last_at`.
    """

    at: Moment
    event: EventName = Field(examples=["sent"])
    attempt: int = Field(examples=[1])
    correlation_id: CorrelationId
    provider: OptionalText = Field(default=None, examples=["ses"])
    reason: OptionalText = Field(default=None, examples=["provider_unavailable"])
    detail: OptionalText = Field(default=None, examples=["451 try again later"])
    count: Annotated[int, Field(exclude_if=_once)] = Field(default=1, examples=[7])
    last_at: Annotated[datetime | None, Field(exclude_if=_absent)] = Field(default=None, examples=[_AT])

    @classmethod
    def of(cls, event: TracedEvent) -> "EventResource":
        return cls(
            at=event.at,
            event=event.event,
            attempt=event.attempt,
            correlation_id=event.correlation_id,
            provider=event.provider,
            reason=event.reason,
            detail=event.detail,
            count=event.count,
            last_at=event.last_at,
        )


class ListedDelivery(ResourceModel):
    """A delivery as it stands. `next_attempt_at` is there while it waits for a time."""

    id: DeliveryId
    delivery_id: DeliveryId
    channel: Channel
    locale: str = Field(examples=["fr-CA"])
    status: Status = Field(examples=["sent"])
    attempts: int = Field(examples=[1])
    reason: str | None = Field(examples=[None])
    provider: str | None = Field(examples=["ses"])
    provider_message_id: str | None = Field(examples=["0100018c-4f1e-0000"])
    next_attempt_at: datetime | None = Field(examples=[None])
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, delivery: TracedDelivery) -> "ListedDelivery":
        return cls.model_validate(_delivery(delivery))


class DeliveryResource(ListedDelivery):
    """A delivery with its history, oldest first."""

    events: list[EventResource]

    @classmethod
    def of(cls, delivery: TracedDelivery) -> "DeliveryResource":
        return cls.model_validate({**_delivery(delivery), "events": list(map(EventResource.of, delivery.events))})


class RecipientResource(ResourceModel):
    """Somebody whom the request named itself: their addresses stay inside."""

    name: str | None = Field(examples=["Grace Hopper"])


class _Notification(ResourceModel):
    id: Id
    notification_id: Id
    status: NotificationStatus = Field(examples=["sent"])
    user_id: UUID | None = Field(examples=["0192d3f0-0000-7000-8000-000000000001"])
    recipient: RecipientResource | None
    template_code: str = Field(examples=["welcome"])
    template_version: int = Field(examples=[1])
    category: str | None = Field(examples=["account"])
    priority: Priority = Field(examples=["normal"])
    locale: str = Field(examples=["fr-CA"])
    variables: dict[str, JsonValue] = Field(examples=[{"name": "Ada"}])
    metadata: dict[str, JsonValue] = Field(examples=[{"order": "4711"}])
    correlation_id: CorrelationId
    send_at: datetime | None = Field(examples=[None])
    expires_at: datetime | None = Field(examples=["2026-11-23T12:00:00Z"])
    created_at: Moment
    updated_at: Moment


class NotificationResource(_Notification):
    """A notification with its deliveries and everything that happened to them."""

    deliveries: list[DeliveryResource]

    @classmethod
    def of(cls, traced: TracedNotification) -> "NotificationResource":
        deliveries = list(map(DeliveryResource.of, traced.deliveries))
        return cls.model_validate({**_notification(traced), "deliveries": deliveries})


class ListedNotification(_Notification):
    """A notification as a list shows it: whole, but for the events of its deliveries."""

    deliveries: list[ListedDelivery]

    @classmethod
    def of(cls, traced: TracedNotification) -> "ListedNotification":
        deliveries = list(map(ListedDelivery.of, traced.deliveries))
        return cls.model_validate({**_notification(traced), "deliveries": deliveries})


def _notification(traced: TracedNotification) -> dict[str, object]:
    return {
        "id": traced.notification_id,
        "notification_id": traced.notification_id,
        "status": traced.status,
        "user_id": traced.user_id,
        "recipient": None if traced.user_id is not None else RecipientResource(name=traced.recipient_name),
        "template_code": traced.template_code,
        "template_version": traced.template_version,
        "category": traced.category,
        "priority": traced.priority,
        "locale": traced.locale,
        "variables": traced.variables,
        "metadata": traced.metadata,
        "correlation_id": traced.correlation_id,
        "send_at": traced.send_at,
        "expires_at": traced.expires_at,
        "created_at": traced.created_at,
        "updated_at": traced.updated_at,
    }


def _delivery(delivery: TracedDelivery) -> dict[str, object]:
    return {
        "id": delivery.delivery_id,
        "delivery_id": delivery.delivery_id,
        "channel": delivery.channel,
        "locale": delivery.locale,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "reason": delivery.reason,
        "provider": delivery.provider,
        "provider_message_id": delivery.provider_message_id,
        "next_attempt_at": delivery.next_attempt_at,
        "created_at": delivery.created_at,
        "updated_at": delivery.updated_at,
    }
