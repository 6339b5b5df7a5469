"""The broker comes back without queues and without exchange, and everything that was accepted is sent all the same."""

from collections.abc import Iterator
from datetime import timedelta

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from chalicelib.broker import topology
from chalicelib.broker.establish import establish_topology
from chalicelib.broker.publisher import Publisher
from chalicelib.domain.delivery import NewNotification
from chalicelib.domain.messages import FAILED, DeliveryMessage, decode_message
from chalicelib.domain.notification import NotificationStatus
from chalicelib.errors import ProviderUnavailable
from chalicelib.services.relay import relay
from tests.machine import Machine, SilentLog, now

DELAYS_S = (5, 25, 125)


class Broker:
    """The real one: what is in its queues, and the end of all of them."""

    def __init__(self, channel: BlockingChannel, publisher: Publisher) -> None:
        self.channel = channel
        self.publisher = publisher

    def wipe(self) -> None:
        for lane in topology.LANES:
            for delay_s in DELAYS_S:
                self.channel.queue_delete(topology.wait_queue_of(lane, delay_s))
        for lane in (*topology.LANES, FAILED):
            self.channel.queue_delete(topology.queue_of(lane))
        self.channel.exchange_delete(topology.EXCHANGE)

    def drain(self, lane: str) -> list[DeliveryMessage]:
        messages: list[DeliveryMessage] = []
        while True:
            method, _, body = self.channel.basic_get(topology.queue_of(lane), auto_ack=True)
            if method is None or body is None:
                return messages
            messages.append(decode_message(body))


@pytest.fixture
def broker(fresh_vhost: str, machine: Machine) -> Iterator[Broker]:
    establish_topology(fresh_vhost, retry_delays_s=DELAYS_S)
    publisher = Publisher(fresh_vhost, retry_delays_s=DELAYS_S)
    machine.courier = publisher  # type: ignore[assignment]  # the real one, which remembers nothing
    with pika.BlockingConnection(pika.URLParameters(fresh_vhost)) as connection:
        yield Broker(connection.channel(), publisher)
    publisher.close()


def run_relay(machine: Machine, broker: Broker) -> None:
    relay(
        outbox=machine.outbox,
        courier=broker.publisher,
        gauge=broker.publisher,
        clock=now,
        remaining_s=lambda: 0.0,
        pause=lambda _: None,
        log=SilentLog(),
    )


def rows_in_every_state(machine: Machine, broker: Broker) -> list[NewNotification]:
    """Queued, in a wait queue, in a dead worker's hands, scheduled, and accepted but never published."""
    queued = machine.record()
    machine.let_pass(timedelta(seconds=6))
    run_relay(machine, broker)
    retrying, sending = machine.record(), machine.record()
    machine.provider.errors = [ProviderUnavailable("later")]
    machine.deliver(machine.message(retrying))
    machine.claims.claim([machine.message(sending)], lease_s=30)
    scheduled, accepted = machine.record(send_at=now() + timedelta(minutes=1)), machine.record()
    return [queued, retrying, sending, scheduled, accepted]


def test_whatever_state_a_row_is_in_it_is_sent(machine: Machine, broker: Broker) -> None:
    recorded = rows_in_every_state(machine, broker)
    broker.wipe()
    machine.let_pass(timedelta(minutes=3))
    run_relay(machine, broker)
    messages = broker.drain("email")
    assert len(messages) == len(recorded)
    machine.deliver(*messages)
    assert {machine.trace(new).status for new in recorded} == {NotificationStatus.SENT}
    assert len(machine.provider.sent) == len(recorded)


def test_one_deleted_queue_whose_rows_are_all_thought_to_be_in_it(machine: Machine, broker: Broker) -> None:
    new = machine.record()
    machine.let_pass(timedelta(seconds=6))
    run_relay(machine, broker)
    broker.channel.queue_delete("email.queue")
    machine.let_pass(timedelta(minutes=2))
    run_relay(machine, broker)
    machine.deliver(*broker.drain("email"))
    assert machine.trace(new).status is NotificationStatus.SENT


def test_a_message_that_nobody_can_read_reaches_a_failed_queue_that_was_deleted(
    machine: Machine, broker: Broker
) -> None:
    broker.channel.queue_delete("failed.queue")
    machine.deliver(b"\xff")
    method, _, body = broker.channel.basic_get("failed.queue", auto_ack=True)
    assert (method is not None, body) == (True, b"\xff")


def test_a_retry_reaches_a_wait_queue_that_was_deleted(machine: Machine, broker: Broker) -> None:
    broker.channel.queue_delete("email.retry.5s")
    new = machine.record()
    machine.provider.errors = [ProviderUnavailable("later")]
    machine.deliver(machine.message(new))
    assert broker.channel.queue_declare("email.retry.5s", passive=True).method.message_count == 1
