"""What failed, over the real stores of a machine: made, shown, replayed, discarded."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from chalicelib.domain.audit import Actor, new_audit
from chalicelib.domain.catalog import NewTemplate
from chalicelib.domain.content import Content
from chalicelib.domain.delivery import NewNotification
from chalicelib.domain.failure import Failure, FailureFilter, FailurePage, FailureState, Position
from chalicelib.domain.messages import DeliveryMessage, decode_message
from chalicelib.errors import AddressRejected, CacheUnavailable, DeliveryError
from chalicelib.services.choose_current import CurrentTemplates
from chalicelib.services.discard import DiscardFailure, discard
from chalicelib.services.inspect_failed import InspectedFailure, inspect_failed
from chalicelib.services.list_failed import list_failed
from chalicelib.services.load_compiled import load_compiled
from chalicelib.services.ports import CompiledContents
from chalicelib.services.replay import Replayed, ReplayFailure, replay
from chalicelib.services.replay_many import ReplayedMany, ReplayMany, replay_many
from chalicelib.stores.discards import DiscardStore
from chalicelib.stores.failed_records import FailedRecordStore
from chalicelib.stores.postgres import Database
from chalicelib.stores.replay_candidates import ReplayCandidateStore
from chalicelib.stores.replays import ReplayStore
from chalicelib.stores.traces import TraceStore
from tests.fakes_core import FakeProgress
from tests.fakes_templates import FakeTemplates
from tests.machine import CONTENT, Machine, RememberingCourier, now

OPERATOR = Actor("client:operator", "correlation-7")
EVERYTHING = FailureFilter()


class FakeProgressOfMany(FakeProgress):
    """The same memory, told of many at once."""

    def forget_surely(self, notification_ids: Collection[UUID]) -> None:
        if not self.up:
            raise CacheUnavailable("down")
        for notification_id in notification_ids:
            self.forget(notification_id)


@dataclass
class Desk:
    """Where somebody looks through what failed. Each has its own connection when it has its own database."""

    database: Database
    templates: FakeTemplates
    courier: RememberingCourier = field(default_factory=RememberingCourier)
    progress: FakeProgressOfMany = field(default_factory=FakeProgressOfMany)
    monotonic_s: Callable[[], float] = lambda: 0.0

    def __post_init__(self) -> None:
        self.records = FailedRecordStore(database=self.database)
        self.replays = ReplayStore(database=self.database)
        self.candidates = ReplayCandidateStore(database=self.database)

    def replay(self, failure_id: UUID, *, use_current_template: bool = False) -> Replayed:
        return replay(
            ReplayFailure(failure_id, OPERATOR, use_current_template),
            replays=self.replays,
            current=self.current(),
            progress=self.progress,
            courier=self.courier,
            clock=now,
        )

    def replay_many(
        self, wanted: FailureFilter = EVERYTHING, *, limit: int = 10_000, per_second: int = 10, **options: Any
    ) -> ReplayedMany:
        return replay_many(
            ReplayMany(wanted, limit, per_second, OPERATOR, **options),
            candidates=self.candidates,
            replays=self.replays,
            current=self.current(),
            progress=self.progress,
            clock=now,
            monotonic_s=self.monotonic_s,
        )

    def discard(self, failure_id: UUID) -> None:
        discard(
            DiscardFailure(failure_id, OPERATOR),
            records=self.records,
            discards=DiscardStore(database=self.database),
            progress=self.progress,
            clock=now,
        )

    def inspect(self, failure_id: UUID, *, use_current_template: bool = False) -> InspectedFailure:
        return inspect_failed(
            failure_id,
            use_current_template=use_current_template,
            records=self.records,
            behind=self.replays,
            traces=TraceStore(database=self.database),
            compiled=self.compiled,
            current=self.current(),
        )

    def page(
        self, wanted: FailureFilter = EVERYTHING, *, before: Position | None = None, limit: int = 50
    ) -> FailurePage:
        return list_failed(wanted, before=before, limit=limit, records=self.records)

    def listed(self, state: FailureState = FailureState.FAILED) -> list[Failure]:
        return list(self.page(FailureFilter(state=state), limit=200).failures)

    def current(self) -> CurrentTemplates:
        return CurrentTemplates(catalog=self.templates, compiled=self.compiled)

    def compiled(self, code: str, number: int, /) -> CompiledContents:
        return load_compiled(code, number, versions=self.templates)


def published(*versions: Content) -> FakeTemplates:
    """The template of the machine's notifications: each version says one thing, and the last is in use."""
    templates = FakeTemplates()
    first, *others = versions or (CONTENT,)
    templates.insert(NewTemplate("welcome", "Welcome", None, "en", (first,)))
    for number, content in enumerate([first, *others], start=1):
        if number > 1:
            audit = new_audit(OPERATOR, "template.extended", "template:welcome", at=now())
            templates.add("welcome", (content,), includes={}, if_match=None, audit=audit)
        templates.publish("welcome", number)
    return templates


def fail(machine: Machine, *, error: DeliveryError | None = None, **options: Any) -> tuple[NewNotification, UUID]:
    """A notification whose only delivery has failed for good, and the record of it."""
    new = machine.record(**options)
    machine.provider.errors = [error or AddressRejected("no such mailbox", provider="mail", provider_code="550")]
    machine.deliver(machine.message(new))
    return new, record_of(machine, new)


def record_of(machine: Machine, new: NewNotification) -> UUID:
    """Its newest record."""
    with machine.database.session() as connection:
        rows = connection.execute(
            "SELECT id FROM notifications.failed WHERE notification_id = %s ORDER BY created_at DESC",
            (new.notification_id,),
        ).fetchall()
    return UUID(str(rows[0][0]))


def last_message(courier: RememberingCourier) -> DeliveryMessage:
    """What was published last."""
    return decode_message(courier.taken[-1].body)


def let_expire(machine: Machine, new: NewNotification) -> None:
    """Its `expires_at` is a moment ago."""
    with machine.database.session() as connection:
        connection.execute(
            "UPDATE notifications.notifications SET expires_at = now() - interval '1 second' WHERE id = %s",
            (new.notification_id,),
        )


def wake_times(machine: Machine) -> list[datetime]:
    """When the scheduled deliveries are due, in the order of time."""
    with machine.database.session() as connection:
        rows = connection.execute(
            "SELECT wake_at FROM notifications.deliveries WHERE status = 'scheduled' ORDER BY wake_at"
        ).fetchall()
    return [row[0] for row in rows]


def audited(machine: Machine) -> list[tuple[str, str, str]]:
    """Actor, action and target of each entry of the audit trail, oldest first."""
    with machine.database.session() as connection:
        rows = connection.execute("SELECT actor, action, target FROM notifications.audit ORDER BY id").fetchall()
    return [(row[0], row[1], row[2]) for row in rows]
