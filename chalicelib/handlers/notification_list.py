"""GET /v1/notifications: what became of many."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from chalice.app import Blueprint
from pydantic import Field

from chalicelib.domain.listing import NotificationFilter
from chalicelib.domain.notification import Channel, NotificationStatus
from chalicelib.domain.principal import Scope
from chalicelib.handlers.access import needs
from chalicelib.handlers.answers import Answer, ResourceModel, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.fields import Instant, TemplateCode
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.notifications import NOTIFICATIONS
from chalicelib.handlers.paging import NextCursor, PageQuery, decode_cursor, encode_cursor
from chalicelib.handlers.request import NoBody, Request
from chalicelib.handlers.traced import ListedNotification
from chalicelib.wiring import notifications as wiring

routes = Blueprint(__name__)


class NotificationQuery(PageQuery):
    """What is given must hold. `from` is inclusive and `to` exclusive; both are about `created_at`."""

    user_id: Annotated[UUID | None, Field(examples=["0192d3f0-0000-7000-8000-000000000001"])] = None
    status: Annotated[NotificationStatus | None, Field(examples=["failed"])] = None
    channel: Annotated[Channel | None, Field(examples=["email"])] = None
    template_code: TemplateCode | None = None
    since: Annotated[Instant | None, Field(alias="from", examples=["2026-11-01T00:00:00Z"])] = None
    until: Annotated[Instant | None, Field(alias="to", examples=["2026-12-01T00:00:00Z"])] = None

    @property
    def wanted(self) -> NotificationFilter:
        return NotificationFilter(
            user_id=self.user_id,
            template_code=self.template_code,
            status=self.status,
            channel=self.channel,
            since=self.since,
            until=self.until,
        )


class NotificationList(ResourceModel):
    """One page, newest first. It may be short, or empty, while `next_cursor` still leads on."""

    items: list[ListedNotification]
    next_cursor: NextCursor


@endpoint(
    routes,
    f"GET {NOTIFICATIONS}",
    access=needs(Scope.NOTIFICATIONS_READ, or_own=True),
    body=NoBody,
    query=NotificationQuery,
    success=Success(HTTPStatus.OK, NotificationList),
)
def list_notifications(request: Request[NoBody, NotificationQuery]) -> Answer:
    """Notifications, newest first; without the scope, one's own.

    A page with `status` or `channel` looks at no more than 2,000 notifications, so that each page costs the same: it
    may be short, or empty, and only `next_cursor: null` is the end. Newer notifications never shift a page.
    """
    query, listed = request.query, f"notifications {request.only_own} {request.query.wanted}"
    before = decode_cursor(query.cursor, of=listed)
    page = wiring.list_notifications()(query.wanted, only_own=request.only_own, before=before, limit=query.limit)
    next_cursor = None if page.next_before is None else encode_cursor(page.next_before, of=listed)
    items = list(map(ListedNotification.of, page.notifications))
    return ok(NotificationList(items=items, next_cursor=next_cursor))
