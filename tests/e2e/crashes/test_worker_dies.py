"""The e-mail function dies, or is given up for dead, in the middle of a batch against a slow sink."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from offline.stack.stack import Stack
from tests.conftest import FUNCTION_TIMEOUT_S
from tests.e2e.api import Client, delivery_of, events_of, told
from tests.e2e.crashes.batches import begin_a_batch
from tests.e2e.crashes.crashing import kill, running_pid, unlimited
from tests.e2e.crashes.ledger import Ledger, Line, arrivals, draw_up
from tests.e2e.emulator import paused
from tests.e2e.moods import slow_sink
from tests.e2e.waiting import eventually

Json = Any
RecordProperty = Callable[[str, object], None]

FUNCTION = "deliver_email"
BATCH = 100
MIDDLE = 40
LEASE_S = FUNCTION_TIMEOUT_S + 5
RELAY_TICK_S = 2
SENT_AT_ONCE, ROUND_OVERHEAD_S = 16, 1.5
MOST_UNSETTLED = SENT_AT_ONCE + 25
MOST_IN_HAND = SENT_AT_ONCE + MOST_UNSETTLED
RESENDING_S = MOST_IN_HAND * ROUND_OVERHEAD_S
"""The sink is quick again by then; what was in hand is sent one at a time."""


def test_a_killed_worker_loses_nothing_and_repeats_only_what_it_had_not_settled(
    stack: Stack, client: Client, email_template: str, record_property: RecordProperty
) -> None:
    with slow_sink(stack.addresses):
        accepted = begin_a_batch(client, email_template, paused=paused(stack, FUNCTION), size=BATCH, middle=MIDDLE)
        kill(stack, FUNCTION)
        at_the_sink = set(arrivals(client, accepted))
    ledger = draw_up(client, accepted, within_s=LEASE_S + 2 * RELAY_TICK_S + RESENDING_S)
    ledger.require_all_sent()
    unsettled = abandoned(ledger)
    assert ledger.duplicated == at_the_sink & unsettled
    assert len(ledger.duplicated) <= MOST_UNSETTLED
    assert 0 < len(unsettled) <= MOST_IN_HAND, "the worker was not killed in the middle of its batch"
    record_property("duplicated", len(ledger.duplicated))
    record_property("unsettled", len(unsettled))
    for delivery_id in unsettled:
        require_taken_back_in_time(ledger.lines[delivery_id])


def test_a_worker_that_was_stopped_past_its_lease_changes_nothing_when_it_comes_back(
    stack: Stack, client: Client, email_template: str, record_property: RecordProperty
) -> None:
    with unlimited(stack, FUNCTION):
        with slow_sink(stack.addresses):
            accepted = begin_a_batch(client, email_template, paused=paused(stack, FUNCTION), size=BATCH, middle=MIDDLE)
            worker = running_pid(stack, FUNCTION)
            os.kill(worker, signal.SIGSTOP)
        open_ids = wait_for_the_ends_of_leases(client, accepted)
        os.kill(worker, signal.SIGCONT)
        ledger = draw_up(client, accepted, within_s=RESENDING_S)
    ledger.require_all_sent()
    late = {delivery_id for delivery_id, line in ledger.lines.items() if "outcome_late" in line.events}
    assert late, "the worker did not come back"
    assert late <= open_ids
    assert ledger.duplicated <= abandoned(ledger) == open_ids
    assert len(ledger.duplicated) <= MOST_UNSETTLED
    record_property("duplicated", len(ledger.duplicated))
    record_property("late", len(late))
    for delivery_id in late:
        require_late_outcome_without_effect(ledger.lines[delivery_id])


def wait_for_the_ends_of_leases(client: Client, accepted: Sequence[Json]) -> set[str]:
    """Until nothing of these is in the worker's hands any more; the deliveries whose lease has ended there."""

    def look(notification_id: str) -> Json:
        return delivery_of(client.trace(notification_id))

    def let_go(notification_id: str) -> Json | None:
        delivery = look(notification_id)
        return delivery if delivery["status"] in ("queued", "sent") else None

    ends_at_s = time.monotonic() + LEASE_S + 2 * RELAY_TICK_S + ROUND_OVERHEAD_S
    seen = [
        eventually(
            partial(let_go, each["notification_id"]),
            within_s=ends_at_s - time.monotonic(),
            otherwise=lambda: told(look(accepted[-1]["notification_id"])),
        )
        for each in accepted
    ]
    return {delivery["delivery_id"] for delivery in seen if "lease_ended" in events_of(delivery)}


def abandoned(ledger: Ledger) -> set[str]:
    """The deliveries whose lease ended in the hands of a worker."""
    return {delivery_id for delivery_id, line in ledger.lines.items() if line.unsettled_attempts}


def require_taken_back_in_time(line: Line) -> None:
    at = {event["event"]: datetime.fromisoformat(event["at"]) for event in reversed(line.delivery["events"])}
    held_s = (at["lease_ended"] - at["sending"]).total_seconds()
    assert held_s <= LEASE_S + 2 * RELAY_TICK_S, told(line.delivery)


def require_late_outcome_without_effect(line: Line) -> None:
    """The outcome came between the end of the lease and the next attempt, which went on as if nothing had come."""
    events = list(line.events)
    assert events.index("lease_ended") < events.index("outcome_late") < events.index("sending", 3), told(line.delivery)
    assert events.count("sent") == 1, told(line.delivery)
    assert events[-1] == "sent", told(line.delivery)
