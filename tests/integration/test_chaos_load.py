"""The load's clients against a server that does not always answer: what they post, and what they write down."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.chaos.journal import Journal, read_journal
from tests.chaos.load import Load
from tests.chaos.mix import Request
from tests.chaos.records import Kind
from tests.e2e.api import Client

HANG_UP = 0


class Gateway(ThreadingHTTPServer):
    """Answers each post with the next of its scripted statuses, and with 202 when they are used up."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses: list[int] = []
        self.keys: list[str | None] = []
        self.lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v1/auth/token":
            self._answer(200, {"access_token": "t", "expires_in": 900})
            return
        with self.server.lock:
            self.server.keys.append(self.headers.get("Idempotency-Key"))
            status = self.server.statuses.pop(0) if self.server.statuses else 202
        if status == HANG_UP:
            self.close_connection = True
            return
        name = json.loads(content)["name"]
        self._answer(
            status, {"notification_id": name, "deliveries": [{"delivery_id": f"{name}-1", "status": "accepted"}]}
        )

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's signature
        """Says nothing."""

    def _answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(gateway: Gateway) -> Iterator[Client]:
    url = f"http://127.0.0.1:{gateway.server_port}"
    client = Client({"API_URL": url, "MAIL_URL": url, "FCM_URL": url, "CLIENT_ID": "c", "CLIENT_SECRET": "s"})
    yield client
    client.close()


def post(client: Client, file: Path, *, key: str | None, count: int) -> int:
    """So many requests with this key, by one client; how many notifications were accepted."""
    names = iter(range(count))
    with (
        Journal(file) as journal,
        Load(
            client=client,
            next_request=lambda: Request(Kind.ORDINARY, {"name": f"n{next(names)}"}, key),
            rate_per_s=200,
            journal=journal,
            clients=1,
            most=count,
        ) as load,
    ):
        load.wait_posted()
    return load.accepted


def test_a_request_without_a_key_is_posted_once_whatever_comes_of_it(
    gateway: Gateway, client: Client, tmp_path: Path
) -> None:
    gateway.statuses = [503, HANG_UP, 202, 429]
    assert post(client, tmp_path / "journal", key=None, count=5) == 2
    posts = read_journal(tmp_path / "journal")
    assert [each.status for each in posts] == [503, None, 202, 429, 202]
    assert [each.promise and each.promise.notification_id for each in posts] == [None, None, "n2", None, "n4"]
    assert len({each.correlation_id for each in posts}) == 5


def test_a_request_with_a_key_is_posted_until_it_is_accepted_and_once_more(
    gateway: Gateway, client: Client, tmp_path: Path
) -> None:
    gateway.statuses = [503, HANG_UP, 202, 202]
    assert post(client, tmp_path / "journal", key="k", count=1) == 1
    assert gateway.keys == ["k"] * 4
    assert [each.status for each in read_journal(tmp_path / "journal")] == [503, None, 202, 202]


def test_what_makes_a_client_fail_ends_the_load_and_is_raised(client: Client, tmp_path: Path) -> None:
    def broken() -> Request:
        raise ValueError("nothing to post")

    with Journal(tmp_path / "journal") as journal:
        load = Load(client=client, next_request=broken, rate_per_s=10, journal=journal)
        with pytest.raises(ValueError, match="nothing to post"), load:
            load.wait_posted()
