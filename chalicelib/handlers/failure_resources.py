"""Failures as they are answered: as an item of a list, or with everything that is known.

No address or device token is in any of it. The rendered message is: it is what has to be looked at, and names the
person whom it is for as the template does.
"""

import base64
from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chalicelib.domain.content import RenderedEmail, RenderedPush
from chalicelib.domain.failure import Failure, FailurePage, FailureReason, FailureState, Obstacle, Unread
from chalicelib.domain.notification import Channel, Status
from chalicelib.handlers.answers import ResourceModel
from chalicelib.handlers.paging import NextCursor
from chalicelib.handlers.traced import DeliveryId, EventResource, Id, Moment
from chalicelib.services.inspect_failed import Fault, InspectedFailure, ShownMessage
from chalicelib.services.replay import Replayed
from chalicelib.services.replay_many import ReplayedMany

FailureId = Annotated[UUID, Field(examples=["0192d3f0-6b2f-7b55-9c01-2d3e4f5a6b7c"])]


class FailureError(ResourceModel):
    """What went wrong, in our words and in the provider's. Nothing is told of a person who was erased since."""

    reason: FailureReason = Field(examples=["address_rejected"])
    detail: str | None = Field(examples=["refused while the recipient was named: no such mailbox"])
    provider: str | None = Field(examples=["smtp"])
    provider_code: str | None = Field(examples=["550 5.1.1"])


class ListedFailure(ResourceModel):
    """Something that failed for good: a delivery, or a message that nobody could read (then it has no delivery)."""

    id: FailureId
    state: FailureState = Field(examples=["failed"])
    reason: FailureReason = Field(examples=["address_rejected"])
    error: FailureError
    delivery_id: DeliveryId | None
    notification_id: Id | None
    channel: Channel | None = Field(examples=["email"])
    template_code: str | None = Field(examples=["order-shipped"])
    queue: str = Field(description="The lane that it came from.", examples=["email"])
    correlation_id: str | None = Field(examples=["5f0e8a7b6c5d4e3f2a1b0c9d8e7f6a5b"])
    created_at: Moment
    updated_at: Moment
    closed_at: datetime | None = Field(description="When it was replayed or discarded.", examples=[None])

    @classmethod
    def of(cls, failure: Failure) -> "ListedFailure":
        return cls.model_validate(_failure(failure))


class FailureList(ResourceModel):
    """One page, newest first. It may be short, or empty, while `next_cursor` still leads on."""

    items: list[ListedFailure]
    next_cursor: NextCursor

    @classmethod
    def of(cls, page: FailurePage, *, next_cursor: str | None) -> "FailureList":
        return cls(items=list(map(ListedFailure.of, page.failures)), next_cursor=next_cursor)


class FailedEmail(ResourceModel):
    """An e-mail as it would be sent now."""

    subject: str = Field(examples=["Your order 4711"])
    html: str = Field(examples=["<p>Hello Ada, it is on its way.</p>"])
    text: str = Field(examples=["Hello Ada, it is on its way."])


class FailedPush(ResourceModel):
    """A push notification as it would be sent now."""

    title: str = Field(examples=["It is on its way"])
    body: str = Field(examples=["Order 4711 has left."])
    image: str | None = Field(examples=[None])
    link: str | None = Field(examples=["https://example.com/orders/4711"])
    data: dict[str, str] = Field(examples=[{"order": "4711"}])


class MessageFault(ResourceModel):
    """Why it cannot be rendered. `line` is of the template's source, in the part that the detail names."""

    code: str = Field(examples=["render_failed"])
    detail: str = Field(examples=["html: 'order' is undefined"])
    line: int | None = Field(examples=[3])


class FailedMessage(ResourceModel):
    """What it says: rendered as it would be now, or the `error` that stands in the way."""

    template_code: str = Field(examples=["order-shipped"])
    template_version: int | None = Field(examples=[1])
    locale: str | None = Field(examples=["fr-CA"])
    rendered: FailedEmail | FailedPush | None
    error: MessageFault | None

    @classmethod
    def of(cls, message: ShownMessage, template_code: str) -> "FailedMessage":
        shown, content = message.shown, message.content
        rendered: FailedEmail | FailedPush | None = None
        if isinstance(shown, RenderedEmail):
            rendered = FailedEmail(**asdict(shown))
        elif isinstance(shown, RenderedPush):
            rendered = FailedPush(**asdict(shown))
        return cls(
            template_code=template_code,
            template_version=content.version if content else None,
            locale=content.locale if content else None,
            rendered=rendered,
            error=MessageFault(**asdict(shown)) if isinstance(shown, Fault) else None,
        )


class UnreadMessage(ResourceModel):
    """The bytes of a message that nobody could read: of a long one the first 256 KiB."""

    queue: str = Field(examples=["email.queue"])
    base64: str = Field(examples=["bm8gSlNPTg=="])
    size_bytes: int = Field(examples=[7])

    @classmethod
    def of(cls, unread: Unread, queue: str) -> "UnreadMessage":
        return cls(queue=queue, base64=base64.b64encode(unread.body).decode(), size_bytes=unread.size_bytes)


class FailureResource(ListedFailure):
    """A failure with what it says, what happened before, and whether it can be replayed.

    `message` is null when there is no delivery, and when the person whom it was for has been erased; `unread` is there
    for a message that nobody could read. `not_replayable` says why a replay would be refused; of what was replayed
    already a replay changes nothing.
    """

    replayable: bool = Field(examples=[True])
    not_replayable: Obstacle | None = Field(examples=[None])
    delivery_status: Status | None = Field(examples=["failed"])
    attempts: int | None = Field(examples=[1])
    message: FailedMessage | None
    unread: UnreadMessage | None
    history: list[EventResource]

    @classmethod
    def of_inspected(cls, inspected: InspectedFailure) -> "FailureResource":
        failure, delivery, message = inspected.failure, inspected.delivery, inspected.message
        return cls.model_validate(
            {
                **_failure(failure),
                "replayable": inspected.replayable.failed is not None,
                "not_replayable": inspected.replayable.obstacle,
                "delivery_status": delivery.status if delivery else None,
                "attempts": delivery.attempts if delivery else None,
                "message": FailedMessage.of(message, failure.template_code or "") if message else None,
                "unread": UnreadMessage.of(inspected.unread, failure.queue) if inspected.unread else None,
                "history": list(map(EventResource.of, delivery.events)) if delivery else [],
            }
        )


class ReplayedDelivery(ResourceModel):
    """A replayed delivery: `queued`, or, when it was replayed before, what has become of it since."""

    delivery_id: DeliveryId
    status: Status = Field(examples=["queued"])

    @classmethod
    def of(cls, replayed: Replayed) -> "ReplayedDelivery":
        return cls(delivery_id=replayed.delivery_id, status=replayed.status)


class ReplayedDeliveries(ResourceModel):
    """How many failures the filter held for, and how many of them are scheduled to be replayed now.

    The difference is beyond the limit, cannot be replayed, or did not fit into the time of one request: asking again
    goes on with it.
    """

    matched: int = Field(examples=[1200])
    replayed: int = Field(examples=[1000])

    @classmethod
    def of(cls, replayed: ReplayedMany) -> "ReplayedDeliveries":
        return cls(matched=replayed.matched, replayed=replayed.replayed)


def _failure(failure: Failure) -> dict[str, object]:
    return {
        "id": failure.failure_id,
        "state": failure.state,
        "reason": failure.reason,
        "error": FailureError(
            reason=failure.reason,
            detail=failure.detail or None,
            provider=failure.provider,
            provider_code=failure.provider_code,
        ),
        "delivery_id": failure.delivery_id,
        "notification_id": failure.notification_id,
        "channel": failure.channel,
        "template_code": failure.template_code,
        "queue": failure.queue,
        "correlation_id": failure.correlation_id,
        "created_at": failure.created_at,
        "updated_at": failure.updated_at,
        "closed_at": failure.closed_at,
    }
