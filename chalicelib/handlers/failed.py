"""/v1/failed: what failed for good is looked at, replayed or discarded."""

from http import HTTPStatus

from chalice.app import Blueprint

from chalicelib.domain.principal import Scope
from chalicelib.handlers.access import needs
from chalicelib.handlers.answers import Answer, no_content, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.failure_resources import (
    FailureList,
    FailureResource,
    ReplayedDeliveries,
    ReplayedDelivery,
)
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.paging import decode_position, encode_position
from chalicelib.handlers.request import NoBody, NoQuery, Request
from chalicelib.handlers.schemas_failed import FailedQuery, InspectionQuery, ReplayBody, ReplayManyBody
from chalicelib.services.discard import DiscardFailure
from chalicelib.wiring import failed as wiring

FAILED = "/v1/failed"
FAILURE = f"{FAILED}/{{failure_id}}"

routes = Blueprint(__name__)


@endpoint(
    routes,
    f"GET {FAILED}",
    access=needs(Scope.FAILED_READ),
    body=NoBody,
    query=FailedQuery,
    success=Success(HTTPStatus.OK, FailureList),
)
def list_failed(request: Request[NoBody, FailedQuery]) -> Answer:
    """What failed for good, newest first: what still waits for a decision, unless `state` says otherwise.

    A page looks at no more than 2,000 records, so that each page costs the same: it may be short, or empty, and only
    `next_cursor: null` is the end.
    """
    query, listed = request.query, f"failed {request.query.wanted}"
    before = decode_position(query.cursor, of=listed)
    page = wiring.list_failed()(query.wanted, before=before, limit=query.limit)
    next_cursor = None if page.next_before is None else encode_position(page.next_before, of=listed)
    return ok(FailureList.of(page, next_cursor=next_cursor))


@endpoint(
    routes,
    f"GET {FAILURE}",
    access=needs(Scope.FAILED_READ),
    body=NoBody,
    query=InspectionQuery,
    success=Success(HTTPStatus.OK, FailureResource),
)
def inspect_failed(request: Request[NoBody, InspectionQuery]) -> Answer:
    """A failure: the error, the history of its delivery, and the message rendered as it would be now."""
    inspect = wiring.inspect_failed()
    wish = request.query.use_current_template
    return ok(FailureResource.of_inspected(inspect(request.path_id("failure_id"), use_current_template=wish)))


@endpoint(
    routes,
    f"POST {FAILURE}/replay",
    access=needs(Scope.FAILED_WRITE),
    body=ReplayBody,
    query=NoQuery,
    success=Success(HTTPStatus.ACCEPTED, ReplayedDelivery),
    problems=(HTTPStatus.CONFLICT,),
)
def replay_failed(request: Request[ReplayBody, NoQuery]) -> Answer:
    """Send it again: the delivery keeps its id, and its attempts begin anew. Repeating the request changes nothing.

    409 when it was discarded, is of a message without a delivery, or the notification has expired or its person was
    erased. With `use_current_template` the language is chosen anew; 422 when the published version lacks the channel,
    or needs variables that the notification has not.
    """
    command = request.body.command(request.path_id("failure_id"), by=request.actor)
    return Answer(HTTPStatus.ACCEPTED, ReplayedDelivery.of(wiring.replay()(command)))


@endpoint(
    routes,
    f"POST {FAILED}/replay",
    access=needs(Scope.FAILED_WRITE),
    body=ReplayManyBody,
    query=NoQuery,
    success=Success(HTTPStatus.ACCEPTED, ReplayedDeliveries),
)
def replay_many_failed(request: Request[ReplayManyBody, NoQuery]) -> Answer:
    """Send many again, the oldest first, spread over time: they are `scheduled`, so many a second.

    What cannot be replayed is passed over. Asking again goes on where the last request stopped; the rates of requests
    that overlap add up.
    """
    return Answer(
        HTTPStatus.ACCEPTED, ReplayedDeliveries.of(wiring.replay_many()(request.body.command(by=request.actor)))
    )


@endpoint(
    routes,
    f"DELETE {FAILURE}",
    access=needs(Scope.FAILED_WRITE),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.NO_CONTENT),
    problems=(HTTPStatus.CONFLICT,),
)
def discard_failed(request: Request[NoBody, NoQuery]) -> Answer:
    """Close it for good: the delivery stays failed. 409 when it has been replayed."""
    wiring.discard()(DiscardFailure(request.path_id("failure_id"), by=request.actor))
    return no_content()
