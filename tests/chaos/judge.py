"""Compares the three records. Pure: the same records give the same verdict, and every check can fail.

A finding is what must not be. Nothing here forgives: what the system does wrong is said, whatever its cause.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.chaos.duplicates import Explained, Unexplained, explain, function_of
from tests.chaos.edges import illegal_edges
from tests.chaos.lateness import Bounds, ended_at, undisturbed_s
from tests.chaos.records import Arrival, Delivery, Incident, Kind, Promise, Records
from tests.chaos.telling import told
from tests.lifecycle import ENDED

LOST, UNEXPLAINED, LATE, DISHONEST = "lost", "unexplained duplicate", "late", "dishonest end"
ILLEGAL, UNPROMISED, ARCHIVE, KEY = "illegal edge", "unpromised", "archive", "idempotency"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that must not be. `trace` tells everything that is known of the delivery."""

    kind: str
    text: str
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the comparison came to. Of posts, notifications and deliveries, these are deliveries unless said."""

    accepted: int
    """Notifications: the 202s, each idempotency key counted once."""
    deliveries: int
    sent: int
    failed: int
    skipped: int
    failed_by_reason: Mapping[str, int]
    unanswered_commits: int
    """Notifications that exist although nobody was told: the answer was lost on its way."""
    explained: Sequence[Explained]
    duplicated: int
    """Deliveries that arrived more than once."""
    longest_to_terminal_s: float
    longest_in_all_s: float
    findings: Sequence[Finding]

    @property
    def passed(self) -> bool:
        return not self.findings

    @property
    def lost(self) -> int:
        return sum(finding.kind == LOST for finding in self.findings)

    @property
    def explained_duplicates(self) -> int:
        """Of the duplicated deliveries, those that every copy of is explained."""
        return len({each.delivery_id for each in self.explained})


@dataclass(frozen=True, slots=True)
class _Case:
    """The records, by what one asks for."""

    records: Records
    bounds: Bounds
    read_at: datetime
    promised: Mapping[str, tuple[Kind, Promise]]
    rows: Mapping[str, Delivery]
    arrivals: Mapping[str, Sequence[Arrival]]

    @property
    def incidents(self) -> Sequence[Incident]:
        return self.records.incidents

    def trace(self, delivery: Delivery) -> str:
        return told(delivery, self.arrivals.get(delivery.delivery_id, ()), self.incidents)


def judge(records: Records, *, bounds: Bounds, read_at: datetime) -> Verdict:
    """The verdict over the records; `read_at` is when the database was read, the end of what is still open."""
    arrivals = defaultdict(list)
    for arrival in records.arrivals:
        arrivals[arrival.delivery_id].append(arrival)
    promised = {promise.notification_id: (post.kind, promise) for post, promise in records.promises}
    rows = {delivery.delivery_id: delivery for delivery in records.deliveries}
    case = _Case(records, bounds, read_at, promised, rows, arrivals)
    explained, unexplained = _duplicates(case)
    waits = {each.delivery_id: _waited_s(case, each) for each in records.deliveries if each.status != "skipped"}
    findings = [
        *_lost(case), *unexplained, *_late(case, waits), *_dishonest(case), *_illegal(case), *_unpromised(case),
        *_archive(case), *_keys(case),
    ]  # fmt: skip
    ends = Counter(delivery.status for delivery in records.deliveries if delivery.notification_id in promised)
    return Verdict(
        accepted=len(promised),
        deliveries=sum(len(promise.deliveries) for _, promise in promised.values()),
        sent=ends["sent"],
        failed=ends["failed"],
        skipped=ends["skipped"],
        failed_by_reason=Counter(each.reason or "" for each in records.deliveries if each.status == "failed"),
        unanswered_commits=len({each.notification_id for each in records.deliveries} - set(promised)),
        explained=explained,
        duplicated=sum(len(copies) > 1 for copies in arrivals.values()),
        longest_to_terminal_s=max(waits.values(), default=0.0),
        longest_in_all_s=max((_open_for_s(case, each) for each in records.deliveries), default=0.0),
        findings=findings,
    )


def _lost(case: _Case) -> Iterator[Finding]:
    for post in case.records.posts:
        if post.status == 202 and (post.promise is None or not post.promise.deliveries):
            yield Finding(LOST, f"the 202 to {post.correlation_id} names no delivery")
    # of two 202s to one key, each is a promise: what one of them names and the other does not is promised, too
    named = {(promise.notification_id, each) for _, promise in case.records.promises for each in promise.deliveries}
    for notification_id, delivery_id in sorted(named):
        row = case.rows.get(delivery_id)
        if row is None or row.notification_id != notification_id:
            yield Finding(LOST, f"{delivery_id} of {notification_id} was promised and is not in the database")
        elif row.status not in ENDED:
            yield Finding(LOST, f"{delivery_id} has not ended: {row.status}", case.trace(row))
        elif row.status == "sent" and not case.arrivals.get(delivery_id):
            yield Finding(LOST, f"{delivery_id} is said to be sent and never arrived", case.trace(row))


def _duplicates(case: _Case) -> tuple[Sequence[Explained], Sequence[Finding]]:
    explained: list[Explained] = []
    findings = []
    for delivery_id, copies in case.arrivals.items():
        row = case.rows.get(delivery_id)
        if row is None or (len(copies) == 1 and row.status == "sent"):
            continue
        match explain(row, copies, case.incidents):
            case Unexplained():
                text = f"{len(copies)} copies of {delivery_id}, which is {row.status}"
                findings.append(Finding(UNEXPLAINED, text, case.trace(row)))
            case explanations:
                explained += explanations
    return explained, findings


def _waited_s(case: _Case, delivery: Delivery) -> float:
    return undisturbed_s(delivery, case.incidents, until=ended_at(delivery) or case.read_at)


def _open_for_s(case: _Case, delivery: Delivery) -> float:
    return ((ended_at(delivery) or case.read_at) - delivery.due_at).total_seconds()


def _late(case: _Case, waits: Mapping[str, float]) -> Iterator[Finding]:
    for delivery_id, waited_s in waits.items():
        if waited_s > case.bounds.longest_s:
            text = f"{delivery_id} stayed open for {waited_s:.1f} s with nothing to hold it"
            yield Finding(LATE, text, case.trace(case.rows[delivery_id]))


def _dishonest(case: _Case) -> Iterator[Finding]:
    """Every end has its reason: who is skipped opted out, and nothing fails that neither is refused nor met a fault."""
    for delivery in case.records.deliveries:
        kind = case.promised[delivery.notification_id][0] if delivery.notification_id in case.promised else None
        reached = case.arrivals.get(delivery.delivery_id, ())
        if kind is not None and (delivery.status == "skipped") != (kind is Kind.OPTED_OUT):
            yield Finding(DISHONEST, f"{delivery.delivery_id} ({kind}) is {delivery.status}", case.trace(delivery))
        if kind is Kind.REJECTED and delivery.status != "failed" and delivery.status in ENDED:
            yield Finding(
                DISHONEST, f"{delivery.delivery_id} was refused, and is {delivery.status}", case.trace(delivery)
            )
        if kind is None and delivery.status == "sent" and not reached:
            yield Finding(DISHONEST, f"{delivery.delivery_id} is sent, and never arrived", case.trace(delivery))
        if delivery.status == "skipped" and reached:
            yield Finding(DISHONEST, f"{delivery.delivery_id} was skipped, and arrived", case.trace(delivery))
        if delivery.status == "failed" and kind is not Kind.REJECTED and not _may_fail(case, delivery):
            yield Finding(DISHONEST, f"{delivery.delivery_id} failed: {delivery.reason}", case.trace(delivery))
        if delivery.status in ("expired", "cancelled"):
            yield Finding(DISHONEST, f"{delivery.delivery_id} is {delivery.status}: nobody wished it")


def _may_fail(case: _Case, delivery: Delivery) -> bool:
    """Whether the faults account for a failure: its retries met the provider's moods, or its function died on it."""
    until = ended_at(delivery) or case.read_at
    met = {each.target for each in case.incidents if each.touches(delivery.due_at, until)}
    if delivery.reason == "crashed":
        return function_of(delivery.lane) in met
    return delivery.reason in ("retries_exhausted", "outcome_unknown") and f"{delivery.channel} provider" in met


def _illegal(case: _Case) -> Iterator[Finding]:
    for delivery in case.records.deliveries:
        for edge in illegal_edges(delivery.events, status=delivery.status):
            yield Finding(ILLEGAL, f"{delivery.delivery_id}: {edge}", case.trace(delivery))


def _unpromised(case: _Case) -> Iterator[Finding]:
    """What exists without a 202 must come from a post whose answer was lost, and what arrives must exist."""
    unanswered = {post.correlation_id for post in case.records.posts if post.status is None or post.status >= 500}
    for delivery in case.records.deliveries:
        if delivery.notification_id not in case.promised and delivery.correlation_id not in unanswered:
            yield Finding(UNPROMISED, f"{delivery.delivery_id} exists, and nobody asked for it", case.trace(delivery))
    for delivery_id in case.arrivals.keys() - case.rows.keys():
        yield Finding(UNPROMISED, f"{delivery_id} arrived and is not in the database")


def _archive(case: _Case) -> Iterator[Finding]:
    """The archive holds exactly what failed, each once and with its reason."""
    archived = Counter(row.delivery_id for row in case.records.archive)
    for row in case.records.archive:
        if not row.reason or row.delivery_id is None:
            yield Finding(ARCHIVE, f"a row for {row.delivery_id or 'no delivery'} with reason {row.reason!r}")
    for delivery in case.records.deliveries:
        expected = int(delivery.status == "failed")
        if archived[delivery.delivery_id] != expected:
            text = f"{delivery.delivery_id} is {delivery.status}, with {archived[delivery.delivery_id]} rows"
            yield Finding(ARCHIVE, text, case.trace(delivery))


def _keys(case: _Case) -> Iterator[Finding]:
    """One idempotency key, one notification, however often it was posted."""
    by_key = defaultdict(set)
    for post, promise in case.records.promises:
        if post.key is not None:
            by_key[post.key].add(promise.notification_id)
    for key, notification_ids in by_key.items():
        if len(notification_ids) > 1:
            yield Finding(KEY, f"{key} made {len(notification_ids)} notifications: {sorted(notification_ids)}")
