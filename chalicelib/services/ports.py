"""What the use cases need of the world, as small protocols. Adapters satisfy them by shape; the wiring brings them.

What the protocols speak of is imported for type checkers alone: every function needs some protocol, and none would
otherwise start without the whole domain.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from uuid import UUID

    from chalicelib.domain.backflow import LaneKnowledge, Reviewed
    from chalicelib.domain.catalog import TemplateHead, TemplateVersion
    from chalicelib.domain.delivery import (
        Claimed,
        NewNotification,
        NewRecord,
        RememberedRequest,
        Settlement,
        Unreadable,
        Waiting,
    )
    from chalicelib.domain.listing import Candidates, ListedNotification, NotificationFilter
    from chalicelib.domain.messages import DeliveryMessage, Dispatch
    from chalicelib.domain.notification import Channel, Status
    from chalicelib.domain.preferences import Preferences
    from chalicelib.domain.rate import Rate, Standing
    from chalicelib.domain.recipient import EmailTarget, Person, PushTarget
    from chalicelib.domain.template import CompiledTemplate
    from chalicelib.domain.trace import TracedDelivery, TracedNotification

Clock = Callable[[], datetime]
"""The present moment, aware."""

CompiledContents: TypeAlias = "Mapping[tuple[Channel, str], CompiledTemplate]"
"""A template version ready to render, by channel and locale."""


class Log(Protocol):
    """Structured lines: a constant message, variables as keys. Never an address, a body or a token."""

    def info(self, message: str, **fields: object) -> None: ...

    def warning(self, message: str, **fields: object) -> None: ...

    def error(self, message: str, **fields: object) -> None: ...

    def count(self, metric: str, value: int = 1, **dimensions: str) -> None: ...


class Courier(Protocol):
    """The way into the broker. The answer holds the indexes of the dispatches that it has taken over for certain."""

    def publish(self, dispatches: Sequence[Dispatch], *, timeout_s: float) -> frozenset[int]: ...


class LaneGauge(Protocol):
    def count_ready(self, lane: str, *, timeout_s: float) -> int: ...


class People(Protocol):
    def find_person(self, user_id: UUID) -> Person | None: ...

    def find_persons(self, user_ids: Collection[UUID]) -> Mapping[UUID, Person]: ...

    def find_addresses(self, user_ids: Collection[UUID]) -> Mapping[UUID, EmailTarget]: ...

    def find_device_tokens(self, device_ids: Collection[UUID]) -> Mapping[UUID, tuple[UUID, PushTarget]]: ...

    def remove_device(self, device_id: UUID) -> bool: ...


class Catalog(Protocol):
    def find_published(self, code: str) -> TemplateHead | None: ...


class Versions(Protocol):
    def load_version(self, code: str, number: int) -> TemplateVersion | None: ...


class CompiledTemplates(Protocol):
    def __call__(self, code: str, number: int, /) -> CompiledContents: ...


class Notifications(Protocol):
    def record(self, new: NewNotification, *, remember: RememberedRequest | None, remember_s: int) -> None: ...

    def record_all(self, new: Sequence[NewRecord], *, remember_s: int) -> frozenset[UUID]: ...

    def find_remembered(self, client_id: str, key: str) -> RememberedRequest | None: ...

    def find_all_remembered(self, client_id: str, keys: Collection[str]) -> Mapping[str, RememberedRequest]: ...


class Traces(Protocol):
    def find(self, notification_id: UUID) -> TracedNotification | None: ...

    def find_head(self, notification_id: UUID) -> TracedNotification | None: ...


class ProgressMemory(Protocol):
    """What was read of deliveries not long ago. Never raises: without Redis nothing is remembered.

    Whoever changes a delivery that has ended calls `forget` before the change.
    """

    def recall(self, notification_id: UUID) -> tuple[TracedDelivery, ...] | None: ...

    def keep(self, notification_id: UUID, deliveries: tuple[TracedDelivery, ...], *, for_s: int) -> None: ...

    def forget(self, notification_id: UUID) -> None: ...


class Listing(Protocol):
    def find_candidates(self, wanted: NotificationFilter, *, before: UUID | None, most: int) -> Candidates: ...

    def load_deliveries(self, ids: Sequence[UUID]) -> Mapping[UUID, Sequence[TracedDelivery]]: ...

    def load_notifications(self, ids: Sequence[UUID]) -> Sequence[ListedNotification]: ...


class Outbox(Protocol):
    def take_due(self, *, limit: int, full_lanes: Collection[str] = ()) -> list[Waiting]: ...

    def end_within(self, full_lanes: Collection[str], *, limit: int) -> None: ...

    def find_overdue_lanes(self) -> list[str]: ...

    def take_lost(self, *, among: LaneKnowledge, limit: int) -> Reviewed: ...

    def mark_queued(self, published: Sequence[Waiting], *, published_at: datetime) -> None: ...


class Claims(Protocol):
    def claim(
        self, messages: Collection[DeliveryMessage], *, lease_s: float, suspects: bool = True
    ) -> list[Claimed]: ...

    def defer(
        self, messages: Collection[DeliveryMessage], *, reason: str, detail: str, at_least_s: float
    ) -> frozenset[UUID]: ...

    def find_suspects(self, messages: Collection[DeliveryMessage]) -> list[DeliveryMessage]: ...

    def find_known(self, delivery_ids: Collection[UUID]) -> frozenset[UUID]: ...

    def find_cancelled(self, delivery_ids: Collection[UUID]) -> frozenset[UUID]: ...


class Settlements(Protocol):
    def settle(self, settlements: Sequence[Settlement]) -> Mapping[UUID, Status]: ...


class Archive(Protocol):
    def keep_unreadable(self, messages: Sequence[Unreadable], *, at: datetime) -> None: ...

    def find_states(self, delivery_ids: Collection[UUID]) -> Mapping[UUID, tuple[Status, Waiting]]: ...


class RequestMemory(Protocol):
    """The quick memory of idempotency keys; the unique key in PostgreSQL is the guarantee beneath it.

    Each may raise CacheUnavailable, which changes nothing but speed.
    """

    def begin(self, client_id: str, key: str, *, request_hash: bytes, owner: str) -> RememberedRequest | None:
        """Mark the request as under way, or return what the key already stands for.

        Raises:
            RequestInProgress: another request with this key is being handled now.
        """

    def remember(self, client_id: str, request: RememberedRequest, *, for_s: int) -> None: ...

    def abandon(self, client_id: str, key: str, *, request_hash: bytes, owner: str) -> None: ...


class RateCounters(Protocol):
    """Counts by name. Never raises: without Redis each process counts for itself."""

    def hit(self, name: str, rate: Rate) -> Standing: ...


class PreferencesOf(Protocol):
    """What each of these people wants, at most five seconds old; who does not exist is missing."""

    def __call__(self, user_ids: Collection[UUID], /) -> Mapping[UUID, Preferences]: ...


class Sessions(Protocol):
    """People's sessions, as far as others than logging in need them."""

    def end_all(self, user_id: UUID) -> None:
        """End every session of this person: their tokens are dead at once. Raises: CacheUnavailable."""
        ...
