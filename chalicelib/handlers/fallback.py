"""Answers for what is no route: an unknown path is 404, a known path with another method 405, OPTIONS a preflight.

API Gateway itself would answer both with 403 "Missing Authentication Token", which sends people looking for a token.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus

import chalice.app

from chalicelib.errors import MethodNotAllowed, NotFound, RequestRefused
from chalicelib.handlers.access import PUBLIC
from chalicelib.handlers.answers import Answer, preflight_headers
from chalicelib.handlers.doors import METHODS, UNKNOWN_PATHS
from chalicelib.handlers.guards import Admission, Guards
from chalicelib.handlers.guards import guards as installed_guards
from chalicelib.handlers.http import exchange
from chalicelib.handlers.problems import problem_of


def register_fallbacks(app: chalice.app.Chalice, *, guards: Callable[[], Guards] = installed_guards) -> None:
    """Route everything that is not routed yet; the gateway prefers a more specific path."""
    routes = chalice.app.Blueprint(__name__)
    for path, known in app.routes.items():
        _answer_preflight(routes, path, sorted(known), guards=guards)
        allowed = sorted(known)
        error = MethodNotAllowed(f"Only {', '.join(allowed)} can be done here.")
        refused = [method for method in METHODS if method not in known]
        _refuse(routes, path, refused, error, {"Allow": ", ".join(allowed)}, guards=guards)
    for path in UNKNOWN_PATHS:
        _answer_preflight(routes, path, METHODS, guards=guards)
        _refuse(routes, path, METHODS, NotFound("There is no such resource."), {}, guards=guards)
    app.register_blueprint(routes)


def _refuse(
    routes: chalice.app.Blueprint,
    path: str,
    methods: Sequence[str],
    error: RequestRefused,
    headers: Mapping[str, str],
    *,
    guards: Callable[[], Guards],
) -> None:
    def refuse(_admission: Admission, correlation_id: str) -> Answer:
        return replace(problem_of(error, correlation_id=correlation_id), headers=headers)

    def handle(**_segments: str) -> chalice.app.Response:
        raw = routes.current_request
        return exchange(raw, refuse, route=f"{raw.method} {path}", access=PUBLIC, guards=guards, limited=True)

    routes.route(path, methods=list(methods), content_types=[], name=error.code)(handle)


def _answer_preflight(
    routes: chalice.app.Blueprint, path: str, methods: Sequence[str], *, guards: Callable[[], Guards]
) -> None:
    """OPTIONS is for browsers that ask before they call: it costs nobody's rate, and needs no token."""

    def handle(**_segments: str) -> chalice.app.Response:
        raw = routes.current_request

        def preflight(_admission: Admission, _correlation_id: str) -> Answer:
            told = preflight_headers(raw.headers.get("origin"), methods=methods, allowed=guards().allowed_origins)
            return Answer(HTTPStatus.NO_CONTENT, headers=told)

        return exchange(raw, preflight, route=f"OPTIONS {path}", access=PUBLIC, guards=guards, limited=False)

    routes.route(path, methods=["OPTIONS"], content_types=[], name="preflight")(handle)
