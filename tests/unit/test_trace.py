"""Who may see a notification, how fresh it is, and what cancelling answers."""

from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

import pytest

from chalicelib.domain.audit import Actor, NewAudit
from chalicelib.domain.identity import new_id
from chalicelib.domain.notification import EventName, Status
from chalicelib.domain.trace import TracedEvent, TracedNotification
from chalicelib.errors import Conflict, Forbidden, NotFound
from chalicelib.services.cancel import Cancel, cancel
from chalicelib.services.trace import ENDED_S, MOVING_S, trace
from tests.fakes_core import NOON, FakeProgress, ManualClock
from tests.unit.test_notification_list import a_delivery, a_notification

BY = Actor("client:billing", "correlation-2")


@dataclass
class FakeTraces:
    """PostgreSQL's side: the truth, and how often all of it was read."""

    notification: TracedNotification | None
    read: int = 0

    def find(self, notification_id: UUID) -> TracedNotification | None:
        self.read += 1
        return self.notification

    def find_head(self, notification_id: UUID) -> TracedNotification | None:
        return None if self.notification is None else replace(self.notification, deliveries=())


@dataclass
class World:
    user_id: UUID = field(default_factory=uuid4)
    clock: ManualClock = field(default_factory=ManualClock)
    stopped: int = 1
    audited: list[NewAudit] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.notification_id = new_id(NOON)
        self.progress = FakeProgress(self.clock)
        self.traces = FakeTraces(a_notification(self.notification_id, self.user_id))
        self.move_to(Status.QUEUED, EventName.QUEUED)

    def move_to(self, status: Status, *events: EventName) -> None:
        assert self.traces.notification is not None
        history = tuple(TracedEvent(NOON, event, 1, None, None, None, "correlation-1") for event in events)
        delivery = replace(a_delivery(self.notification_id, status), events=history, attempts=0)
        self.traces.notification = replace(self.traces.notification, deliveries=(delivery,))

    def trace(self, only_own: UUID | None = None) -> TracedNotification:
        return trace(self.notification_id, only_own=only_own, traces=self.traces, progress=self.progress)

    def cancel(self, notification_id: UUID, *, by: Actor, audit: NewAudit) -> int:
        """The store of cancellations."""
        self.audited.append(audit)
        if self.stopped:
            self.move_to(Status.CANCELLED, EventName.QUEUED, EventName.CANCELLED)
        return self.stopped

    def cancelled(self) -> TracedNotification:
        command = Cancel(self.notification_id, by=BY)
        return cancel(command, cancellations=self, traces=self.traces, progress=self.progress, clock=self.clock)


@pytest.fixture
def world() -> World:
    return World()


def test_what_moves_is_shown_again_for_two_seconds(world: World) -> None:
    assert world.trace().status == "accepted"
    world.move_to(Status.SENT, EventName.QUEUED, EventName.SENT)
    assert world.trace().status == "accepted"
    world.clock.advance(MOVING_S)
    assert world.trace().status == "sent"
    assert world.traces.read == 2


def test_what_has_ended_is_read_once(world: World) -> None:
    world.move_to(Status.SENT, EventName.SENT)
    first = world.trace()
    world.clock.advance(ENDED_S - 1)
    assert world.trace() == first
    assert world.traces.read == 1


def test_whose_it_is_is_read_each_time(world: World) -> None:
    assert world.trace(world.user_id).user_id == world.user_id
    assert world.traces.notification is not None
    world.traces.notification = replace(world.traces.notification, user_id=None, variables={})
    with pytest.raises(Forbidden):
        world.trace(world.user_id)
    assert world.trace().variables == {}


def test_another_persons_is_forbidden_and_what_does_not_exist_is_not_found(world: World) -> None:
    with pytest.raises(Forbidden):
        world.trace(uuid4())
    world.trace()
    with pytest.raises(Forbidden):
        world.trace(uuid4())
    world.traces.notification = None
    for only_own in (None, uuid4()):
        with pytest.raises(NotFound):
            world.trace(only_own)


def test_without_redis_everything_is_read_each_time(world: World) -> None:
    world.progress.up = False
    world.trace()
    world.trace()
    assert world.traces.read == 2


def test_cancelling_answers_what_is_so_now_and_nobody_is_shown_what_was(world: World) -> None:
    world.trace()
    assert world.cancelled().status == "cancelled"
    assert world.trace().status == "cancelled"
    (audit,) = world.audited
    assert (audit.action, audit.target) == ("notification.cancelled", f"notification:{world.notification_id}")


def test_where_nothing_can_be_stopped_cancelling_is_a_conflict(world: World) -> None:
    world.stopped = 0
    with pytest.raises(Conflict) as error:
        world.cancelled()
    assert error.value.problem_code == "nothing_to_cancel"


def test_cancelling_what_does_not_exist_is_not_found(world: World) -> None:
    world.traces.notification = None
    with pytest.raises(NotFound):
        world.cancelled()
