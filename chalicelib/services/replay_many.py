"""Replays many failures at a chosen rate, the oldest first: each is due at a time of its own, and `relay` brings it.

A chunk is one transaction. A process that dies between two has lost nothing, and repeating the request goes on where it
stopped: what was replayed is no longer `failed`.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.failure import ChosenContent, FailedDelivery, FailureFilter, Position, Replay, Replayable
from chalicelib.domain.identity import new_id
from chalicelib.errors import CacheUnavailable, InvalidRequest
from chalicelib.services.choose_current import CurrentTemplates
from chalicelib.services.ports import Clock

CHUNK = 500
LONGEST_S = 20.0
"""No chunk begins later: the function that answers has 29 s."""


class Candidates(Protocol):
    def count(self, wanted: FailureFilter) -> int: ...

    def find_oldest(
        self, wanted: FailureFilter, *, after: Position | None, limit: int, with_variables: bool
    ) -> Sequence[tuple[Position, Replayable]]: ...


class Replays(Protocol):
    def replay(self, wanted: Sequence[Replay], *, by: Actor, audit: NewAudit) -> Sequence[Replayable]: ...


class Progress(Protocol):
    def forget_surely(self, notification_ids: Collection[UUID]) -> None:
        """Raises: CacheUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class ReplayMany:
    """The command. The rate is of this request alone: those of several add up."""

    wanted: FailureFilter
    limit: int
    per_second: int
    by: Actor
    use_current_template: bool = False


@dataclass(frozen=True, slots=True)
class ReplayedMany:
    """How many records the filter held for, and how many of them this request has replayed."""

    matched: int
    replayed: int


def replay_many(
    command: ReplayMany,
    *,
    candidates: Candidates,
    replays: Replays,
    current: CurrentTemplates,
    progress: Progress,
    clock: Clock,
    monotonic_s: Callable[[], float],
) -> ReplayedMany:
    """Schedule up to `limit` of the failures that the filter holds for; what cannot be replayed is passed over.

    Raises:
        DatabaseUnavailable: the chunks before are replayed; repeating it goes on with the rest.
    """
    started_s = monotonic_s()
    matched = candidates.count(command.wanted)
    run = f"replay:{new_id(clock())}"
    replayed = 0
    for chunk in _chunks(command, candidates):
        elapsed_s = monotonic_s() - started_s
        if elapsed_s > LONGEST_S:
            break
        wanted = _wanted(command, chunk, current, before=replayed, elapsed_s=elapsed_s)
        if wanted:
            _forget(wanted, progress)
            audit = _audit(command, run, count=len(wanted), clock=clock)
            found = replays.replay(wanted, by=command.by, audit=audit)
            replayed += sum(1 for each in found if each.failed)
        if replayed >= command.limit:
            break
    return ReplayedMany(max(matched, replayed), replayed)


def _chunks(command: ReplayMany, candidates: Candidates) -> Iterator[Sequence[Replayable]]:
    after: Position | None = None
    while rows := candidates.find_oldest(
        command.wanted, after=after, limit=CHUNK, with_variables=command.use_current_template
    ):
        yield [candidate for _, candidate in rows]
        if len(rows) < CHUNK:
            return
        after, _ = rows[-1]


def _wanted(
    command: ReplayMany, chunk: Sequence[Replayable], current: CurrentTemplates, *, before: int, elapsed_s: float
) -> list[Replay]:
    """Those of the chunk that can be replayed, each due `1/per_second` after the one before, since the beginning."""
    wanted: list[Replay] = []
    for candidate in chunk:
        place = before + len(wanted)
        if place == command.limit:
            break
        failed = candidate.failed
        content = _content(failed, current) if failed and command.use_current_template else None
        if failed is None or (command.use_current_template and content is None):
            continue
        wanted.append(
            Replay(
                failure_id=candidate.failure_id,
                delivery_id=failed.waiting.delivery_id,
                notification_id=failed.waiting.notification_id,
                content=content,
                delay_s=max(0.0, place / command.per_second - elapsed_s),
            )
        )
    return wanted


def _content(failed: FailedDelivery, current: CurrentTemplates) -> ChosenContent | None:
    try:
        return current.choose(failed)
    except InvalidRequest:
        return None


def _forget(wanted: Sequence[Replay], progress: Progress) -> None:
    try:
        progress.forget_surely([each.notification_id for each in wanted])
    except CacheUnavailable:
        return  # PostgreSQL knows


def _audit(command: ReplayMany, run: str, *, count: int, clock: Clock) -> NewAudit:
    wanted = command.wanted
    return new_audit(
        command.by,
        "replay.scheduled",
        run,
        at=clock(),
        count=count,
        per_second=command.per_second,
        use_current_template=command.use_current_template,
        channel=wanted.channel,
        reason=wanted.reason,
        template_code=wanted.template_code,
        since=None if wanted.since is None else wanted.since.isoformat(),
        until=None if wanted.until is None else wanted.until.isoformat(),
    )
