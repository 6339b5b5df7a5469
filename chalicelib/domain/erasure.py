"""Erasing a person everywhere: first where they are registered, and then wherever something was written for them."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

REPEATED_FOR = timedelta(minutes=15)
"""No function lives longer (AWS Lambda, "Configure Lambda function timeout"): whatever had read the person before they
were deleted has written by then what it was going to write."""

REPEATED_EVERY = timedelta(seconds=30)
"""Often enough for what comes late, and for a server that returns; more would be work for nothing."""


@dataclass(frozen=True, slots=True)
class PendingErasure:
    """Somebody who is deleted, and may still have left something elsewhere.

    `is_last`: nothing can be written for them any more, so that one more erasure is the last.
    """

    user_id: UUID
    is_last: bool
