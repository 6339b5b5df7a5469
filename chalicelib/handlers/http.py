"""The edge of every route: `@endpoint` checks what the gateway brings, and answers whatever comes of it.

In this order: correlation id → token (401) → rate (429) → scope (403) → query (422) → size (413), media type (415),
JSON (400) and shape (422) of the body → the view → one log line. Errors are answered here, under Chalice, because
Chalice makes a bare 500 of them before any middleware sees them.
"""

import time
from collections.abc import Callable
from http import HTTPStatus

import chalice.app

from chalicelib.handlers.access import Access, require_access, resolve_me
from chalicelib.handlers.answers import Answer, cors_headers, rate_headers, to_gateway, written
from chalicelib.handlers.checking import check_request
from chalicelib.handlers.contract import MAX_BODY_BYTES, Contract, Success, bind
from chalicelib.handlers.doors import with_head
from chalicelib.handlers.guards import Admission, Guards
from chalicelib.handlers.guards import guards as installed_guards
from chalicelib.handlers.mounting import mount_of
from chalicelib.handlers.parsing import decode_segment
from chalicelib.handlers.problems import problem_of
from chalicelib.handlers.request import BodyT, QueryT, Request, correlation_id_of
from chalicelib.observability import log

View = Callable[[Request[BodyT, QueryT]], Answer]
Act = Callable[[Admission, str], Answer]
"""What is done for an admitted request, given its admission and its correlation id."""


def endpoint(
    routes: chalice.app.Blueprint,
    route: str,
    *,
    access: Access,
    body: type[BodyT],
    query: type[QueryT],
    success: Success,
    problems: tuple[HTTPStatus, ...] = (),
    max_body_bytes: int = MAX_BODY_BYTES,
    request_headers: tuple[str, ...] = (),
    limited: bool = True,
    guards: Callable[[], Guards] = installed_guards,
) -> Callable[[View[BodyT, QueryT]], View[BodyT, QueryT]]:
    """Route `METHOD /path` to a view that sees only requests that keep the contract. GET answers HEAD too."""
    method, path = route.split(" ", 1)

    def register(view: View[BodyT, QueryT]) -> View[BodyT, QueryT]:
        contract = Contract(
            route=route,
            access=access,
            body=body,
            query=query,
            success=success,
            problems=problems,
            max_body_bytes=max_body_bytes,
            request_headers=request_headers,
            limited=limited,
            summary=(view.__doc__ or "").strip(),
        )

        def handle(**segments: str) -> chalice.app.Response:
            raw = routes.current_request
            decoded = {name: decode_segment(segment) for name, segment in segments.items()}

            def act(admission: Admission, correlation_id: str) -> Answer:
                if admission.caller is not None:
                    require_access(access, admission.caller, decoded)
                path_parameters = resolve_me(admission.caller, decoded)
                request = check_request(
                    raw, path_parameters, contract=contract, admission=admission, correlation_id=correlation_id
                )
                return view(request)

            return exchange(raw, act, route=route, access=access, guards=guards, limited=limited)

        bind(handle, contract)
        # without content types Chalice leaves them to us: its own 415 is no problem document
        routes.route(path, methods=with_head(method), content_types=[], name=view.__name__)(handle)
        return view

    return register


def exchange(
    raw: chalice.app.Request,
    act: Act,
    *,
    route: str,
    access: Access,
    guards: Callable[[], Guards],
    limited: bool,
) -> chalice.app.Response:
    """Admit one request, act on it, and answer whatever comes of it, leaving one log line."""
    started_s = time.perf_counter()
    correlation_id = correlation_id_of(raw.headers.get("x-correlation-id"))
    admission = Admission()
    origins: frozenset[str] = frozenset()
    try:
        standing_before = guards()
        origins = standing_before.allowed_origins
        admission.admit(raw, access=access, guards=standing_before, limited=limited)
        answer = written(act(admission, correlation_id)).below(mount_of(raw.context))
    except Exception as error:  # noqa: BLE001  the edge: every error becomes a problem document
        answer = problem_of(error, correlation_id=correlation_id)
        _log_failure(error, answer.status, route=route, correlation_id=correlation_id)
    _log_answer(answer, route, admission=admission, started_s=started_s, correlation_id=correlation_id)
    shared = rate_headers(admission.standing) | cors_headers(raw.headers.get("origin"), allowed=origins)
    return to_gateway(answer, shared=shared, correlation_id=correlation_id, has_body=raw.method != "HEAD")


def _log_answer(answer: Answer, route: str, *, admission: Admission, started_s: float, correlation_id: str) -> None:
    """The one line that every request leaves."""
    log.info(
        "request_answered",
        route=route,
        status=int(answer.status),
        ms=round((time.perf_counter() - started_s) * 1000, 1),
        client=admission.caller.name if admission.caller else None,
        correlation_id=correlation_id,
    )


def _log_failure(error: Exception, status: HTTPStatus, *, route: str, correlation_id: str) -> None:
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.exception("request_failed", route=route, correlation_id=correlation_id)
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        log.warning("dependency_away", route=route, error=type(error).__name__, correlation_id=correlation_id)
