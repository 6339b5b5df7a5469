"""The context object counts down and names its function, frames pass whole, and schedules send EventBridge's event."""

import socket
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline.emulator.context import LambdaContext, begin_context
from offline.emulator.schedules import scheduled_event
from offline.emulator.wire import FrameReader, StreamEnded, encode_frame


class Clock:
    """Time that moves when told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_the_remaining_time_counts_down_to_zero_and_not_below() -> None:
    clock = Clock()
    context = LambdaContext(aws_request_id="1", function_name="f", deadline_s=2, clock_s=clock)
    assert context.get_remaining_time_in_millis() == 2000
    clock.now_s = 1.9995
    assert context.get_remaining_time_in_millis() == 0
    clock.now_s = 3
    assert context.get_remaining_time_in_millis() == 0


def test_a_context_names_its_function() -> None:
    context = begin_context(function_name="f", aws_request_id="id", timeout_s=3)
    assert context.invoked_function_arn == "arn:aws:lambda:us-east-1:000000000000:function:f"
    assert context.log_group_name == "/aws/lambda/f"
    assert context.function_version == "$LATEST"
    assert 2_000 < context.get_remaining_time_in_millis() <= 3_000


@given(values=st.lists(st.text() | st.integers() | st.none() | st.dictionaries(st.text(), st.text()), max_size=5))
def test_frames_pass_whole_and_in_order(values: list[object]) -> None:
    near, far = socket.socketpair()
    with near, far:
        reader = FrameReader(far)
        for value in values:
            near.sendall(encode_frame(value))
        assert [reader.read() for _ in values] == values


def test_a_read_that_times_out_in_the_middle_of_a_frame_loses_nothing() -> None:
    near, far = socket.socketpair()
    with near, far:
        far.settimeout(0.01)
        reader = FrameReader(far)
        frame = encode_frame({"a": 1})
        near.sendall(frame[:7])
        with pytest.raises(TimeoutError):
            reader.read()
        near.sendall(frame[7:])
        assert reader.read() == {"a": 1}


def test_the_end_of_the_stream_is_told() -> None:
    near, far = socket.socketpair()
    near.close()
    with far, pytest.raises(StreamEnded):
        FrameReader(far).read()


def test_a_scheduled_event_carries_its_time_and_its_rule() -> None:
    event = scheduled_event(rule="relay", at=datetime(2026, 11, 22, 17, 6, 1, 500, tzinfo=UTC))
    assert event["time"] == "2026-11-22T17:06:01Z"
    assert event["detail-type"] == "Scheduled Event"
    assert event["resources"] == ["arn:aws:events:us-east-1:000000000000:rule/relay"]
