"""The smoke test against small servers that answer as a deployed API would, or would not."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infra.errors import StepFailed
from infra.eventually import Patience
from infra.release.smoke import SmokeTest

INTERFACE = {"info": {"version": "1"}, "paths": {"/health": {}}}
CLIENT = {"client_id": "backend", "client_secret": "secret"}
Answer = Callable[[str, str], tuple[int, object]]
"""What is answered to a method and a path."""


@contextmanager
def api(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body = answer(self.command, self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        do_GET = do_POST = _answer  # noqa: N815  the names that the base class looks for

        def log_message(self, *_args: object) -> None:
            """Keep silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api"
        finally:
            server.shutdown()
            thread.join()


def healthy(_method: str, path: str) -> tuple[int, object]:
    return 200, {**INTERFACE, "servers": [{"url": "/api"}]} if path.endswith("openapi.json") else {}


def smoke(url: str, *, longest_s: float = 0) -> SmokeTest:
    return SmokeTest(url, Patience(longest_s=longest_s, every_s=0.01))


def test_an_api_that_is_well_passes() -> None:
    asked: list[tuple[str, str]] = []

    def answer(method: str, path: str) -> tuple[int, object]:
        asked.append((method, path))
        return healthy(method, path)

    with api(answer) as url:
        smoke(url).run(interface=INTERFACE, client=CLIENT)

    assert asked == [
        ("GET", "/api/health"),
        ("GET", "/api/health/ready"),
        ("GET", "/api/openapi.json"),
        ("POST", "/api/v1/auth/token"),
    ]


def test_a_gateway_that_needs_a_moment_is_waited_for() -> None:
    statuses = iter((403, 502, *[200] * 9))

    def answer(method: str, path: str) -> tuple[int, object]:
        return next(statuses), healthy(method, path)[1]

    with api(answer) as url:
        smoke(url, longest_s=30).run(interface=INTERFACE)


def test_an_api_that_cannot_accept_is_told_with_what_it_says() -> None:
    def answer(method: str, path: str) -> tuple[int, object]:
        return (503, {"postgresql": "away"}) if path.endswith("ready") else healthy(method, path)

    with api(answer) as url, pytest.raises(StepFailed, match=r"GET .*/health/ready answers 503: .*postgresql.*away"):
        smoke(url).run(interface=INTERFACE)


def test_another_release_than_the_deployed_one_is_told() -> None:
    with api(healthy) as url, pytest.raises(StepFailed, match="is not the document of the release"):
        smoke(url).run(interface={**INTERFACE, "paths": {}})


def test_a_client_that_gets_no_token_is_told_without_its_secret() -> None:
    def answer(method: str, path: str) -> tuple[int, object]:
        return (401, {"code": "unauthenticated"}) if method == "POST" else healthy(method, path)

    with api(answer) as url, pytest.raises(StepFailed, match=r"POST .*/v1/auth/token answers 401") as failure:
        smoke(url).run(interface=INTERFACE, client=CLIENT)

    assert "secret" not in failure.value.problem


def test_nobody_there_is_told() -> None:
    with pytest.raises(StepFailed, match=r"GET http://127\.0\.0\.1:1/api/health answers nothing"):
        smoke("http://127.0.0.1:1/api").run(interface=INTERFACE)
