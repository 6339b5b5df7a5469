"""What a route asks of a request and promises in its answers: enforced by the edge, and written into OpenAPI."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Generic

from chalicelib.handlers.access import Access
from chalicelib.handlers.answers import ResourceModel
from chalicelib.handlers.doors import Entry, behind
from chalicelib.handlers.request import BodyT, QueryT

MAX_BODY_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Success:
    """The answer of a request that succeeded. No model means no body; `headers` names those of this answer's own."""

    status: HTTPStatus
    model: type[ResourceModel] | None = None
    headers: tuple[str, ...] = ()
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract(Generic[BodyT, QueryT]):
    """One route. `problems` are the statuses that this route adds to those that follow from its shape."""

    route: str
    access: Access
    body: type[BodyT]
    query: type[QueryT]
    success: Success
    problems: tuple[HTTPStatus, ...] = ()
    max_body_bytes: int = MAX_BODY_BYTES
    request_headers: tuple[str, ...] = ()
    limited: bool = True
    summary: str = ""


AnyContract = Contract[Any, Any]  # Any: of whatever body and query
_CONTRACTS: dict[Entry, AnyContract] = {}


def bind(entry: Entry, contract: AnyContract) -> None:
    """Remember the contract of the function that Chalice calls. Routes are declared at import, and never after."""
    _CONTRACTS[entry] = contract


def contract_of(entry: Entry) -> AnyContract | None:
    """The contract of a routed function; None for what only answers that there is no such route."""
    return _CONTRACTS.get(behind(entry))
