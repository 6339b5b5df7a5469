"""The emulator costs little more than consuming does: a no-op handler against a plain consumer, in the same run."""

import time

import pika
import pytest

from tests.integration.emulator.conftest import MapQueue
from tests.integration.emulator.workbench import TestQueue, eventually

MESSAGES = 5_000
BATCH_SIZE = 100
BODY = b"x" * 200


def test_a_no_op_handler_keeps_a_fair_part_of_a_plain_consumers_pace(
    map_queue: MapQueue, source: TestQueue, pytestconfig: pytest.Config
) -> None:
    source.publish_unconfirmed(BODY, count=MESSAGES)
    plain_s = consume_plainly(source)
    source.publish_unconfirmed(BODY, count=MESSAGES)
    began_s = time.monotonic()
    mapping = map_queue(handler="handlers.ignore", batch_size=BATCH_SIZE, window_ms=0)
    assert eventually(lambda: mapping.describe().in_flight == 0 and source.ready() == 0, timeout_s=60)
    emulated_s = time.monotonic() - began_s
    pytestconfig.get_terminal_writer().line(
        f" plain {MESSAGES / plain_s:,.0f}/s, emulator {MESSAGES / emulated_s:,.0f}/s, "
        f"ratio {plain_s / emulated_s:.2f}, batches {mapping.describe().counters.batches_ok}"
    )
    assert plain_s / emulated_s > 0.05


def consume_plainly(source: TestQueue) -> float:
    """The seconds that a consumer takes which does nothing but acknowledge, a batch at a time."""
    with pika.BlockingConnection(pika.URLParameters(source.url)) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=BATCH_SIZE)
        began_s = time.monotonic()
        for count, (method, _, _) in enumerate(channel.consume(source.name), start=1):
            if count % BATCH_SIZE == 0:
                channel.basic_ack(method.delivery_tag or 0, multiple=True)
            if count == MESSAGES:
                break
        ended_s = time.monotonic()
        channel.cancel()
    return ended_s - began_s
