"""The gauge against the real RabbitMQ: it tells what is there, whatever else is not."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pika
import pytest

from chalicelib.broker.establish import establish_topology
from chalicelib.broker.gauge import QueueGauge
from chalicelib.broker.publisher import Publisher
from chalicelib.broker.topology import LANES, queue_of, wait_queue_of
from chalicelib.domain.backlog import QueueLevel
from chalicelib.domain.messages import FAILED, Dispatch
from chalicelib.errors import BrokerUnavailable
from tests.e2e.waiting import eventually
from tests.tcp_relay import TcpRelay

ENOUGH_S = 20.0
NAMES = [*(queue_of(lane) for lane in (*LANES, FAILED)), *(wait_queue_of(lane, 60) for lane in LANES)]


@pytest.fixture
def url(fresh_vhost: str) -> str:
    establish_topology(fresh_vhost, retry_delays_s=(60,))
    return fresh_vhost


def publish(url: str, *destinations: str, delay_s: int | None = None) -> None:
    publisher = Publisher(url)
    messages = [Dispatch(each, b"body", f"message-{n}", "c-1", delay_s) for n, each in enumerate(destinations)]
    assert len(publisher.publish(messages, timeout_s=ENOUGH_S)) == len(messages)
    publisher.close()


@contextmanager
def consuming(url: str, queue: str) -> Iterator[None]:
    """One consumer, which holds at most one message and never acknowledges it."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(queue, lambda *_: None)
        connection.process_data_events(0.2)
        yield


def test_it_tells_of_every_queue_what_waits_and_who_consumes(url: str) -> None:
    publish(url, "email", "email", "email", FAILED)
    publish(url, "push", delay_s=60)
    with consuming(url, "email.queue"):
        gauge = QueueGauge(url)
        expected = dict.fromkeys(NAMES, QueueLevel(0, 0)) | {
            "email.queue": QueueLevel(2, 1),
            "failed.queue": QueueLevel(1, 0),
            "push.retry.60s": QueueLevel(1, 0),
        }
        eventually(
            lambda: gauge.measure(NAMES, timeout_s=ENOUGH_S) == expected,
            within_s=ENOUGH_S,
            otherwise=lambda: gauge.measure(NAMES, timeout_s=ENOUGH_S),
        )


def test_a_queue_that_is_not_there_is_left_out_and_holds_nothing_up(url: str) -> None:
    began_s = time.monotonic()
    levels = QueueGauge(url).measure(["fax.queue", "email.queue", "no.queue", "push.queue"], timeout_s=ENOUGH_S)
    assert levels == {"email.queue": QueueLevel(0, 0), "push.queue": QueueLevel(0, 0)}
    assert time.monotonic() - began_s < ENOUGH_S / 2


def test_where_there_is_no_queue_at_all_there_is_nothing_to_tell(fresh_vhost: str) -> None:
    assert QueueGauge(fresh_vhost).measure(NAMES, timeout_s=ENOUGH_S) == {}


def test_asking_for_nothing_is_answered(url: str) -> None:
    assert QueueGauge(url).measure([], timeout_s=ENOUGH_S) == {}


def test_a_broker_that_is_away_is_named_as_that() -> None:
    with pytest.raises(BrokerUnavailable):
        QueueGauge("amqp://nobody:nothing@127.0.0.1:1/%2F").measure(NAMES, timeout_s=ENOUGH_S)


def test_a_broker_that_is_frozen_costs_no_more_than_the_time_that_was_given(url: str) -> None:
    with TcpRelay(url) as relay:
        relay.stall()
        began_s = time.monotonic()
        with pytest.raises(BrokerUnavailable):
            QueueGauge(relay.url).measure(NAMES, timeout_s=0.3)
        assert time.monotonic() - began_s < 1.0


def test_no_connection_stays_behind(url: str) -> None:
    with TcpRelay(url) as relay:
        gauge = QueueGauge(relay.url)
        for _ in range(3):
            assert len(gauge.measure(NAMES, timeout_s=ENOUGH_S)) == len(NAMES)
        relay.cut()
        with pytest.raises(BrokerUnavailable):
            gauge.measure(NAMES, timeout_s=1)
        relay.restore()
        assert len(gauge.measure(NAMES, timeout_s=ENOUGH_S)) == len(NAMES)
