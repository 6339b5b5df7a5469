"""How the FCM provider treats connections, access tokens and time."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chalicelib.channels.base import Deadline, Outgoing, Receipt
from chalicelib.channels.push.fcm import FcmProvider
from chalicelib.domain.content import RenderedPush
from chalicelib.domain.identity import new_id
from chalicelib.domain.notification import Platform
from chalicelib.domain.recipient import PushTarget
from chalicelib.errors import OutcomeUnknown, ProviderMisconfigured, ProviderUnavailable
from tests.service_account import service_account_json

DEADLINE_S = 0.5
SLACK_S = 2.0
THREADS = 8


class Fcm(ThreadingHTTPServer):
    """Says what a test sets, and counts connections, token exchanges and messages."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.connections = 0
        self.exchanges = 0
        self.messages = 0
        self.token_answer: tuple[int, bytes] = (200, b'{"access_token":"t","expires_in":3600,"token_type":"Bearer"}')
        self.send_answer: tuple[int, bytes] = (200, b'{"name":"projects/test/messages/1"}')
        self.first_answers: list[tuple[int, bytes]] = []
        self.trickles: str | None = None
        self.released = threading.Event()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Fcm

    def setup(self) -> None:
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        kind = "token" if self.path == "/token" else "message"
        with self.server.lock:
            self.server.exchanges += kind == "token"
            self.server.messages += kind == "message"
        status, body = self.server.token_answer if kind == "token" else self._send_answer()
        if self.server.trickles == kind:
            self._trickle(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000)
            return
        self.wfile.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))

    def _send_answer(self) -> tuple[int, bytes]:
        return self.server.first_answers.pop(0) if self.server.first_answers else self.server.send_answer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Be silent."""

    def _trickle(self, answer: bytes) -> None:
        self.close_connection = True
        with suppress(OSError):
            for byte in answer:
                self.wfile.write(bytes([byte]))
                self.server.released.wait(0.05)


@contextmanager
def fcm() -> Iterator[Fcm]:
    with Fcm() as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        serving.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            serving.join()


@contextmanager
def provider_for(url: str, *, timeout_s: float = 10) -> Iterator[FcmProvider]:
    provider = FcmProvider(
        project_id="test",
        credentials_json=service_account_json(f"{url}/token"),
        timeout_s=timeout_s,
        connections=THREADS,
        endpoint=url,
    )
    try:
        yield provider
    finally:
        provider.close()


def send(provider: FcmProvider, within_s: float = 10) -> Receipt:
    target = PushTarget("token", Platform.ANDROID)
    outgoing = Outgoing(new_id(datetime.now(UTC)), "corr-12345678", target, RenderedPush("Hi", "Ho", None, None, {}))
    return provider.send(outgoing, deadline=Deadline.after(within_s))


def test_one_connection_and_one_access_token_carry_many_messages() -> None:
    with fcm() as server, provider_for(server.url) as provider:
        for _ in range(5):
            send(provider)
        assert (server.connections, server.exchanges, server.messages) == (2, 1, 5)


def test_threads_that_start_together_fetch_one_access_token_and_keep_their_connections() -> None:
    barrier = threading.Barrier(THREADS)

    def together(provider: FcmProvider) -> None:
        barrier.wait()
        send(provider)

    with fcm() as server, provider_for(server.url) as provider:
        for _ in range(3):
            with ThreadPoolExecutor(THREADS) as threads:
                list(threads.map(together, [provider] * THREADS))
        assert server.exchanges == 1
        assert server.connections <= THREADS + 1
        assert server.messages == 3 * THREADS


@pytest.mark.parametrize(("kind", "error"), [("token", ProviderUnavailable), ("message", OutcomeUnknown)])
def test_a_server_that_trickles_bytes_does_not_hold_a_send_past_its_deadline(kind: str, error: type[Exception]) -> None:
    with fcm() as server, provider_for(server.url) as provider:
        server.trickles = kind
        began_s = time.monotonic()
        with pytest.raises(error):
            send(provider, within_s=DEADLINE_S)
        assert time.monotonic() - began_s < DEADLINE_S + SLACK_S


def test_the_provider_s_own_timeout_ends_a_send_before_a_later_deadline() -> None:
    with fcm() as server, provider_for(server.url, timeout_s=DEADLINE_S) as provider:
        server.trickles = "message"
        began_s = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            send(provider)
        assert time.monotonic() - began_s < DEADLINE_S + SLACK_S


def test_an_error_is_reported_at_once_and_not_repeated_behind_our_back() -> None:
    """The SDK's own pool would repeat a 503 four times, sleeping in between."""
    with fcm() as server, provider_for(server.url) as provider:
        server.send_answer = (503, json.dumps({"error": {"status": "UNAVAILABLE", "message": "later"}}).encode())
        with pytest.raises(ProviderUnavailable):
            send(provider)
        assert server.messages == 1


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with provider_for(f"http://127.0.0.1:{port}") as provider, pytest.raises(ProviderUnavailable):
        send(provider)


def test_a_refused_service_account_is_the_operator_s_fault() -> None:
    with fcm() as server, provider_for(server.url) as provider:
        server.token_answer = (400, b'{"error":"invalid_grant","error_description":"Invalid JWT Signature."}')
        with pytest.raises(ProviderMisconfigured):
            send(provider)
        assert server.messages == 0


UNAUTHENTICATED = json.dumps({"error": {"status": "UNAUTHENTICATED", "message": "the token has expired"}}).encode()


def test_an_access_token_that_google_ended_early_is_renewed_within_the_attempt() -> None:
    with fcm() as server, provider_for(server.url) as provider:
        send(provider)
        server.first_answers = [(401, UNAUTHENTICATED)]
        send(provider)
        assert (server.exchanges, server.messages) == (2, 3)


def test_an_account_that_fresh_access_tokens_do_not_help_is_the_operator_s_fault() -> None:
    with fcm() as server, provider_for(server.url) as provider:
        server.send_answer = (401, UNAUTHENTICATED)
        with pytest.raises(ProviderMisconfigured):
            send(provider)
        assert (server.exchanges, server.messages) == (2, 2)


def test_an_answer_that_nobody_can_read_leaves_the_outcome_unknown() -> None:
    with fcm() as server, provider_for(server.url) as provider:
        for body in (b"<html>", b"{}", b"[]"):
            server.send_answer = (200, body)
            with pytest.raises(OutcomeUnknown):
                send(provider)
