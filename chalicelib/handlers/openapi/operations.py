"""One operation of the document: a route's contract, written out."""

from http import HTTPStatus

from chalicelib.handlers.access import Access
from chalicelib.handlers.answers import JSON
from chalicelib.handlers.checking import MERGE_PATCH
from chalicelib.handlers.contract import AnyContract
from chalicelib.handlers.openapi.examples import example_of
from chalicelib.handlers.openapi.headers import answer_headers, shared_headers
from chalicelib.handlers.openapi.parameters import parameters_of
from chalicelib.handlers.openapi.problems import BODILESS, statuses_of
from chalicelib.handlers.openapi.schemas import Json, Schemas
from chalicelib.handlers.problems import title_of
from chalicelib.handlers.request import NoBody, OptionalBody

BEARER = "bearer"


def operation_of(contract: AnyContract, *, operation_id: str, tag: str, links: Json, schemas: Schemas) -> Json:
    """The operation object of a route."""
    summary, _, description = contract.summary.partition("\n")
    told = [" ".join(description.split()), _who_may(contract.access)]
    operation: Json = {
        "operationId": operation_id,
        "tags": [tag],
        "summary": summary.rstrip("."),
        "description": "\n\n".join(filter(None, told)),
        "security": _security(contract.access),
        "parameters": parameters_of(contract, schemas),
        "requestBody": _request_body(contract, schemas),
        "responses": {str(int(contract.success.status)): _success(contract, links, schemas)}
        | {str(int(status)): _problem(status, contract) for status in statuses_of(contract)},
    }
    return {key: value for key, value in operation.items() if value is not None}


def problem_name(status: HTTPStatus, *, limited: bool) -> str:
    """The component that describes a problem, such as `NotFound`."""
    return title_of(status).replace(" ", "") + ("" if limited else "Unlimited")


def _problem(status: HTTPStatus, contract: AnyContract) -> Json:
    return {"$ref": f"#/components/responses/{problem_name(status, limited=contract.limited)}"}


def _security(access: Access) -> list[Json]:
    """The alternatives, each enough by itself. An empty list of scopes is a person's own session."""
    if not access.needs_token:
        return []
    scoped: list[Json] = [{BEARER: [str(access.scope)]}] if access.scope else []
    return [*scoped, {BEARER: []}] if access.or_own or not scoped else scoped


def _who_may(access: Access) -> str:
    match access:
        case Access(needs_token=False):
            return "Open to everybody."
        case Access(scope=None):
            return "Needs a person's own session."
        case Access(scope=scope, or_own=True):
            return f"Needs the scope `{scope}`, or a person's own session for what is theirs."
        case _:
            return f"Needs the scope `{access.scope}`."


def _request_body(contract: AnyContract, schemas: Schemas) -> Json | None:
    method = contract.route.partition(" ")[0]
    if contract.body is NoBody and method in BODILESS:
        return None
    schema = schemas.body(contract.body)
    content = {"schema": schema, "example": example_of(schema, schemas, optional=False)}
    media_types = (JSON, MERGE_PATCH) if method == "PATCH" else (JSON,)
    required = not issubclass(contract.body, OptionalBody)
    return {"required": required, "content": dict.fromkeys(media_types, content)}


def _success(contract: AnyContract, links: Json, schemas: Schemas) -> Json:
    success = contract.success
    implied = ("Location",) if success.status == HTTPStatus.CREATED else ()
    own = answer_headers(*dict.fromkeys((*implied, *success.headers)))
    answer: Json = {
        "description": success.status.phrase,
        "headers": shared_headers(limited=contract.limited) | own,
    }
    if success.model is not None:
        schema = schemas.answer(success.model)
        answer["content"] = {success.media_type: {"schema": schema, "example": example_of(schema, schemas)}}
    elif success.media_type != JSON:
        text: Json = {"schema": {"type": "string"}, "example": "…"}
        answer["content"] = {success.media_type.partition(";")[0]: text}
    return answer | ({"links": links} if links else {})
