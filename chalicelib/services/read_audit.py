"""Tells who changed what, newest first, out of the trails of all stores."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Protocol
from uuid import UUID

from chalicelib.domain.audit import Audit
from chalicelib.domain.identity import LARGEST, KeyRange, first_key_at


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """What is asked for; None asks for any. `since` is part of the time, `until` is not."""

    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some entries; `more` tells whether others follow the last one."""

    entries: tuple[Audit, ...]
    more: bool


class AuditTrail(Protocol):
    def newest(self, keys: KeyRange, *, actor: str | None, action: str | None, limit: int) -> Sequence[Audit]:
        """Up to `limit` entries with ids in that range, the greatest id first."""
        ...


def read_audit(wanted: AuditFilter, *, before: UUID | None, limit: int, trails: Sequence[AuditTrail]) -> AuditPage:
    """At most `limit` entries that follow the entry `before`. The ids of all stores are in one order: that of time.

    Raises:
        DatabaseUnavailable: one of the stores cannot be read: half of the truth is not told.
    """
    keys = _keys(wanted, before)
    found = [trail.newest(keys, actor=wanted.actor, action=wanted.action, limit=limit + 1) for trail in trails]
    merged = tuple(islice(heapq.merge(*found, key=lambda entry: entry.id, reverse=True), limit + 1))
    return AuditPage(entries=merged[:limit], more=len(merged) > limit)


def _keys(wanted: AuditFilter, before: UUID | None) -> KeyRange:
    first = UUID(int=0) if wanted.since is None else first_key_at(wanted.since)
    end = UUID(int=LARGEST) if wanted.until is None else first_key_at(wanted.until)
    return KeyRange(first=first, end=end if before is None else min(before, end))
