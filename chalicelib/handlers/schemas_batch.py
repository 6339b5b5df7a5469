"""The body and the answer of POST /v1/notifications/batch."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from pydantic import BaseModel, Field, GetJsonSchemaHandler, JsonValue
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from chalicelib.domain.request import SendNotification
from chalicelib.errors import BodyTooLarge, CarillonError, Flaw, InvalidRequest, RequestRefused
from chalicelib.handlers.answers import ResourceModel
from chalicelib.handlers.contract import MAX_BODY_BYTES
from chalicelib.handlers.parsing import parse_model
from chalicelib.handlers.problems import problem_of
from chalicelib.handlers.request import RequestModel, fingerprint_of
from chalicelib.handlers.schemas_notifications import NotificationBody, idempotency_of
from chalicelib.handlers.traced import PromisedNotification
from chalicelib.services.accept import Accepted
from chalicelib.services.accept_batch import Outcome

MOST_ITEMS = 500
SINGLE_ROUTE = "POST /v1/notifications"
KEY = "idempotency_key"


class BatchItem(NotificationBody):
    """A notification, and the key under which a repetition of it is known."""

    idempotency_key: Annotated[str, Field(min_length=1, max_length=255, examples=["order-4711"])] | None = None


@dataclass(frozen=True, slots=True)
class _DescribedAs:
    """Gives a value that is read later the schema of the model that it is read as."""

    model: type[BaseModel]

    def __get_pydantic_json_schema__(self, _core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(self.model.__pydantic_core_schema__)


class BatchBody(RequestModel):
    """Each item is read for itself, so that one that is wrong does not stand in the others' way."""

    items: Annotated[list[Annotated[JsonValue, _DescribedAs(BatchItem)]], Field(min_length=1, max_length=MOST_ITEMS)]

    def commands(
        self, *, client_id: str, correlation_id: str, now: datetime
    ) -> Sequence[SendNotification | CarillonError]:
        """The command of each item, or what a single post of it would have been refused for."""

        def read(item: JsonValue) -> SendNotification | CarillonError:
            try:
                return _command(item, client_id=client_id, correlation_id=correlation_id, now=now)
            except RequestRefused as refusal:
                return refusal

        return [read(item) for item in self.items]


def refuse_idempotency_key(headers: Mapping[str, str]) -> None:
    """Raises: InvalidRequest when the request as a whole bears a key: each item has its own."""
    if "idempotency-key" in headers:
        flaw = Flaw("Idempotency-Key", "is not for a batch: each item has its own idempotency_key")
        raise InvalidRequest("A batch takes no Idempotency-Key.", flaws=[flaw])


def _command(item: JsonValue, *, client_id: str, correlation_id: str, now: datetime) -> SendNotification:
    """The command that a single post of this item would have been.

    Raises:
        RequestRefused: with pointers that begin at the item.
    """
    content = json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()
    if len(content) > MAX_BODY_BYTES:
        raise BodyTooLarge(f"The item has more than {MAX_BODY_BYTES} bytes.")
    body = parse_model(BatchItem, item, content)
    alone = {name: value for name, value in item.items() if name != KEY} if isinstance(item, dict) else item
    key = {} if body.idempotency_key is None else {"idempotency-key": body.idempotency_key}
    idempotency = idempotency_of(key, fingerprint=fingerprint_of(SINGLE_ROUTE, alone), pointer=f"/{KEY}")
    return body.command(client_id=client_id, correlation_id=correlation_id, idempotency=idempotency, now=now)


class ItemFlaw(ResourceModel):
    """One thing wrong with an item; the pointer begins at the item."""

    pointer: str = Field(examples=["/variables/name"])
    detail: str = Field(examples=["the template needs this variable"])


class ItemProblem(ResourceModel):
    """What a single post would have been refused with (RFC 9457)."""

    type: str = Field(examples=["urn:carillon:problem:missing_variables"])
    title: str = Field(examples=["Unprocessable Entity"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["Variables are missing: name."])
    code: str = Field(examples=["missing_variables"])
    correlation_id: str = Field(examples=["5f0e8a7b6c5d4e3f2a1b0c9d8e7f6a5b"])
    errors: Annotated[list[ItemFlaw] | None, Field(exclude_if=lambda errors: errors is None)] = None


class BatchItemAnswer(ResourceModel):
    """What became of the item at `index`: a notification when its status is 202, else a problem."""

    index: int = Field(examples=[0])
    status: int = Field(examples=[202])
    replayed: Annotated[bool | None, Field(exclude_if=lambda replayed: replayed is None)] = None
    notification: Annotated[PromisedNotification | None, Field(exclude_if=lambda promised: promised is None)] = None
    problem: Annotated[ItemProblem | None, Field(exclude_if=lambda problem: problem is None)] = None

    @classmethod
    def of(cls, index: int, outcome: Outcome, *, correlation_id: str) -> "BatchItemAnswer":
        if isinstance(outcome, Accepted):
            promised = PromisedNotification.of(outcome.answer)
            replayed = True if outcome.replayed else None
            return cls(index=index, status=HTTPStatus.ACCEPTED, notification=promised, replayed=replayed)
        problem = ItemProblem.model_validate(problem_of(outcome, correlation_id=correlation_id).body)
        return cls(index=index, status=problem.status, problem=problem)


class BatchAnswer(ResourceModel):
    """An answer for each item, in order."""

    items: list[BatchItemAnswer]
