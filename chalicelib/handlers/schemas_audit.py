"""The audit trail as the interface shows it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, JsonValue

from chalicelib.domain.audit import Audit
from chalicelib.handlers.answers import ResourceModel
from chalicelib.handlers.fields import Instant, Line
from chalicelib.handlers.paging import NextCursor, PageQuery
from chalicelib.services.read_audit import AuditFilter


class AuditQuery(PageQuery):
    """Filters of the audit trail; `from` is inclusive, `to` is not."""

    actor: Line | None = Field(default=None, examples=["client:billing"])
    action: Annotated[str | None, Field(pattern=r"^[a-z_]{1,64}\.[a-z_]{1,64}$", examples=["template.published"])] = (
        None
    )
    since: Annotated[Instant | None, Field(alias="from", examples=["2026-11-01T00:00:00Z"])] = None
    until: Annotated[Instant | None, Field(alias="to", examples=["2026-12-01T00:00:00Z"])] = None

    @property
    def wanted(self) -> AuditFilter:
        return AuditFilter(actor=self.actor, action=self.action, since=self.since, until=self.until)


class AuditEntry(ResourceModel):
    """One change: who made it, in which request, to what. `detail` says more and is never personal."""

    id: Annotated[UUID, Field(examples=["0192d3f0-0000-7000-8000-000000000001"])]
    at: Annotated[datetime, Field(examples=["2026-11-22T12:00:00.123Z"])]
    actor: Annotated[str, Field(examples=["client:billing"])]
    action: Annotated[str, Field(examples=["template.published"])]
    target: Annotated[str, Field(examples=["template:welcome"])]
    correlation_id: Annotated[str, Field(examples=["3f1c9a7e5b2d48f0a6c4e8d2b0f19375"])]
    detail: Annotated[dict[str, JsonValue], Field(examples=[{"version": 2}])]

    @classmethod
    def of(cls, entry: Audit) -> "AuditEntry":
        return cls.model_validate(entry, from_attributes=True)


class AuditEntryPage(ResourceModel):
    """Some entries, newest first; `next_cursor` is null on the last page."""

    items: list[AuditEntry]
    next_cursor: NextCursor
