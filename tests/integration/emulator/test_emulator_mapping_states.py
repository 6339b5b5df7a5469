"""A mapping's states: what a user does, what makes it stop by itself, and what it only waits for."""

import os
import signal

import pytest

from offline.emulator.mapping_state import MappingState
from tests.integration.emulator.conftest import MapQueue
from tests.integration.emulator.workbench import Journal, TestQueue, eventually
from tests.tcp_relay import TcpRelay


def test_a_disabled_mapping_leaves_the_queue_alone_until_it_is_enabled(
    map_queue: MapQueue, journal: Journal, source: TestQueue
) -> None:
    source.publish("a")
    mapping = map_queue(enabled=False)
    assert eventually(lambda: mapping.describe().state is MappingState.DISABLED)
    assert source.ready() == 1
    mapping.enable()
    journal.next().succeed()
    assert mapping.describe().state is MappingState.ENABLED
    assert mapping.describe().state_transition_reason == "USER_INITIATED"


def test_disabling_lets_the_batch_end_and_acknowledges_it(
    map_queue: MapQueue, journal: Journal, source: TestQueue
) -> None:
    source.publish("a", "b")
    mapping = map_queue(batch_size=1)
    visit = journal.next()
    mapping.disable()
    assert mapping.describe().state is MappingState.DISABLING
    visit.succeed()
    assert eventually(lambda: mapping.describe().state is MappingState.DISABLED)
    assert source.ready() == 1
    assert mapping.describe().counters.batches_ok == 1


def test_a_mapping_can_be_disabled_and_enabled_again(map_queue: MapQueue, journal: Journal, source: TestQueue) -> None:
    mapping = map_queue()
    for body in ("a", "b", "c"):
        mapping.disable()
        assert eventually(lambda: mapping.describe().state is MappingState.DISABLED)
        source.publish(body)
        mapping.enable()
        visit = journal.next()
        assert visit.bodies == [body]
        visit.succeed()


def test_a_mapping_enabled_before_it_was_disabled_is_enabled(
    map_queue: MapQueue, journal: Journal, source: TestQueue
) -> None:
    source.publish("a")
    mapping = map_queue()
    visit = journal.next()
    mapping.disable()
    mapping.enable()
    visit.succeed()
    assert eventually(lambda: mapping.describe().state is MappingState.ENABLED)
    source.publish("b")
    journal.next().succeed()


def test_bad_credentials_stop_the_mapping_with_a_reason(map_queue: MapQueue, source: TestQueue) -> None:
    mapping = map_queue(broker_url=source.url.replace("://", "://nobody", 1))
    assert eventually(lambda: mapping.describe().state is MappingState.DISABLED)
    assert mapping.describe().state_transition_reason.startswith("EVENT_SOURCE_AUTHN_ERROR")


def test_a_virtual_host_without_access_stops_the_mapping_with_a_reason(map_queue: MapQueue) -> None:
    mapping = map_queue(virtual_host="no-such-virtual-host")
    assert eventually(lambda: mapping.describe().state is MappingState.DISABLED)
    assert mapping.describe().state_transition_reason.startswith("EVENT_SOURCE_AUTHZ_ERROR")


def test_a_missing_queue_stops_the_mapping_until_it_is_enabled_again(
    map_queue: MapQueue, journal: Journal, source: TestQueue
) -> None:
    mapping = map_queue()
    assert eventually(lambda: mapping.describe().state is MappingState.ENABLED)
    source.delete()
    assert eventually(lambda: mapping.describe().state is MappingState.DISABLED)
    assert mapping.describe().state_transition_reason.startswith("ESM_CONFIG_NOT_VALID: NOT_FOUND - no queue")
    source.declare()
    source.publish("a")
    mapping.enable()
    journal.next().succeed()


def test_a_broker_that_goes_away_and_comes_back_is_no_change_of_state(
    map_queue: MapQueue, journal: Journal, source: TestQueue
) -> None:
    with TcpRelay(source.url) as relay:
        mapping = map_queue(broker_url=relay.url)
        source.publish("before")
        journal.next().succeed()
        relay.cut()
        source.publish("meanwhile")
        assert journal.stays_silent(0.2)
        assert mapping.describe().state is MappingState.ENABLED
        relay.restore()
        visit = journal.next()
        assert "meanwhile" in visit.bodies
        visit.succeed()


def test_a_connection_lost_during_a_batch_redelivers_it_after_its_end(
    map_queue: MapQueue, journal: Journal, source: TestQueue
) -> None:
    source.publish("a")
    with TcpRelay(source.url) as relay:
        mapping = map_queue(broker_url=relay.url)
        visit = journal.next()
        relay.cut()
        relay.restore()
        assert eventually(lambda: mapping.describe().in_flight == 2)  # the copy waits, the first still runs
        assert journal.stays_silent(0.3)
        visit.succeed()
        again = journal.next()
        assert again.redelivered == {True}
        again.succeed()
        assert eventually(lambda: mapping.describe().counters.batches_ok == 2)
        assert mapping.describe().counters.acknowledgements_lost == 1


def test_a_broker_that_is_not_there_yet_is_waited_for(map_queue: MapQueue, journal: Journal, source: TestQueue) -> None:
    with TcpRelay(source.url) as relay:
        relay.cut()
        mapping = map_queue(broker_url=relay.url)
        source.publish("a")
        assert journal.stays_silent(0.2)
        assert mapping.describe().state is MappingState.CREATING
        relay.restore()
        journal.next().succeed()


@pytest.mark.parametrize("count", [1, 50])
def test_what_a_closed_emulator_was_processing_is_back_in_the_queue(
    map_queue: MapQueue, journal: Journal, source: TestQueue, count: int
) -> None:
    source.publish(*["x"] * count)
    mapping = map_queue(window_ms=0)
    visit = journal.next()
    mapping.stop()
    os.kill(visit.pid, signal.SIGKILL)
    mapping.join(5)
    assert eventually(lambda: source.ready() == count)
