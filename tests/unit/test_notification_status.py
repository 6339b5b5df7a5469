"""One status for a notification, whatever its deliveries have come to."""

from itertools import combinations_with_replacement

import pytest

from chalicelib.domain.notification import OPEN, TERMINAL, NotificationStatus, Status, notification_status

SETS = [states for size in (1, 2, 3) for states in combinations_with_replacement(Status, size)]
ENDED = [states for states in SETS if TERMINAL.issuperset(states)]
UNENDED = [states for states in SETS if not TERMINAL.issuperset(states)]
WHILE_OPEN = {NotificationStatus.SCHEDULED, NotificationStatus.ACCEPTED, NotificationStatus.PROCESSING}


def test_while_any_delivery_is_open_the_notification_is() -> None:
    told = {notification_status(states, attempted=attempted) for states in UNENDED for attempted in (False, True)}
    assert told == WHILE_OPEN


def test_when_all_have_ended_so_has_the_notification() -> None:
    told = {notification_status(states, attempted=True) for states in ENDED}
    assert told == set(NotificationStatus) - WHILE_OPEN


def test_the_order_of_deliveries_does_not_matter() -> None:
    for states in SETS:
        assert notification_status(states, attempted=False) is notification_status(states[::-1], attempted=False)


def test_scheduled_means_that_all_open_ones_are() -> None:
    for states in UNENDED:
        all_scheduled = {state for state in states if state in OPEN} == {Status.SCHEDULED}
        told = notification_status(states, attempted=False)
        assert (told is NotificationStatus.SCHEDULED) == all_scheduled, states


def test_sent_means_all_but_the_skipped_and_partial_means_some() -> None:
    for states in ENDED:
        counted = set(states) - {Status.SKIPPED}
        told = notification_status(states, attempted=True)
        assert (told is NotificationStatus.SENT) == (counted == {Status.SENT}), states
        assert (told is NotificationStatus.PARTIAL) == (Status.SENT in counted and len(counted) > 1), states


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([Status.FAILED, Status.EXPIRED, Status.CANCELLED, Status.SKIPPED], NotificationStatus.FAILED),
        ([Status.SKIPPED, Status.CANCELLED, Status.EXPIRED], NotificationStatus.EXPIRED),
        ([Status.SKIPPED, Status.CANCELLED], NotificationStatus.CANCELLED),
        ([Status.SKIPPED, Status.SKIPPED], NotificationStatus.SKIPPED),
    ],
)
def test_without_any_sent_the_worst_is_told(states: list[Status], expected: NotificationStatus) -> None:
    assert notification_status(states, attempted=True) is expected


@pytest.mark.parametrize("state", [Status.ACCEPTED, Status.QUEUED])
def test_a_delivery_that_returned_to_its_queue_after_an_attempt_is_processing(state: Status) -> None:
    assert notification_status([state], attempted=False) is NotificationStatus.ACCEPTED
    assert notification_status([state], attempted=True) is NotificationStatus.PROCESSING


@pytest.mark.parametrize("state", [Status.SENDING, Status.RETRYING, Status.DEFERRED])
def test_what_a_worker_has_touched_is_processing(state: Status) -> None:
    assert notification_status([state], attempted=False) is NotificationStatus.PROCESSING
