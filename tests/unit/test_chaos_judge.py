"""The judge of a chaos run, with made-up records: each check finds what it is there for, and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.chaos.judge import (
    ARCHIVE,
    DISHONEST,
    ILLEGAL,
    KEY,
    LATE,
    LOST,
    UNEXPLAINED,
    UNPROMISED,
    Verdict,
    judge,
)
from tests.chaos.lateness import Bounds
from tests.chaos.records import Archived, Arrival, Delivery, Event, Incident, Kind, Post, Promise, Records

BOUNDS = Bounds(lease_s=17, relay_tick_s=2, retry_delays_s=(1, 2, 4))
START = datetime(2026, 3, 1, tzinfo=UTC)
CLEAN = ("accepted", "queued", "sending", "sent")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def events(*named: tuple[float, str] | tuple[float, str, str]) -> tuple[Event, ...]:
    return tuple(Event(at(each[0]), each[1], reason=each[2] if len(each) == 3 else None) for each in named)


def history(*names: str, every_s: float = 1.0) -> tuple[Event, ...]:
    return events(*((number * every_s, name) for number, name in enumerate(names)))


SENT = Delivery("d1", "n1", "c1", "email", "email", "sent", None, START, history(*CLEAN))
PROMISED = Post("c1", Kind.ORDINARY, None, START, 202, Promise("n1", {"d1": "accepted"}))
ARRIVED = Arrival("d1", at(2.5))
WHOLE = Records([PROMISED], [SENT], [], [ARRIVED], [])

KILLED = Incident("kill", "deliver_email", at(2.6), at(2.7))
FROZEN = Incident("freeze", "deliver_email", at(2.6), at(25))
DATABASE_AWAY = Incident("kill", "postgresql", at(2.6), at(6))
DROPPING = Incident("accepts_then_drops", "email provider", at(1), at(6))

LEASE_ENDED = events(
    (0, "accepted"), (1, "queued"), (2, "sending"), (19, "lease_ended"), (19, "queued"), (20, "sending"), (21, "sent"),
)  # fmt: skip
COPIES = (Arrival("d1", at(2.5)), Arrival("d1", at(20.5)))


def verdict_over(records: Records) -> Verdict:
    return judge(records, bounds=BOUNDS, read_at=at(100))


def kinds(records: Records) -> set[str]:
    return {finding.kind for finding in verdict_over(records).findings}


def repeated(history: tuple[Event, ...], *incidents: Incident, copies: Sequence[Arrival] = COPIES) -> Records:
    """One delivery that was sent, and these arrivals of it."""
    return replace(WHOLE, deliveries=[replace(SENT, events=history)], arrivals=copies, incidents=incidents)


def causes(records: Records) -> list[str]:
    verdict = verdict_over(records)
    assert verdict.passed, verdict.findings
    assert verdict.duplicated == verdict.explained_duplicates == 1
    return [each.cause for each in verdict.explained]


def test_what_was_promised_and_arrived_once_is_found_in_order() -> None:
    verdict = verdict_over(WHOLE)
    assert verdict.passed, verdict.findings
    assert (verdict.accepted, verdict.sent, verdict.lost, verdict.duplicated) == (1, 1, 0, 0)
    assert verdict.longest_to_terminal_s == pytest.approx(3.0)


LOSSES: Mapping[str, Records] = {
    "it is missing from the database": replace(WHOLE, deliveries=[], arrivals=[]),
    "it belongs to another notification": replace(WHOLE, deliveries=[replace(SENT, notification_id="n2")]),
    "it has not ended": replace(
        WHOLE, deliveries=[replace(SENT, status="queued", events=history("accepted", "queued"))], arrivals=[]
    ),
    "it says sent and never arrived": replace(WHOLE, arrivals=[]),
    "another 202 to its key names more": replace(
        WHOLE,
        posts=[replace(PROMISED, promise=Promise("n1", {"d1": "accepted", "d2": "accepted"})), PROMISED],
    ),
    "its 202 names nothing": replace(
        WHOLE, posts=[PROMISED, Post("c2", Kind.ORDINARY, None, START, 202, Promise("n2", {}))]
    ),
    "its 202 says nothing": replace(WHOLE, posts=[PROMISED, Post("c2", Kind.ORDINARY, None, START, 202)]),
}


@pytest.mark.parametrize("records", LOSSES.values(), ids=LOSSES)
def test_a_promise_that_was_not_kept_is_lost(records: Records) -> None:
    assert LOST in kinds(records)
    assert verdict_over(records).lost == 1


def test_a_second_copy_after_a_settled_call_is_not_explained() -> None:
    records = repeated(history(*CLEAN), KILLED, DATABASE_AWAY, DROPPING, copies=(ARRIVED, Arrival("d1", at(2.6))))
    assert kinds(records) == {UNEXPLAINED}
    assert "ARRIVED" in verdict_over(records).findings[0].trace
    assert verdict_over(records).explained_duplicates == 0


def test_a_copy_after_an_ended_lease_is_not_explained_when_nothing_had_happened() -> None:
    elsewhere = (
        Incident("kill", "deliver_push", at(2.6), at(2.7)),
        Incident("kill", "deliver_email", at(50), at(50.1)),
        Incident("kill", "postgresql", at(50), at(52)),
        Incident("kill", "valkey", at(2.6), at(4)),
    )
    assert UNEXPLAINED in kinds(repeated(LEASE_ENDED, *elsewhere))


def test_a_death_between_call_and_settle_explains_a_copy() -> None:
    assert causes(repeated(LEASE_ENDED, KILLED)) == ["a"]


def test_a_freeze_past_the_lease_explains_a_copy_that_comes_late() -> None:
    late = (*LEASE_ENDED, Event(at(25.5), "outcome_late"))
    copies = (Arrival("d1", at(20.5)), Arrival("d1", at(25.2)))
    assert causes(repeated(late, FROZEN, copies=copies)) == ["a"]


def test_a_settle_that_the_database_could_not_take_explains_a_copy() -> None:
    assert causes(repeated(LEASE_ENDED, DATABASE_AWAY)) == ["c"]


def test_each_ended_lease_explains_one_copy_and_no_more() -> None:
    copies = (*COPIES, Arrival("d1", at(2.55)))
    assert UNEXPLAINED in kinds(repeated(LEASE_ENDED, KILLED, copies=copies))


AMBIGUOUS = events(
    (0, "accepted"), (1, "queued"), (2, "sending"), (3, "retrying", "outcome_unknown"),
    (4, "queued"), (20, "sending"), (21, "sent"),
)  # fmt: skip
REFUSED = tuple(replace(each, reason=each.reason and "provider_unavailable") for each in AMBIGUOUS)


def test_an_answer_that_was_lost_explains_a_copy() -> None:
    assert causes(repeated(AMBIGUOUS)) == ["b"]


def test_a_refusal_explains_no_copy() -> None:
    assert UNEXPLAINED in kinds(repeated(REFUSED))


def test_a_message_that_the_sink_kept_without_an_answer_explains_a_copy_while_that_was_its_mood() -> None:
    unanswered = (replace(COPIES[0], answered=False), COPIES[1])
    assert causes(repeated(REFUSED, DROPPING, copies=unanswered)) == ["b"]
    assert UNEXPLAINED in kinds(repeated(REFUSED, copies=unanswered))
    assert UNEXPLAINED in kinds(repeated(REFUSED, DROPPING))


def test_a_message_that_arrived_and_is_said_to_have_failed_needs_an_explanation_too() -> None:
    failed = replace(SENT, status="failed", reason="address_rejected", events=history(*CLEAN[:3], "failed"))
    assert UNEXPLAINED in kinds(replace(WHOLE, deliveries=[failed], archive=[Archived("d1", "address_rejected")]))


def open_until(end_s: float, *incidents: Incident) -> Records:
    slow = events((0, "accepted"), (1, "queued"), (end_s - 0.5, "sending"), (end_s, "sent"))
    arrival = Arrival("d1", at(end_s - 0.2))
    return replace(WHOLE, deliveries=[replace(SENT, events=slow)], arrivals=[arrival], incidents=incidents)


def test_what_stays_open_with_nothing_to_hold_it_is_late() -> None:
    assert kinds(open_until(BOUNDS.longest_s - 0.1)) == set()
    assert kinds(open_until(BOUNDS.longest_s + 0.1)) == {LATE}


def test_only_the_time_without_a_fault_that_could_hold_it_counts() -> None:
    assert kinds(open_until(60, Incident("kill", "rabbitmq", at(20), at(35)))) == set()
    assert kinds(open_until(60, Incident("slow", "push provider", at(20), at(35)))) == {LATE}
    assert kinds(open_until(60, Incident("kill", "rabbitmq", at(59), at(61)))) == {LATE}, "a fault at the end"


def test_a_scheduled_one_is_measured_from_the_time_it_was_wished_for() -> None:
    late = open_until(60)
    assert kinds(replace(late, deliveries=[replace(late.deliveries[0], due_at=at(50))])) == set()


def ended(status: str, reason: str | None, kind: Kind, *incidents: Incident) -> Records:
    delivery = replace(SENT, status=status, reason=reason, events=history(*CLEAN[:3], status))
    archive = [Archived("d1", reason or "")] if status == "failed" else []
    arrivals = [ARRIVED] if status == "sent" else []
    return Records([replace(PROMISED, kind=kind)], [delivery], archive, arrivals, incidents)


REFUSING = Incident("refusing", "email provider", at(0.5), at(3))


@pytest.mark.parametrize(
    "records",
    [
        ended("failed", "address_rejected", Kind.ORDINARY),
        ended("failed", "retries_exhausted", Kind.ORDINARY),
        ended("failed", "crashed", Kind.ORDINARY, REFUSING),
        ended("failed", "render_failed", Kind.ORDINARY, REFUSING, KILLED),
        ended("sent", None, Kind.REJECTED),
        ended("sent", None, Kind.OPTED_OUT),
        ended("skipped", "opted_out", Kind.ORDINARY),
        ended("expired", "expired", Kind.ORDINARY),
    ],
    ids=lambda records: f"{records.posts[0].kind} {records.deliveries[0].status} {records.deliveries[0].reason}",
)
def test_an_end_that_nothing_accounts_for_is_dishonest(records: Records) -> None:
    assert DISHONEST in kinds(records)


@pytest.mark.parametrize(
    "records",
    [
        ended("failed", "address_rejected", Kind.REJECTED),
        ended("failed", "retries_exhausted", Kind.ORDINARY, REFUSING),
        ended("failed", "crashed", Kind.ORDINARY, KILLED),
        ended("skipped", "opted_out", Kind.OPTED_OUT),
    ],
    ids=lambda records: f"{records.posts[0].kind} {records.deliveries[0].status} {records.deliveries[0].reason}",
)
def test_an_end_that_the_post_or_a_fault_accounts_for_is_honest(records: Records) -> None:
    assert kinds(records) == set()


def test_an_edge_that_the_machine_does_not_have_is_illegal() -> None:
    assert kinds(replace(WHOLE, deliveries=[replace(SENT, events=history("accepted", "sending", "sent"))])) == {ILLEGAL}
    assert kinds(replace(WHOLE, deliveries=[replace(SENT, events=history(*CLEAN, "queued"))])) == {ILLEGAL}
    assert ILLEGAL in kinds(replace(WHOLE, deliveries=[replace(SENT, events=())]))


def test_a_deferral_that_is_counted_again_accounts_for_as_many_claims_without_a_row() -> None:
    names = ("accepted", "queued", "deferred", "sending", "sending", "sent")
    for count, found in ((1, {ILLEGAL}), (2, set())):
        counted = tuple(replace(each, count=count) if each.name == "deferred" else each for each in history(*names))
        assert (
            kinds(replace(WHOLE, deliveries=[replace(SENT, events=counted)], arrivals=[Arrival("d1", at(4.5))]))
            == found
        )


def test_a_late_outcome_is_beside_the_machine() -> None:
    assert kinds(replace(WHOLE, deliveries=[replace(SENT, events=history(*CLEAN, "outcome_late"))])) == set()


def test_what_nobody_was_promised_must_come_from_a_post_whose_answer_was_lost() -> None:
    unanswered = replace(PROMISED, status=None, promise=None)
    verdict = verdict_over(replace(WHOLE, posts=[unanswered]))
    assert verdict.passed
    assert verdict.unanswered_commits == 1
    assert kinds(replace(WHOLE, posts=[])) == {UNPROMISED}
    assert kinds(replace(WHOLE, posts=[replace(unanswered, status=422)])) == {UNPROMISED}


def test_what_is_said_to_be_sent_must_have_arrived_also_when_the_answer_to_its_post_was_lost() -> None:
    unanswered = replace(WHOLE, posts=[replace(PROMISED, status=None, promise=None)])
    assert verdict_over(unanswered).passed
    assert kinds(replace(unanswered, arrivals=[])) == {DISHONEST}


def test_what_arrives_without_a_row_is_found() -> None:
    assert kinds(replace(WHOLE, arrivals=[ARRIVED, Arrival("d9", at(3))])) == {UNPROMISED}


def test_the_archive_holds_what_failed_once_and_with_its_reason() -> None:
    failed = ended("failed", "address_rejected", Kind.REJECTED)
    row = failed.archive[0]
    assert kinds(replace(failed, archive=[])) == {ARCHIVE}
    assert kinds(replace(failed, archive=[row, row])) == {ARCHIVE}
    assert kinds(replace(failed, archive=[replace(row, reason="")])) == {ARCHIVE}
    assert kinds(replace(WHOLE, archive=[row])) == {ARCHIVE}
    assert kinds(replace(WHOLE, archive=[Archived(None, "unknown_delivery")])) == {ARCHIVE}


def test_one_key_makes_one_notification() -> None:
    first, second = (replace(PROMISED, key="k", promise=Promise(each, {})) for each in ("n1", "n2"))
    again = replace(first, correlation_id="c2", promise=PROMISED.promise)
    whole = replace(WHOLE, posts=[replace(PROMISED, key="k"), again])
    assert kinds(whole) == set()
    assert verdict_over(whole).accepted == 1
    assert KEY in kinds(replace(WHOLE, posts=[PROMISED, first, second]))
