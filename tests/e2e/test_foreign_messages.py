"""Messages that nobody of ours wrote: they are kept with their bytes, and hold nobody up."""

import base64
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psycopg
import pytest

from offline.stack.stack import Stack
from tests.e2e.api import Client, Json, address, delivery_of, events_of, succeeded, told
from tests.e2e.emulator import invoke, mapping, paused
from tests.e2e.waiting import eventually

EVENTS = sorted((Path(__file__).parents[1] / "events").glob("aws_rmq_*.json"))
ARCHIVED_WITHIN_S = 20.0
BLANKS = str.maketrans("0123456789", " \t\n\r \t\n\r \t")
WORKERS = ("deliver_email", "deliver_email_bulk", "deliver_push", "deliver_push_bulk", "archive_failed")


@dataclass(frozen=True, slots=True)
class Archived:
    """One row of the failed archive that has a body."""

    queue: str
    reason: str
    body: bytes


Archive = Callable[[bytes], Sequence[Archived]]


@pytest.fixture
def archived(stack: Stack) -> Iterator[Archive]:
    """Waits until a body is in the archive, and gives all rows that have it."""
    with psycopg.connect(stack.addresses["DATABASE_URL"], autocommit=True) as connection:

        def find(body: bytes) -> Sequence[Archived]:
            rows = connection.execute("SELECT queue, reason, body FROM notifications.failed WHERE body = %s", [body])
            return [Archived(*row) for row in rows]

        yield lambda body: eventually(lambda: find(body), within_s=ARCHIVED_WITHIN_S, otherwise=lambda: body[:200])


def publish(stack: Stack, routing_key: str, body: bytes) -> None:
    """Put bytes into our exchange, as anybody who holds the broker's password may."""
    url = urlsplit(stack.addresses["RABBITMQ_MANAGEMENT_URL"])
    message = {
        "routing_key": routing_key,
        "payload": base64.b64encode(body).decode(),
        "payload_encoding": "base64",
        "properties": {},
    }
    answer = httpx.post(
        f"http://{url.hostname}:{url.port}/api/exchanges/%2F/notifications.direct/publish",
        json=message,
        auth=(url.username or "", url.password or ""),
    )
    assert succeeded(answer) == {"routed": True}


def stranger(**fields: object) -> bytes:
    """A well-formed message about a delivery that does not exist."""
    message = {
        "schema": 1,
        "delivery_id": str(uuid4()),
        "notification_id": str(uuid4()),
        "channel": "email",
        "ticket": 1,
        "correlation_id": "stranger-1",
        "published_at": "2026-01-01T00:00:00Z",
    }
    return json.dumps({**message, **fields}).encode()


def to(address: str) -> Json:
    return {"recipient": {"email": address}, "channels": ["email"]}


def test_random_bytes_end_in_the_archive_while_their_batch_is_sent(
    stack: Stack, client: Client, archived: Archive
) -> None:
    code = client.publish_template()
    poison = [secrets.token_bytes(size) for size in (16, 64, 4096)]
    addresses = [address() for _ in range(8)]
    with paused(stack, "deliver_email"):
        mixed = [client.notify(**to(each), template_code=code) for each in addresses[:4]]
        for each in poison:
            publish(stack, "email", each)
        mixed += [client.notify(**to(each), template_code=code) for each in addresses[4:]]
    traces = client.wait_all_ended([each["notification_id"] for each in mixed], within_s=30)
    assert {trace["status"] for trace in traces.values()} == {"sent"}, traces
    assert [len(client.mails(each)) for each in addresses] == [1] * len(addresses)
    for each in poison:
        assert archived(each) == [Archived("email.queue", "malformed_message", each)]


@pytest.mark.parametrize("lane", ["email", "push", "email.bulk", "push.bulk"])
def test_a_message_that_no_row_stands_behind_is_archived_with_its_queue_and_reason(
    lane: str, stack: Stack, archived: Archive
) -> None:
    reasons = {
        stranger(): "unknown_delivery",
        stranger(schema=2): "malformed_message",
        stranger(ticket="\ud800"): "malformed_message",
        b"[" * 20_000 + uuid4().bytes: "malformed_message",
        b"null" + f"{uuid4().int}".translate(BLANKS).encode(): "malformed_message",
    }
    for body in reasons:
        publish(stack, lane, body)
    for body, reason in reasons.items():
        assert archived(body) == [Archived(f"{lane}.queue", reason, body)]


@pytest.mark.parametrize("worker", WORKERS)
@pytest.mark.parametrize("event", EVENTS, ids=lambda path: path.stem)
def test_an_event_as_aws_documents_it_does_not_crash_a_worker(
    event: Path, worker: str, stack: Stack, archived: Archive
) -> None:
    document = json.loads(event.read_bytes())
    answer = invoke(stack, worker, document)
    assert "X-Amz-Function-Error" not in answer.headers, answer.text
    assert answer.json() is None
    for name, records in document["rmqMessagesByQueue"].items():
        for record in records:
            kept_from = {each.queue for each in archived(base64.b64decode(record["data"]))}
            assert name.partition("::")[0] in kept_from, kept_from


@pytest.mark.parametrize("event", [{}, {"rmqMessagesByQueue": {}}, {"rmqMessagesByQueue": None}])
@pytest.mark.parametrize("worker", WORKERS)
def test_an_event_without_messages_is_nothing_to_do(worker: str, event: object, stack: Stack) -> None:
    assert "X-Amz-Function-Error" not in invoke(stack, worker, event).headers


def test_no_mapping_has_failed_a_batch_over_any_of_it(stack: Stack, client: Client) -> None:
    publish(stack, "email", secrets.token_bytes(32))
    before = {worker: mapping(stack, worker)["batches_failed"] for worker in WORKERS}
    accepted = client.notify(
        template_code=client.publish_template(), recipient={"email": address()}, channels=["email"]
    )
    delivery = delivery_of(client.wait_ended(accepted["notification_id"]))
    assert events_of(delivery) == ["accepted", "queued", "sending", "sent"], told(delivery)
    assert {worker: mapping(stack, worker)["batches_failed"] for worker in WORKERS} == before
