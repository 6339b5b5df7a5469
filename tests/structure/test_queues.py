"""Every queue that something is published to is consumed by a function of its own, here and in every stack."""

import pytest

import app
from chalicelib.broker import topology
from chalicelib.domain.messages import FAILED
from chalicelib.domain.notification import Channel, Priority, lane_of
from infra.functions import CONSUMERS

CONSUMED = {queue: function for function, queue in CONSUMERS.items()}


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("priority", Priority)
def test_every_channel_and_priority_has_a_lane(channel: Channel, priority: Priority) -> None:
    assert lane_of(channel, priority) in topology.LANES


@pytest.mark.parametrize("lane", [*topology.LANES, FAILED])
def test_every_lane_is_consumed_by_a_function(lane: str) -> None:
    assert callable(getattr(app, CONSUMED[topology.queue_of(lane)]))


def test_no_two_functions_share_a_queue() -> None:
    assert len(set(CONSUMERS.values())) == len(CONSUMERS)
