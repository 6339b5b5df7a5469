"""The edge of every route: `@endpoint` checks what the gateway brings, and answers whatever comes of it.

In this order: correlation id → token (401) → scope (403) → query (422) → size (413), media type (415), JSON (400) and
shape (422) of the body → the view → one log line. Errors are answered here, under Chalice, because Chalice makes a bare
500 of them before any middleware sees them.
"""

import time
from collections.abc import Callable, Mapping
from http import HTTPStatus

import chalice.app

from chalicelib import wiring
from chalicelib.domain.principal import Principal, Scope
from chalicelib.handlers.answers import Answer, to_gateway
from chalicelib.handlers.checking import MAX_BODY_BYTES, Contract, Verifier, check_request, require_scope
from chalicelib.handlers.problems import problem_of
from chalicelib.handlers.request import BodyT, QueryT, Request, correlation_id_of
from chalicelib.observability import log

View = Callable[[Request[BodyT, QueryT]], Answer]


def endpoint(
    routes: chalice.app.Blueprint,
    route: str,
    *,
    scope: Scope | None,
    body: type[BodyT],
    query: type[QueryT],
    max_body_bytes: int = MAX_BODY_BYTES,
    tokens: Callable[[], Verifier] = wiring.access_tokens,
) -> Callable[[View[BodyT, QueryT]], View[BodyT, QueryT]]:
    """Route `METHOD /path` to a view that sees only requests that keep the contract. GET answers HEAD too."""
    method, path = route.split(" ", 1)
    contract = Contract(route=route, scope=scope, body=body, query=query, max_body_bytes=max_body_bytes)

    def register(view: View[BodyT, QueryT]) -> View[BodyT, QueryT]:
        def handle(**segments: str) -> chalice.app.Response:
            return _answer(routes.current_request, segments, contract=contract, view=view, tokens=tokens)

        methods = ["GET", "HEAD"] if method == "GET" else [method]
        # without content types Chalice leaves them to us: its own 415 is no problem document
        routes.route(path, methods=methods, content_types=[], name=view.__name__)(handle)
        return view

    return register


def _answer(
    raw: chalice.app.Request,
    segments: Mapping[str, str],
    *,
    contract: Contract[BodyT, QueryT],
    view: View[BodyT, QueryT],
    tokens: Callable[[], Verifier],
) -> chalice.app.Response:
    started_s = time.perf_counter()
    correlation_id = correlation_id_of(raw.headers.get("x-correlation-id"))
    caller: Principal | None = None
    try:
        if contract.scope is not None:
            caller = require_scope(raw.headers.get("authorization"), contract.scope, tokens=tokens())
        request = check_request(raw, segments, contract=contract, caller=caller, correlation_id=correlation_id)
        answer = view(request)
    except Exception as error:  # noqa: BLE001  the edge: every error becomes a problem document
        answer = problem_of(error, correlation_id=correlation_id)
        _log_failure(error, answer.status, route=contract.route, correlation_id=correlation_id)
    log_answer(answer, contract.route, caller=caller, started_s=started_s, correlation_id=correlation_id)
    return to_gateway(answer, correlation_id=correlation_id, has_body=raw.method != "HEAD")


def log_answer(answer: Answer, route: str, *, caller: Principal | None, started_s: float, correlation_id: str) -> None:
    """The one line that every request leaves."""
    log.info(
        "request_answered",
        route=route,
        status=int(answer.status),
        ms=round((time.perf_counter() - started_s) * 1000, 1),
        client=caller.client_id if caller else None,
        correlation_id=correlation_id,
    )


def _log_failure(error: Exception, status: HTTPStatus, *, route: str, correlation_id: str) -> None:
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.exception("request_failed", route=route, correlation_id=correlation_id)
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        log.warning("dependency_away", route=route, error=type(error).__name__, correlation_id=correlation_id)
