"""What ends in the failed queue: kept, returned, or known already."""

import pytest

from chalicelib.domain.delivery import Waiting
from chalicelib.domain.messages import QUEUE_HEADER, REASON_HEADER, Received, decode_message
from chalicelib.domain.notification import WAITING, Status
from chalicelib.errors import BrokerUnavailable
from chalicelib.services.archive import archive
from tests.fakes_core import FakeArchive, FakeCourier, ManualClock, RecordingLog, a_waiting


def arrive(*received: Received, records: FakeArchive, courier: FakeCourier | None = None) -> FakeCourier:
    courier = courier or FakeCourier()
    archive(received, records=records, courier=courier, clock=ManualClock(), log=RecordingLog())
    return courier


def the_message_of(row: Waiting) -> Received:
    return Received("failed.queue", row.message(published_at=ManualClock().at).encode(), str(row.delivery_id))


def test_bytes_that_nobody_can_read_are_kept_with_where_they_came_from_and_why() -> None:
    records = FakeArchive()
    headers = {QUEUE_HEADER: "email.queue", REASON_HEADER: "malformed_message"}
    arrive(Received("failed.queue", b"\x00\xff", "m-1", "c-1", headers), records=records)
    (kept,) = records.kept
    assert (kept.body, kept.queue, kept.reason) == (b"\x00\xff", "email.queue", "malformed_message")
    assert (kept.message_id, kept.correlation_id) == ("m-1", "c-1")


def test_what_came_without_a_word_is_kept_under_the_queue_it_was_found_in() -> None:
    records = FakeArchive()
    arrive(Received("failed.queue", b"?"), the_message_of(a_waiting()), records=records)
    told = {(kept.queue, kept.reason) for kept in records.kept}
    assert told == {("failed.queue", "malformed_message"), ("failed.queue", "unknown_delivery")}


@pytest.mark.parametrize("status", sorted(set(Status) - WAITING))
def test_a_message_whose_row_does_not_wait_is_known_already(status: Status) -> None:
    row = a_waiting()
    records = FakeArchive({row.delivery_id: (status, row)})
    assert arrive(the_message_of(row), records=records).taken == []
    assert records.kept == []


@pytest.mark.parametrize("status", sorted(WAITING))
def test_a_message_that_was_dead_lettered_although_its_row_waits_returns_to_its_lane(status: Status) -> None:
    row = a_waiting(lane="email.bulk")
    records = FakeArchive({row.delivery_id: (status, row)})
    (returned,) = arrive(the_message_of(row), the_message_of(row), records=records).taken
    assert returned.destination == "email.bulk"
    assert decode_message(returned.body).ticket == row.ticket


def test_a_copy_with_another_ticket_is_void() -> None:
    row = a_waiting(ticket=2)
    records = FakeArchive({row.delivery_id: (Status.QUEUED, row)})
    copy = Waiting(row.delivery_id, row.notification_id, row.channel, row.lane, 1, row.correlation_id)
    assert arrive(the_message_of(copy), records=records).taken == []


def test_what_could_not_be_returned_is_handed_over_again() -> None:
    row = a_waiting()
    records = FakeArchive({row.delivery_id: (Status.QUEUED, row)})
    with pytest.raises(BrokerUnavailable):
        arrive(the_message_of(row), Received("failed.queue", b"?"), records=records, courier=FakeCourier(up=False))
    assert len(records.kept) == 1
