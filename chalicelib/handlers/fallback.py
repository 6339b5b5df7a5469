"""Answers for what is no route: an unknown path is 404, a known path with another method 405.

API Gateway itself would answer both with 403 "Missing Authentication Token", which sends people looking for a token.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import chalice.app

from chalicelib.errors import MethodNotAllowed, NotFound, RequestRefused
from chalicelib.handlers.answers import to_gateway
from chalicelib.handlers.http import log_answer
from chalicelib.handlers.problems import problem_of
from chalicelib.handlers.request import correlation_id_of

METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
UNKNOWN_PATHS = ("/", "/{proxy+}")


def register_fallbacks(app: chalice.app.Chalice) -> None:
    """Route everything that is not routed yet; the gateway prefers a more specific path."""
    routes = chalice.app.Blueprint(__name__)
    for path, known in app.routes.items():
        allowed = sorted(known)
        error = MethodNotAllowed(f"Only {', '.join(allowed)} can be done here.")
        refused = [method for method in METHODS if method not in known]
        _refuse(routes, path, refused, error, {"Allow": ", ".join(allowed)})
    for path in UNKNOWN_PATHS:
        _refuse(routes, path, METHODS, NotFound("There is no such resource."), {})
    app.register_blueprint(routes)


def _refuse(
    routes: chalice.app.Blueprint, path: str, methods: Sequence[str], error: RequestRefused, headers: Mapping[str, str]
) -> None:
    def handle(**_segments: str) -> chalice.app.Response:
        raw, started_s = routes.current_request, time.perf_counter()
        correlation_id = correlation_id_of(raw.headers.get("x-correlation-id"))
        answer = replace(problem_of(error, correlation_id=correlation_id), headers=headers)
        log_answer(answer, f"{raw.method} {path}", caller=None, started_s=started_s, correlation_id=correlation_id)
        return to_gateway(answer, correlation_id=correlation_id, has_body=raw.method != "HEAD")

    routes.route(path, methods=list(methods), content_types=[], name=error.code)(handle)
