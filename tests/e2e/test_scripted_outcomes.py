"""What becomes of a delivery when its provider does not simply accept: every scripted recipient, all at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pytest

from offline.stack.stack import Stack
from tests.e2e.api import Client, Json, address, delivery_of, events_of, told, unique

DELAYS_S = (1.0, 2.0, 4.0)
"""What the stack's RETRY_DELAYS_S says."""

LATENESS_S = 20.0
"""How late a retry may be on a busy machine: the mapping's window, and the batch before it."""

MAILS = ("defer-twice", "defer", "reject", "slow", "drop")
PUSHES = (
    *("unregistered", "invalid", "sender-mismatch", "internal", "slow"),
    *("quota", "quota-…-twice", "unavailable", "unavailable-…-twice"),
)
RETRY = ["retrying", "queued", "sending"]
ONE_ATTEMPT = ["accepted", "queued", "sending"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a delivery went and how it ended."""

    target: str
    user_id: str
    trace: Json

    @property
    def delivery(self) -> Json:
        return delivery_of(self.trace)


@pytest.fixture(scope="module")
def outcomes(client: Client) -> Mapping[str, Outcome]:
    """Each script's outcome: `mail:defer`, `push:quota`, …; the devices are registered ones."""
    code = client.publish_template()
    started: dict[str, tuple[str, str, str]] = {}
    for script in MAILS:
        person = client.create_user(email=address(script))
        accepted = client.notify(template_code=code, user_id=person["id"], channels=["email"])
        started[f"mail:{script}"] = (person["email"], person["id"], accepted["notification_id"])
    for script in PUSHES:
        person = client.create_user()
        begin, _, end = script.partition("-…")
        token = client.add_device(person["id"], token=unique(begin) + end)["token"]
        accepted = client.notify(template_code=code, user_id=person["id"], channels=["push"])
        started[f"push:{script}"] = (token, person["id"], accepted["notification_id"])
    traces = client.wait_all_ended([each[2] for each in started.values()], within_s=60)
    return {script: Outcome(target, person, traces[each]) for script, (target, person, each) in started.items()}


def gaps_s(delivery: Json) -> Sequence[float]:
    """From each failed attempt to the next one's beginning."""
    at = [(event["event"], datetime.fromisoformat(event["at"])) for event in delivery["events"]]
    failed = [moment for event, moment in at if event == "retrying"]
    begun = [moment for event, moment in at if event == "sending"][1:]
    return [(after - before).total_seconds() for before, after in zip(failed, begun, strict=True)]


@pytest.mark.parametrize("script", ["mail:defer-twice", "push:quota-…-twice", "push:unavailable-…-twice"])
def test_what_is_refused_twice_arrives_at_the_third_attempt(script: str, outcomes: Mapping[str, Outcome]) -> None:
    delivery = outcomes[script].delivery
    assert (delivery["status"], delivery["attempts"], delivery["reason"]) == ("sent", 3, None), told(delivery)
    assert events_of(delivery) == [*ONE_ATTEMPT, *RETRY, *RETRY, "sent"], told(delivery)
    assert [event["attempt"] for event in delivery["events"]] == [0, 0, 1, 1, 1, 2, 2, 2, 3, 3], told(delivery)


@pytest.mark.parametrize("script", ["mail:defer", "mail:drop", "push:quota", "push:unavailable", "push:internal"])
def test_what_is_refused_for_ever_fails_after_four_attempts(script: str, outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes[script]
    delivery = outcome.delivery
    assert (delivery["status"], delivery["attempts"]) == ("failed", 4), told(delivery)
    assert delivery["reason"] == "retries_exhausted", told(delivery)
    assert events_of(delivery) == [*ONE_ATTEMPT, *RETRY, *RETRY, *RETRY, "failed"], told(delivery)
    assert outcome.trace["status"] == "failed", told(outcome.trace)


@pytest.mark.parametrize("script", ["mail:defer-twice", "mail:defer", "push:unavailable", "push:internal"])
def test_the_delays_between_the_attempts_grow(script: str, outcomes: Mapping[str, Outcome]) -> None:
    delivery = outcomes[script].delivery
    for gap_s, delay_s in zip(gaps_s(delivery), DELAYS_S, strict=False):
        assert delay_s <= gap_s <= delay_s + LATENESS_S, told(delivery)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("mail:reject", "address_rejected"),
        ("push:unregistered", "device_unregistered"),
        ("push:invalid", "address_rejected"),
        ("push:sender-mismatch", "address_rejected"),
    ],
)
def test_what_would_fail_again_fails_at_the_first_attempt(
    script: str, reason: str, outcomes: Mapping[str, Outcome]
) -> None:
    delivery = outcomes[script].delivery
    assert (delivery["status"], delivery["attempts"], delivery["reason"]) == ("failed", 1, reason), told(delivery)
    assert "retrying" not in events_of(delivery), told(delivery)
    assert delivery["events"][-1]["reason"] == reason, told(delivery)
    assert delivery["next_attempt_at"] is None, told(delivery)


def test_a_device_that_is_not_registered_any_more_is_forgotten(client: Client, outcomes: Mapping[str, Outcome]) -> None:
    outcome = outcomes["push:unregistered"]
    assert events_of(outcome.delivery) == [*ONE_ATTEMPT, "device_removed", "failed"], told(outcome.trace)
    assert client.devices(outcome.user_id) == []


@pytest.mark.parametrize("script", [f"push:{script}" for script in PUSHES if script != "unregistered"])
def test_no_other_answer_costs_a_person_their_device(
    script: str, client: Client, outcomes: Mapping[str, Outcome]
) -> None:
    assert [device["token"] for device in client.devices(outcomes[script].user_id)] == [outcomes[script].target]


@pytest.mark.parametrize("script", ["mail:slow", "push:slow"])
def test_a_slow_provider_is_waited_for(script: str, outcomes: Mapping[str, Outcome]) -> None:
    delivery = outcomes[script].delivery
    assert events_of(delivery) == [*ONE_ATTEMPT, "sent"], told(delivery)


def test_what_arrived_is_what_is_on_record_and_no_more(client: Client, outcomes: Mapping[str, Outcome]) -> None:
    arrivals = {
        script: len(client.mails(outcome.target) if script.startswith("mail:") else client.pushes(outcome.target))
        for script, outcome in outcomes.items()
    }
    # a dropped connection leaves the mail with the provider and us without an answer: trying again is the lesser evil
    arrivals.pop("mail:drop")
    sent = {script for script, outcome in outcomes.items() if outcome.trace["status"] == "sent"}
    assert arrivals == {script: int(script in sent) for script in arrivals}


def test_a_mail_whose_answer_was_lost_can_be_told_from_a_new_one(
    client: Client, outcomes: Mapping[str, Outcome]
) -> None:
    outcome = outcomes["mail:drop"]
    mails = client.mails(outcome.target)
    assert len(mails) == outcome.delivery["attempts"], told(outcome.trace)
    assert {mail["answered"] for mail in mails} == {False}
    assert {mail["message_id"].strip("<>").partition("@")[0] for mail in mails} == {outcome.delivery["id"]}
    retries = [event for event in outcome.delivery["events"] if event["event"] == "retrying"]
    assert {event["reason"] for event in retries} == {"outcome_unknown"}, told(outcome.trace)


def test_no_reason_on_record_holds_an_address_or_a_token(outcomes: Mapping[str, Outcome], stack: Stack) -> None:
    logged = (stack.layout.logs / "emulator.log").read_text()
    for outcome in outcomes.values():
        assert outcome.target not in told(outcome.trace)
        assert outcome.target not in logged
