"""The deployed e-mail function is killed in the middle of a batch: its batch comes back, and nothing is lost."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from infra.functions import deployed_name
from infra.target import AwsClient
from offline.cloud.stack import CloudStack
from tests.e2e.api import Client
from tests.e2e.crashes.batches import begin_a_batch
from tests.e2e.crashes.ledger import arrivals, draw_up
from tests.e2e.moods import slow_sink
from tests.e2e.waiting import eventually
from tests.localstack.mappings import paused

FUNCTION = "deliver_email"
BATCH, MIDDLE = 40, 20
SENT_AT_ONCE, SETTLED_TOGETHER = 16, 25
TIMEOUT_S = 12
LEASE_S = TIMEOUT_S + 5
RELAY_STARTS_EVERY_S = 60
RESENDING_S = 60


@pytest.fixture
def short_timeout(cloud: CloudStack) -> Iterator[None]:
    """A claim lasts as long as its function may run: with the deployed two minutes the test would wait as long."""
    client, name = cloud.target.client("lambda"), deployed_name(FUNCTION, cloud.target.stage)
    before = client.get_function_configuration(FunctionName=name)["Timeout"]
    set_timeout(client, name, TIMEOUT_S)
    yield
    set_timeout(client, name, before)


def set_timeout(client: AwsClient, name: str, timeout_s: int) -> None:
    client.update_function_configuration(FunctionName=name, Timeout=timeout_s)
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})


@pytest.mark.usefixtures("short_timeout")
def test_a_killed_function_loses_nothing_and_repeats_only_what_it_had_not_settled(
    cloud: CloudStack, client: Client, email_template: str, record_property: Callable[[str, object], None]
) -> None:
    with slow_sink(cloud.addresses):
        paused_function = paused(cloud.target, FUNCTION)
        accepted = begin_a_batch(client, email_template, paused=paused_function, size=BATCH, middle=MIDDLE)
        killed = cloud.pids_of(FUNCTION)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not set(killed) & set(cloud.pids_of(FUNCTION)), within_s=10, otherwise=lambda: killed)
        at_the_sink = set(arrivals(client, accepted))
    ledger = draw_up(client, accepted, within_s=LEASE_S + RELAY_STARTS_EVERY_S + RESENDING_S)
    ledger.require_all_sent()
    abandoned = {delivery_id for delivery_id, line in ledger.lines.items() if line.unsettled_attempts}
    assert killed
    assert 0 < len(abandoned) < BATCH, "the function was not killed in the middle of its batch"
    assert ledger.duplicated <= at_the_sink & abandoned
    assert len(ledger.duplicated) <= SENT_AT_ONCE + SETTLED_TOGETHER
    record_property("abandoned", len(abandoned))
    record_property("duplicated", len(ledger.duplicated))
