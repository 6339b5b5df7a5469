"""What a Redis works off after it stood still: nobody waits for those answers any more."""

from collections.abc import Iterator

import pytest

from chalicelib.domain.circuit import CircuitRules, CircuitState, Move
from chalicelib.errors import CacheUnavailable
from chalicelib.stores.cache import Cache
from chalicelib.stores.circuits import HEARD_WITHIN_S, RedisCircuits
from tests.e2e.waiting import eventually
from tests.tcp_relay import TcpRelay

NAME = "postgresql"
RULES = CircuitRules(failure_threshold=1, open_s=0.05, probe_s=20)


@pytest.fixture
def relay(fresh_redis: str) -> Iterator[TcpRelay]:
    with TcpRelay(fresh_redis) as relay:
        yield relay


def test_a_probe_that_was_admitted_too_late_to_be_heard_of_keeps_nobody_away(fresh_redis: str, relay: TcpRelay) -> None:
    waiting = RedisCircuits(cache=Cache(relay.url), rules=RULES)
    other = RedisCircuits(cache=Cache(fresh_redis), rules=RULES)
    opened = waiting.fail(NAME, waiting.look(NAME).circuit.generation)
    assert opened.circuit.state is CircuitState.OPEN
    relay.stall()
    with pytest.raises(CacheUnavailable):
        waiting.admit(NAME)
    wait_until(other, opened.at_s + 2 * HEARD_WITHIN_S)
    relay.flow()
    # a question that goes the same way is answered after the one that nobody hears
    behind = RedisCircuits(cache=Cache(relay.url), rules=RULES)
    wait_until(behind, 0)
    wait_until(other, opened.at_s + 2 * HEARD_WITHIN_S + 0.3)
    probe = other.admit(NAME)
    assert probe.admitted
    assert other.succeed(NAME, probe.circuit.generation).circuit.state is CircuitState.CLOSED


def wait_until(circuits: RedisCircuits, at_s: float) -> Move:
    """The circuit when it is that late by Redis' clock."""
    return eventually(
        lambda: move if (move := circuits.look(NAME)).at_s >= at_s else None,
        within_s=10,
        otherwise=lambda: circuits.look(NAME),
    )
