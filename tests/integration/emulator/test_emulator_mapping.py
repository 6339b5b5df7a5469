"""The event source mapping acknowledges a batch that succeeded, and gives back all of one that did not."""

import os
import signal
import time

import pika

from offline.emulator.mapping_state import MappingState
from tests.integration.emulator.conftest import MapQueue
from tests.integration.emulator.workbench import Journal, TestQueue, eventually


def test_success_acknowledges_the_whole_batch(map_queue: MapQueue, journal: Journal, source: TestQueue) -> None:
    source.publish("a", "b", "c")
    mapping = map_queue()
    visit = journal.next()
    assert visit.bodies == ["a", "b", "c"]
    assert visit.redelivered == {False}
    assert mapping.describe().in_flight == 3
    visit.succeed()
    assert eventually(lambda: mapping.describe().counters.batches_ok == 1)
    assert mapping.describe().in_flight == 0
    mapping.disable()
    assert eventually(lambda: mapping.describe().state is MappingState.DISABLED)
    assert source.ready() == 0


def test_the_event_is_the_documented_one(map_queue: MapQueue, journal: Journal, source: TestQueue) -> None:
    properties = pika.BasicProperties(
        content_type="text/plain",
        headers={"header1": "value1", "numberInHeader": 10},
        priority=3,
        expiration="60000",
        timestamp=2021,
    )
    source.publish("body", properties=properties)
    map_queue()
    visit = journal.next()
    visit.succeed()
    event = visit.report["event"]
    assert event["eventSource"] == "aws:rmq"
    assert list(event["rmqMessagesByQueue"]) == [f"{source.name}::{source.virtual_host}"]
    (record,) = visit.records
    assert record["data"] == "Ym9keQ=="
    assert record["basicProperties"] == {
        "contentType": "text/plain",
        "contentEncoding": None,
        "headers": {"header1": {"bytes": list(b"value1")}, "numberInHeader": 10},
        "deliveryMode": None,
        "priority": 3,
        "correlationId": None,
        "replyTo": None,
        "expiration": "60000",
        "messageId": None,
        "timestamp": "Jan 1, 1970, 12:33:41 AM",
        "type": None,
        "userId": None,
        "appId": None,
        "clusterId": None,
        "bodySize": 4,
    }


def test_an_exception_redelivers_the_whole_batch(map_queue: MapQueue, journal: Journal, source: TestQueue) -> None:
    source.publish("a", "b", "c")
    mapping = map_queue()
    journal.next().fail()
    assert collect_redelivered(journal, 3) == {"a", "b", "c"}
    assert mapping.describe().counters.batches_failed == 1


def test_a_process_killed_in_the_middle_redelivers_the_batch_to_another(
    map_queue: MapQueue, journal: Journal, source: TestQueue
) -> None:
    source.publish("a", "b")
    map_queue()
    visit = journal.next()
    os.kill(visit.pid, signal.SIGKILL)
    again = journal.next()
    assert again.pid != visit.pid
    assert again.redelivered == {True}
    again.succeed()


def test_a_timeout_redelivers_the_batch_to_another_process(
    map_queue: MapQueue, journal: Journal, source: TestQueue
) -> None:
    source.publish("a", "b")
    map_queue(function={"timeout_s": 0.5})
    visit = journal.next()
    visit.hang()
    again = journal.next()
    assert again.pid != visit.pid
    assert again.redelivered == {True}
    again.succeed()


def test_a_process_frozen_past_its_time_is_a_timeout(map_queue: MapQueue, journal: Journal, source: TestQueue) -> None:
    source.publish("a")
    mapping = map_queue(function={"timeout_s": 0.5})
    os.kill(journal.next().pid, signal.SIGSTOP)
    again = journal.next()
    assert again.redelivered == {True}
    assert mapping.describe().counters.batches_failed == 1
    again.succeed()


def test_a_lost_acknowledgement_redelivers_what_had_succeeded(
    map_queue: MapQueue, journal: Journal, source: TestQueue
) -> None:
    source.publish("a", "b")
    mapping = map_queue()
    mapping.lose_next_acknowledgement()
    journal.next().succeed()
    assert collect_redelivered(journal, 2) == {"a", "b"}
    assert eventually(lambda: mapping.describe().counters.batches_ok >= 2)
    assert mapping.describe().counters.acknowledgements_lost == 1


def test_one_mapping_has_one_execution_at_a_time(map_queue: MapQueue, journal: Journal, source: TestQueue) -> None:
    source.publish("a", "b")
    mapping = map_queue(batch_size=1)
    first = journal.next()
    assert journal.stays_silent(0.3)
    assert mapping.describe().in_flight == 1
    first.succeed()
    second = journal.next()
    assert second.pid == first.pid
    second.succeed()


def test_a_batch_has_at_most_the_batch_size(map_queue: MapQueue, journal: Journal, source: TestQueue) -> None:
    source.publish(*"abcde")
    map_queue(batch_size=2)
    sizes = []
    for _ in range(3):
        visit = journal.next()
        sizes.append(len(visit.records))
        visit.succeed()
    assert sizes == [2, 2, 1]


def test_a_full_batch_does_not_wait_for_the_window(map_queue: MapQueue, journal: Journal, source: TestQueue) -> None:
    source.publish("a", "b")
    map_queue(batch_size=2, window_ms=60_000)
    journal.next().succeed()


def test_an_incomplete_batch_waits_for_the_window(map_queue: MapQueue, journal: Journal, source: TestQueue) -> None:
    mapping = map_queue(window_ms=700)
    assert eventually(lambda: mapping.describe().state is MappingState.ENABLED)
    source.publish("a")
    began_s = time.monotonic()
    assert eventually(lambda: mapping.describe().in_flight == 1)
    source.publish("b")
    visit = journal.next()
    visit.succeed()
    assert visit.bodies == ["a", "b"]
    assert time.monotonic() - began_s >= 0.6


def test_a_batch_is_split_at_the_payload_limit(map_queue: MapQueue, journal: Journal, source: TestQueue) -> None:
    three_megabytes = "x" * 3_000_000  # 4,000,000 as base64: two do not fit into 6 MB
    source.publish(three_megabytes, three_megabytes, "small")
    map_queue(batch_size=10)
    sizes = []
    for _ in range(2):
        visit = journal.next()
        sizes.append(len(visit.records))
        visit.succeed()
    assert sizes == [1, 2]


def test_a_message_above_the_payload_limit_is_dropped(map_queue: MapQueue, journal: Journal, source: TestQueue) -> None:
    source.publish("x" * 4_800_000, "small")
    mapping = map_queue()
    visit = journal.next()
    assert visit.bodies == ["small"]
    visit.succeed()
    assert mapping.describe().counters.messages_oversize == 1
    mapping.disable()
    assert eventually(lambda: mapping.describe().state is MappingState.DISABLED)
    assert source.ready() == 0


def test_messages_that_no_filter_matches_are_dropped(map_queue: MapQueue, journal: Journal, source: TestQueue) -> None:
    source.publish('{"kind": "a"}', '{"kind": "b"}', b"\xff\xfe", '{"kind": "a", "n": 1}')
    mapping = map_queue(filter_criteria={"Filters": [{"Pattern": '{"data": {"kind": ["a"]}}'}]})
    visit = journal.next()
    assert visit.bodies == ['{"kind": "a"}', '{"kind": "a", "n": 1}']
    visit.succeed()
    assert mapping.describe().counters.messages_filtered == 2
    mapping.disable()
    assert eventually(lambda: mapping.describe().state is MappingState.DISABLED)
    assert source.ready() == 0


def test_an_environment_is_replaced_after_so_many_invocations(
    map_queue: MapQueue, journal: Journal, source: TestQueue
) -> None:
    source.publish(*"abcd")
    map_queue(batch_size=1, function={"recycle_after": 2})
    pids = []
    for _ in range(4):
        visit = journal.next()
        pids.append(visit.pid)
        visit.succeed()
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_a_failing_function_is_not_called_in_a_tight_loop(
    map_queue: MapQueue, journal: Journal, source: TestQueue
) -> None:
    source.publish("a")
    map_queue(failure_backoff_s=0.3, failure_backoff_max_s=0.3)
    journal.next().fail()
    began_s = time.monotonic()
    journal.next().succeed()
    assert time.monotonic() - began_s >= 0.25


def test_the_connection_is_kept_alive_while_a_batch_runs(
    map_queue: MapQueue, journal: Journal, source: TestQueue
) -> None:
    source.publish("a")
    mapping = map_queue(heartbeat_s=1)
    visit = journal.next()
    assert journal.stays_silent(3.5)  # the broker ends a connection after two heartbeats without a sign
    visit.succeed()
    assert eventually(lambda: mapping.describe().counters.batches_ok == 1)
    assert mapping.describe().counters.acknowledgements_lost == 0


def collect_redelivered(journal: Journal, count: int) -> set[str]:
    """The bodies of the next `count` messages, all flagged as redelivered; they may come regrouped."""
    bodies: list[str] = []
    while len(bodies) < count:
        visit = journal.next()
        assert visit.redelivered == {True}
        bodies += visit.bodies
        visit.succeed()
    return set(bodies)
