"""What may become of a failure, and the words for why things fail."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from chalicelib import errors
from chalicelib.domain.delivery import Waiting
from chalicelib.domain.failure import FailedDelivery, FailureReason, FailureState, Obstacle, Replayable, reason_of
from chalicelib.domain.notification import OPEN, Channel, Status

DELIVERY_ID = UUID(int=1)


def behind(status: Status = Status.FAILED, *, expired: bool = False, erased: bool = False) -> FailedDelivery:
    waiting = Waiting(DELIVERY_ID, UUID(int=2), Channel.EMAIL, "email", 3, "correlation-1")
    return FailedDelivery(waiting, status, "welcome", 1, "en", "en", expired=expired, erased=erased)


def record(
    delivery: FailedDelivery | None,
    *,
    state: FailureState = FailureState.FAILED,
    delivery_id: UUID | None = DELIVERY_ID,
) -> Replayable:
    return Replayable(uuid4(), state, delivery_id, delivery)


def test_what_failed_and_nothing_stands_in_the_way_of_is_replayed() -> None:
    one = record(behind())
    assert (one.obstacle, one.failed) == (None, behind())


@pytest.mark.parametrize(
    ("one", "obstacle"),
    [
        (record(None, delivery_id=None), Obstacle.UNREADABLE),
        (record(None, delivery_id=None, state=FailureState.DISCARDED), Obstacle.UNREADABLE),
        (record(behind(), state=FailureState.DISCARDED), Obstacle.DISCARDED),
        (record(None), Obstacle.GONE),
        (record(behind(expired=True)), Obstacle.EXPIRED),
        (record(behind(erased=True)), Obstacle.ERASED),
        (record(behind(erased=True, expired=True)), Obstacle.ERASED),
        (record(behind(Status.EXPIRED, expired=True), state=FailureState.REPLAYED), Obstacle.EXPIRED),
    ],
)
def test_what_stands_in_the_way_is_named(one: Replayable, obstacle: Obstacle) -> None:
    assert (one.obstacle, one.failed) == (obstacle, None)


@pytest.mark.parametrize("status", sorted({*OPEN, Status.SENT, Status.FAILED, Status.CANCELLED, Status.SKIPPED}))
def test_what_was_replayed_is_neither_refused_nor_replayed_again(status: Status) -> None:
    one = record(behind(status, expired=True), state=FailureState.REPLAYED)
    assert (one.obstacle, one.failed) == (None, None)


def _kinds(of: type[errors.DeliveryError]) -> Iterator[type[errors.DeliveryError]]:
    yield of
    for kind in of.__subclasses__():
        yield from _kinds(kind)


@pytest.mark.parametrize("kind", [*_kinds(errors.PermanentFailure)])
def test_every_failure_for_good_has_a_word_in_the_archive(kind: type[errors.DeliveryError]) -> None:
    assert reason_of(kind.reason) == kind.reason


def test_a_word_of_another_version_is_none_of_ours() -> None:
    assert reason_of("eaten_by_a_dog") is FailureReason.DELIVERY_FAILED
