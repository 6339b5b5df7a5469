"""Tells everything about one failure: what went wrong, what happened before, and what it would say if sent now."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from chalicelib.domain.content import Rendered
from chalicelib.domain.delivery import Variables
from chalicelib.domain.failure import ChosenContent, FailedDelivery, Failure, Replayable, Unread
from chalicelib.domain.trace import TracedDelivery
from chalicelib.errors import InvalidRequest, InvalidTemplate, RenderFailed
from chalicelib.services.choose_current import CurrentTemplates
from chalicelib.services.ports import CompiledTemplates, Traces
from chalicelib.services.replay import require_record


class Records(Protocol):
    def find(self, failure_id: UUID) -> Failure | None: ...

    def load_unread(self, failure_id: UUID) -> Unread | None: ...


class Behind(Protocol):
    def find(self, failure_id: UUID) -> Replayable | None: ...


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a message cannot be shown; `line` is 1-based, in the part that the detail names, when it is known."""

    code: str
    detail: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """What a delivery says with this content: rendered, or why it cannot be. No content: none could be chosen."""

    content: ChosenContent | None
    shown: Rendered | Fault


@dataclass(frozen=True, slots=True)
class InspectedFailure:
    """A record, what can be done with it, its delivery with its history, and what it says.

    `message` is None when there is no delivery or nothing may be shown of it; `unread` is of a message without one.
    """

    failure: Failure
    replayable: Replayable
    delivery: TracedDelivery | None
    message: ShownMessage | None
    unread: Unread | None


def inspect_failed(
    failure_id: UUID,
    *,
    use_current_template: bool,
    records: Records,
    behind: Behind,
    traces: Traces,
    compiled: CompiledTemplates,
    current: CurrentTemplates,
) -> InspectedFailure:
    """The failure; its message with the content that it would be sent with, or with that of the current template.

    Raises:
        NotFound: there is no such record.
        DatabaseUnavailable: something cannot be read.
    """
    failure = require_record(records.find(failure_id))
    replayable = require_record(behind.find(failure_id))
    failed = replayable.delivery
    if failed is None:
        return InspectedFailure(failure, replayable, None, None, records.load_unread(failure_id))
    traced = traces.find(failed.waiting.notification_id)
    deliveries = traced.deliveries if traced else ()
    delivery = next((each for each in deliveries if each.delivery_id == failed.waiting.delivery_id), None)
    message = None
    if traced is not None and not failed.erased:
        message = _show(failed, traced.variables, current if use_current_template else None, compiled)
    return InspectedFailure(failure, replayable, delivery, message, None)


def _show(
    failed: FailedDelivery, variables: Variables, current: CurrentTemplates | None, compiled: CompiledTemplates
) -> ShownMessage:
    content = ChosenContent(failed.template_version, failed.locale)
    if current is not None:
        try:
            content = current.choose(failed)
        except InvalidRequest as error:
            return ShownMessage(None, Fault(error.problem_code, error.detail))
    try:
        template = compiled(failed.template_code, content.version)[failed.waiting.channel, content.locale]
        return ShownMessage(content, template.render(variables))
    except RenderFailed as error:
        return ShownMessage(content, Fault(error.reason, error.detail, error.line))
    except InvalidTemplate as error:
        return ShownMessage(content, Fault(error.code, error.detail, error.line))
    except LookupError:
        return ShownMessage(content, Fault(RenderFailed.reason, "the template's version cannot be used"))
