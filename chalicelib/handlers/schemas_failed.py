"""Queries and bodies of /v1/failed."""

from typing import Annotated
from uuid import UUID

from pydantic import BeforeValidator, Field

from chalicelib.domain.audit import Actor
from chalicelib.domain.failure import FailureFilter, FailureReason, FailureState
from chalicelib.domain.notification import Channel
from chalicelib.handlers.fields import WHOLE, Instant, TemplateCode
from chalicelib.handlers.paging import PageQuery
from chalicelib.handlers.request import OptionalBody, RequestModel
from chalicelib.services.replay import ReplayFailure
from chalicelib.services.replay_many import ReplayMany

MOST_REPLAYED = 10_000
FASTEST_PER_SECOND = 1_000
_FROM = "2026-11-01T00:00:00Z"
_TO = "2026-12-01T00:00:00Z"


def _spelled(given: object) -> object:
    if not isinstance(given, str):
        return given
    if given not in ("true", "false"):
        raise ValueError("must be true or false")
    return given == "true"


class FailedQuery(PageQuery):
    """What is given must hold. `from` is inclusive and `to` exclusive; both are about `created_at`."""

    state: Annotated[FailureState, Field(examples=["failed"])] = FailureState.FAILED
    channel: Annotated[Channel | None, Field(examples=["email"])] = None
    reason: Annotated[FailureReason | None, Field(examples=["render_failed"])] = None
    template_code: TemplateCode | None = None
    notification_id: Annotated[UUID | None, Field(examples=["0192d3f0-0000-7000-8000-000000000001"])] = None
    since: Annotated[Instant | None, Field(alias="from", examples=[_FROM])] = None
    until: Annotated[Instant | None, Field(alias="to", examples=[_TO])] = None

    @property
    def wanted(self) -> FailureFilter:
        return FailureFilter(
            state=self.state,
            channel=self.channel,
            reason=self.reason,
            template_code=self.template_code,
            notification_id=self.notification_id,
            since=self.since,
            until=self.until,
        )


class InspectionQuery(RequestModel):
    """What the message is shown with."""

    use_current_template: Annotated[
        bool,
        Field(description="Show what the template's published version would say.", examples=[True]),
        BeforeValidator(_spelled),
    ] = False


class ReplayBody(OptionalBody):
    """How to replay: with the version that the delivery was accepted with, or with the one that is published now."""

    use_current_template: Annotated[bool, Field(examples=[True])] = False

    def command(self, failure_id: UUID, *, by: Actor) -> ReplayFailure:
        return ReplayFailure(failure_id, by, use_current_template=self.use_current_template)


class ReplayFilter(RequestModel):
    """Which failures: what is given must hold, and `{}` means all. `from` is inclusive and `to` exclusive."""

    channel: Annotated[Channel | None, Field(examples=["email"])] = None
    reason: Annotated[FailureReason | None, Field(examples=["retries_exhausted"])] = None
    template_code: Annotated[TemplateCode | None, Field(examples=["order-shipped"])] = None
    since: Annotated[Instant | None, Field(alias="from", examples=[_FROM])] = None
    until: Annotated[Instant | None, Field(alias="to", examples=[_TO])] = None


class ReplayManyBody(RequestModel):
    """Which failures to replay, how many of them, and how fast: the oldest first."""

    filter: ReplayFilter
    limit: Annotated[int, Field(ge=1, le=MOST_REPLAYED, examples=[1000]), WHOLE] = 1000
    per_second: Annotated[int, Field(ge=1, le=FASTEST_PER_SECOND, examples=[10]), WHOLE] = 10
    use_current_template: Annotated[bool, Field(examples=[False])] = False

    def command(self, *, by: Actor) -> ReplayMany:
        wanted = self.filter
        return ReplayMany(
            wanted=FailureFilter(
                channel=wanted.channel,
                reason=wanted.reason,
                template_code=wanted.template_code,
                since=wanted.since,
                until=wanted.until,
            ),
            limit=self.limit,
            per_second=self.per_second,
            by=by,
            use_current_template=self.use_current_template,
        )
