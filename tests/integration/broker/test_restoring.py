"""A broker that came back empty: whoever finds something missing declares it again, if there is time for that."""

import time
from collections.abc import Iterator
from uuid import uuid4

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from chalicelib.broker import topology
from chalicelib.broker.establish import REST_AFTER_RESTORING_S, Restorer, establish_topology
from chalicelib.broker.publisher import Publisher
from chalicelib.domain.messages import FAILED, Dispatch
from chalicelib.errors import BrokerUnavailable

RETRY_DELAYS_S = (5, 25, 125)
ENOUGH_S = 20.0
OF_A_REQUEST_S = 0.25
OF_A_CHECK_S = 1.0
QUEUES = [
    *(topology.queue_of(lane) for lane in (*topology.LANES, FAILED)),
    *(topology.wait_queue_of(lane, delay_s) for lane in topology.LANES for delay_s in RETRY_DELAYS_S),
]


@pytest.fixture
def channel(fresh_vhost: str) -> Iterator[BlockingChannel]:
    establish_topology(fresh_vhost, retry_delays_s=RETRY_DELAYS_S)
    with pika.BlockingConnection(pika.URLParameters(fresh_vhost)) as connection:
        yield connection.channel()


@pytest.fixture
def publisher(fresh_vhost: str) -> Iterator[Publisher]:
    publisher = Publisher(fresh_vhost, retry_delays_s=RETRY_DELAYS_S)
    yield publisher
    publisher.close()


def to(destination: str, delay_s: int | None = None) -> Dispatch:
    return Dispatch(destination, b"{}", str(uuid4()), "c-1", delay_s)


def depths(channel: BlockingChannel) -> dict[str, int]:
    return {queue: channel.queue_declare(queue, passive=True).method.message_count for queue in QUEUES}


def wipe(channel: BlockingChannel) -> None:
    for queue in QUEUES:
        channel.queue_delete(queue)
    channel.exchange_delete(topology.EXCHANGE)


@pytest.mark.parametrize("lately", [True, False], ids=["connected", "not connected"])
def test_a_publish_into_an_empty_broker_makes_everything_anew(
    publisher: Publisher, channel: BlockingChannel, lately: bool
) -> None:
    if lately:
        assert publisher.publish([to("push")], timeout_s=ENOUGH_S) == {0}
    wipe(channel)
    mixed = [to("email"), to(FAILED), to("push.bulk", 25), to("email")]
    assert publisher.publish(mixed, timeout_s=ENOUGH_S) == {0, 1, 2, 3}
    assert {queue: depth for queue, depth in depths(channel).items() if depth} == {
        "email.queue": 2,
        "failed.queue": 1,
        "push.bulk.retry.25s": 1,
    }


@pytest.mark.parametrize("queue", ["email.queue", "failed.queue", "email.retry.5s"])
def test_one_queue_that_was_deleted_is_made_anew_and_the_others_keep_what_they_hold(
    publisher: Publisher, channel: BlockingChannel, queue: str
) -> None:
    publisher.publish([to("push"), to("push")], timeout_s=ENOUGH_S)
    channel.queue_delete(queue)
    dispatches = [to("push"), to("email"), to(FAILED), to("email", 5)]
    assert publisher.publish(dispatches, timeout_s=ENOUGH_S) == {0, 1, 2, 3}
    held = depths(channel)
    assert (held["push.queue"], held["email.queue"], held["failed.queue"], held["email.retry.5s"]) == (3, 1, 1, 1)


def test_a_request_does_not_wait_for_queues_to_be_made(publisher: Publisher, channel: BlockingChannel) -> None:
    publisher.publish([to("email")], timeout_s=ENOUGH_S)
    wipe(channel)
    began_s = time.monotonic()
    assert publisher.publish([to("email")], timeout_s=OF_A_REQUEST_S) == frozenset()
    assert time.monotonic() - began_s < 2 * OF_A_REQUEST_S
    assert publisher.publish([to("email")], timeout_s=ENOUGH_S) == {0}


def test_asking_what_a_missing_queue_holds_makes_it(publisher: Publisher, channel: BlockingChannel) -> None:
    wipe(channel)
    assert publisher.count_ready("email.bulk", timeout_s=ENOUGH_S) == 0
    assert set(depths(channel).values()) == {0}


def test_a_check_of_health_tells_that_a_queue_is_missing_and_makes_none(
    publisher: Publisher, channel: BlockingChannel
) -> None:
    wipe(channel)
    with pytest.raises(BrokerUnavailable):
        publisher.count_ready("email", timeout_s=OF_A_CHECK_S)
    assert publisher.publish([to("email")], timeout_s=ENOUGH_S) == {0}


def test_what_belongs_to_no_queue_is_returned_without_declaring_again_and_again(
    publisher: Publisher, channel: BlockingChannel
) -> None:
    assert publisher.publish([to("fax"), to("email")], timeout_s=ENOUGH_S) == {1}
    channel.queue_delete("push.queue")
    assert publisher.publish([to("fax"), to("push")], timeout_s=ENOUGH_S) == frozenset()
    assert publisher.publish([to("email")], timeout_s=ENOUGH_S) == {0}
    assert depths_of(channel, "email.queue") == 2


def test_a_queue_that_exists_with_other_arguments_is_left_as_it_is(
    publisher: Publisher, channel: BlockingChannel
) -> None:
    channel.queue_delete("push.queue")
    channel.queue_delete("email.queue")
    channel.queue_declare("email.queue", durable=True)
    channel.queue_bind("email.queue", topology.EXCHANGE, "email")
    assert publisher.publish([to("email"), to("push")], timeout_s=ENOUGH_S) == {0}
    assert depths_of(channel, "email.queue") == 1


def test_without_the_delays_nothing_is_declared(fresh_vhost: str) -> None:
    publisher = Publisher(fresh_vhost)
    assert publisher.publish([to("email")], timeout_s=ENOUGH_S) == frozenset()
    with pytest.raises(BrokerUnavailable):
        publisher.count_ready("email", timeout_s=ENOUGH_S)
    publisher.close()


def test_nobody_begins_without_time() -> None:
    restorer = Restorer(RETRY_DELAYS_S)
    assert not restorer.may_begin(left_s=OF_A_REQUEST_S)
    assert not restorer.may_begin(left_s=OF_A_CHECK_S)
    assert restorer.may_begin(left_s=2.0)
    assert REST_AFTER_RESTORING_S > 2.0


def depths_of(channel: BlockingChannel, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).method.message_count)
