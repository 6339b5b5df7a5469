"""The publisher against the real RabbitMQ: what it says was taken is in a queue, and the rest is not."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit
from uuid import uuid4

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from chalicelib.broker import topology
from chalicelib.broker.establish import establish_topology
from chalicelib.broker.publisher import REST_AFTER_FAILURE_S, WINDOW, Publisher
from chalicelib.domain.messages import FAILED, Dispatch
from chalicelib.errors import BrokerUnavailable
from offline.services.management import ask
from tests.e2e.waiting import eventually
from tests.tcp_relay import TcpRelay

RETRY_DELAYS_S = (1, 2)
ENOUGH_S = 20.0


def dispatches(count: int, *, destination: str = "email", delay_s: int | None = None) -> list[Dispatch]:
    return [Dispatch(destination, f"body {number}".encode(), str(uuid4()), "c-1", delay_s) for number in range(count)]


@pytest.fixture
def url(fresh_vhost: str) -> str:
    """A virtual host with the whole topology."""
    establish_topology(fresh_vhost, retry_delays_s=RETRY_DELAYS_S)
    return fresh_vhost


@pytest.fixture
def publisher(url: str) -> Iterator[Publisher]:
    publisher = Publisher(url)
    try:
        yield publisher
    finally:
        publisher.close()


@contextmanager
def channel_to(url: str) -> Iterator[BlockingChannel]:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        yield connection.channel()


def drain(url: str, queue: str) -> list[tuple[pika.BasicProperties, bytes]]:
    with channel_to(url) as channel:
        found: list[tuple[pika.BasicProperties, bytes]] = []
        while True:
            method, properties, body = channel.basic_get(queue, auto_ack=True)
            if method is None or properties is None or body is None:
                return found
            found.append((properties, body))


def wait_for(holds: Callable[[], bool]) -> None:
    """Ask again and again: the broker tells nobody when a message moves."""
    eventually(holds, within_s=ENOUGH_S, otherwise=lambda: "it did not come about")


def close_its_connections(management_url: str, vhost_url: str) -> None:
    """Close every connection to the virtual host from the broker's side, once the broker lists it."""
    vhost = urlsplit(vhost_url).path[1:]
    found: list[str] = []

    def listed() -> bool:
        connections = ask(management_url, f"/api/vhosts/{quote(vhost)}/connections")
        assert isinstance(connections, list)
        found[:] = [connection["name"] for connection in connections]
        return bool(found)

    wait_for(listed)
    for name in found:
        ask(management_url, f"/api/connections/{quote(name, safe='')}", method="DELETE")


def test_what_is_taken_is_in_its_queue_as_it_was_given(publisher: Publisher, url: str) -> None:
    (dispatch,) = dispatches(1)
    assert publisher.publish([dispatch], timeout_s=ENOUGH_S) == {0}
    ((properties, body),) = drain(url, "email.queue")
    assert body == dispatch.body
    assert (properties.message_id, properties.correlation_id) == (dispatch.message_id, "c-1")
    assert (properties.delivery_mode, properties.content_type, properties.app_id) == (2, "application/json", "carillon")
    assert properties.timestamp is not None
    assert abs(properties.timestamp - time.time()) < 60


def test_more_than_a_window_is_taken_whole(publisher: Publisher, url: str) -> None:
    count = 3 * WINDOW + 7
    assert publisher.publish(dispatches(count), timeout_s=ENOUGH_S) == frozenset(range(count))
    assert len(drain(url, "email.queue")) == count


def test_an_unroutable_message_is_not_taken_and_its_neighbours_are(publisher: Publisher, url: str) -> None:
    mixed = [*dispatches(2), *dispatches(1, destination="fax"), *dispatches(1, delay_s=77), *dispatches(2)]
    assert publisher.publish(mixed, timeout_s=ENOUGH_S) == {0, 1, 4, 5}
    assert len(drain(url, "email.queue")) == 4


def test_without_a_topology_nothing_is_taken_and_nothing_raised(fresh_vhost: str) -> None:
    publisher = Publisher(fresh_vhost)
    assert publisher.publish(dispatches(3), timeout_s=ENOUGH_S) == frozenset()
    publisher.close()


def test_the_next_publish_after_an_unroutable_one_is_taken(publisher: Publisher) -> None:
    assert publisher.publish(dispatches(1, destination="fax"), timeout_s=ENOUGH_S) == frozenset()
    assert publisher.publish(dispatches(1), timeout_s=ENOUGH_S) == {0}


def test_a_connection_that_was_closed_while_it_lay_idle_is_replaced(
    publisher: Publisher, url: str, rabbitmq_management_url: str
) -> None:
    publisher.publish(dispatches(1), timeout_s=ENOUGH_S)
    close_its_connections(rabbitmq_management_url, url)
    assert publisher.publish(dispatches(3), timeout_s=ENOUGH_S) == {0, 1, 2}
    assert len(drain(url, "email.queue")) == 4


def test_it_counts_what_waits_in_a_lane(publisher: Publisher, url: str) -> None:
    assert publisher.count_ready("email", timeout_s=ENOUGH_S) == 0
    publisher.publish(dispatches(5), timeout_s=ENOUGH_S)
    assert publisher.count_ready("email", timeout_s=ENOUGH_S) == 5
    assert publisher.count_ready("push", timeout_s=ENOUGH_S) == 0


def test_counting_a_queue_that_is_not_there_fails_and_harms_nothing(publisher: Publisher) -> None:
    with pytest.raises(BrokerUnavailable):
        publisher.count_ready("fax", timeout_s=ENOUGH_S)
    assert publisher.publish(dispatches(1), timeout_s=ENOUGH_S) == {0}


def test_after_a_failure_to_connect_it_rests_and_costs_nothing() -> None:
    publisher = Publisher("amqp://nobody:nothing@127.0.0.1:1/%2F")
    assert publisher.publish(dispatches(1), timeout_s=1) == frozenset()
    began_s = time.monotonic()
    for _ in range(20):
        assert publisher.publish(dispatches(1), timeout_s=1) == frozenset()
    with pytest.raises(BrokerUnavailable):
        publisher.count_ready("email", timeout_s=1)
    assert time.monotonic() - began_s < REST_AFTER_FAILURE_S / 4


@contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener


def test_a_broker_that_is_frozen_costs_no_more_than_the_time_that_was_given() -> None:
    with listening() as frozen:
        publisher = Publisher(f"amqp://guest:guest@127.0.0.1:{frozen.getsockname()[1]}/%2F")
        began_s = time.monotonic()
        assert publisher.publish(dispatches(1), timeout_s=0.25) == frozenset()
        assert time.monotonic() - began_s < 0.6


@pytest.mark.parametrize("last_words", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"AMQP\x00\x00\x09\x01"])
def test_who_is_no_broker_is_one_that_is_away(last_words: bytes) -> None:
    with listening() as impostor:
        publisher = Publisher(f"amqp://guest:guest@127.0.0.1:{impostor.getsockname()[1]}/%2F")
        answered = _answering(impostor, last_words)
        assert publisher.publish(dispatches(1), timeout_s=1) == frozenset()
        answered()


def _answering(listener: socket.socket, words: bytes) -> Callable[[], None]:
    """Answer the first connection with these words and hang up, from a thread that the returned call ends."""
    listener.settimeout(5)

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(64)
            connection.sendall(words)

    thread = threading.Thread(target=answer)
    thread.start()
    return thread.join


def test_wrong_credentials_are_a_broker_that_is_away(url: str) -> None:
    parts = urlsplit(url)
    publisher = Publisher(f"amqp://carillon:wrong@{parts.hostname}:{parts.port}{parts.path}")
    assert publisher.publish(dispatches(1), timeout_s=ENOUGH_S) == frozenset()


def test_a_malformed_url_is_found_before_anything_is_promised() -> None:
    with pytest.raises(ValueError, match="port"):
        Publisher("amqp://host:notaport/")


@pytest.mark.parametrize("lane", topology.LANES)
def test_a_wait_queue_returns_a_message_to_its_lane_after_its_delay(publisher: Publisher, url: str, lane: str) -> None:
    (dispatch,) = dispatches(1, destination=lane, delay_s=1)
    assert publisher.publish([dispatch], timeout_s=ENOUGH_S) == {0}
    assert publisher.count_ready(lane, timeout_s=ENOUGH_S) == 0
    began_s = time.monotonic()
    wait_for(lambda: publisher.count_ready(lane, timeout_s=ENOUGH_S) == 1)
    assert time.monotonic() - began_s > 0.5
    ((properties, body),) = drain(url, topology.queue_of(lane))
    assert (properties.message_id, body) == (dispatch.message_id, dispatch.body)


def test_a_shorter_delay_does_not_wait_behind_a_longer_one(publisher: Publisher, url: str) -> None:
    longer, shorter = dispatches(1, delay_s=2)[0], dispatches(1, delay_s=1)[0]
    publisher.publish([longer, shorter], timeout_s=ENOUGH_S)
    wait_for(lambda: publisher.count_ready("email", timeout_s=ENOUGH_S) == 2)
    assert [properties.message_id for properties, _ in drain(url, "email.queue")] == [
        shorter.message_id,
        longer.message_id,
    ]


@pytest.mark.usefixtures("url")
def test_every_consumed_queue_is_a_quorum_queue_that_never_gives_a_message_up(
    fresh_vhost: str, rabbitmq_management_url: str
) -> None:
    queues = ask(rabbitmq_management_url, f"/api/queues/{quote(urlsplit(fresh_vhost).path[1:])}")
    assert isinstance(queues, list)
    arguments = {queue["name"]: queue["arguments"] for queue in queues}
    assert {queue["durable"] for queue in queues} == {True}
    assert {one["x-queue-type"] for one in arguments.values()} == {"quorum"}
    for lane in (*topology.LANES, FAILED):
        consumed = arguments[topology.queue_of(lane)]
        assert consumed["x-delivery-limit"] == topology.DELIVERY_LIMIT
        assert "x-max-length" not in consumed


def test_a_message_that_is_given_back_often_stays(publisher: Publisher, url: str) -> None:
    publisher.publish(dispatches(1), timeout_s=ENOUGH_S)
    with channel_to(url) as channel:
        for _ in range(40):
            method, _, _ = channel.basic_get("email.queue")
            assert method is not None
            assert method.delivery_tag is not None
            channel.basic_nack(method.delivery_tag, requeue=True)
    wait_for(lambda: publisher.count_ready("email", timeout_s=ENOUGH_S) == 1)


def test_declaring_again_and_with_other_delays_changes_nothing_that_is_there(publisher: Publisher, url: str) -> None:
    publisher.publish(dispatches(1), timeout_s=ENOUGH_S)
    establish_topology(url, retry_delays_s=RETRY_DELAYS_S)
    establish_topology(url, retry_delays_s=(3,))
    assert publisher.count_ready("email", timeout_s=ENOUGH_S) == 1
    assert publisher.publish(dispatches(1, delay_s=3), timeout_s=ENOUGH_S) == {0}


def test_a_topology_without_a_broker_is_named_as_that() -> None:
    with pytest.raises(BrokerUnavailable):
        establish_topology("amqp://127.0.0.1:1/%2F", retry_delays_s=())
    with pytest.raises(BrokerUnavailable):
        establish_topology("amqp://no-such-host.invalid:1/%2F", retry_delays_s=())


def test_a_kept_connection_that_went_silent_costs_no_more_than_the_time_that_was_given(url: str) -> None:
    with TcpRelay(url) as relay:
        publisher = Publisher(relay.url)
        assert publisher.publish(dispatches(1), timeout_s=ENOUGH_S) == {0}
        relay.stall()
        began_s = time.monotonic()
        assert publisher.publish(dispatches(300), timeout_s=0.25) == frozenset()
        with pytest.raises(BrokerUnavailable):
            publisher.count_ready("email", timeout_s=0.25)
        assert time.monotonic() - began_s < 0.9
        relay.flow()
        wait_for(lambda: publisher.publish(dispatches(1), timeout_s=1) == {0})
        publisher.close()


def test_a_broker_that_returns_is_used_again_however_often_it_is_asked_for_meanwhile(url: str) -> None:
    with TcpRelay(url) as relay:
        publisher = Publisher(relay.url)
        relay.stall()
        assert publisher.publish(dispatches(1), timeout_s=0.1) == frozenset()
        relay.flow()
        began_s = time.monotonic()
        while not publisher.publish(dispatches(1), timeout_s=1):
            assert time.monotonic() - began_s < 2 * REST_AFTER_FAILURE_S
        publisher.close()
