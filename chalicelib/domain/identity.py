"""UUIDv7 identifiers (RFC 9562 §5.7) whose leading 48 bits are the millisecond they were made in.

Notifications, deliveries and events are partitioned on that time. A delivery or an event is a `sibling` of its
notification: it carries the same millisecond, so that all of them rest in one partition and one range of keys.

The random bits come from the operating system each time: they cannot repeat after a fork or a restored snapshot, which
a generator seeded once per process cannot promise.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

RANDOM_BITS_A = 12
RANDOM_BITS_B = 62
VERSION = 7
VARIANT = 0b10
LARGEST = (1 << 128) - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The half-open range of keys [first, end) in which all siblings of one identifier lie."""

    first: UUID
    end: UUID


def new_id(at: datetime) -> UUID:
    """A fresh identifier of the moment `at` (aware)."""
    return _compose(round(at.timestamp() * 1000))


def sibling_id(of: UUID) -> UUID:
    """A fresh identifier that shares the millisecond of another."""
    return _compose(_milliseconds(of))


def sibling_range(of: UUID) -> KeyRange:
    """Where every sibling of this identifier lies."""
    milliseconds = _milliseconds(of)
    return KeyRange(first=UUID(int=milliseconds << 80), end=UUID(int=min((milliseconds + 1) << 80, LARGEST)))


def moment_of(identifier: UUID) -> datetime:
    """The moment that an identifier was made of, in UTC and to the millisecond."""
    return _EPOCH + timedelta(milliseconds=_milliseconds(identifier))


def first_key_at(at: datetime) -> UUID:
    """The least key of the first millisecond that does not lie before `at` (aware)."""
    milliseconds = -((_EPOCH - at) // timedelta(milliseconds=1))
    return UUID(int=min(max(milliseconds, 0) << 80, LARGEST))


def _milliseconds(identifier: UUID) -> int:
    return identifier.int >> 80


def _compose(milliseconds: int) -> UUID:
    high = (milliseconds << 16) | (VERSION << 12) | secrets.randbits(RANDOM_BITS_A)
    return UUID(int=(high << 64) | (VARIANT << 62) | secrets.randbits(RANDOM_BITS_B))
