"""Lists failures, the newest first, at a cost per page that does not grow with their number."""

from collections.abc import Sequence
from typing import Protocol

from chalicelib.domain.failure import Failure, FailureFilter, FailurePage, Position

MOST_CANDIDATES = 2_000
"""How many records one page looks at, at most: it may be short, or empty, while more pages follow."""


class FailedRecords(Protocol):
    def find_page(
        self, wanted: FailureFilter, *, before: Position | None, limit: int, most: int
    ) -> tuple[Sequence[Failure], Position | None]: ...


def list_failed(wanted: FailureFilter, *, before: Position | None, limit: int, records: FailedRecords) -> FailurePage:
    """The records before `before` that are wanted: `limit` of them at most."""
    failures, next_before = records.find_page(wanted, before=before, limit=limit, most=MOST_CANDIDATES)
    return FailurePage(tuple(failures), next_before)
