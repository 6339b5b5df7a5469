"""One circuit under sixteen processes at once: one announcement a change, one probe a half-open stretch, none lost."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess

import pytest

from chalicelib.domain.circuit import CircuitRules, CircuitState
from chalicelib.errors import CircuitOpen
from chalicelib.services.breaker import CircuitBreaker, Leave
from chalicelib.stores.cache import Cache
from chalicelib.stores.circuits import RedisCircuits
from tests.e2e.waiting import eventually
from tests.integration.circuits.environments import (
    NAME,
    PATIENCE_S,
    Dependency,
    breaker,
    context,
    die_probing,
    hammer,
    running,
)
from tests.tcp_relay import TcpRelay

PROCESSES = 16
OUTAGES = 3
PROBES_AN_OUTAGE = 3
RULES = CircuitRules(failure_threshold=5, open_s=0.1, probe_s=10)
SHORT_LEASE = CircuitRules(failure_threshold=5, open_s=0.02, probe_s=0.05)
LOST_PROBES = 50
OPENED, HALF_OPENED, CLOSED = "circuit_opened", "circuit_half_opened", "circuit_closed"


@dataclass
class Crowd:
    """Sixteen environments around one Redis, and everything that they announce."""

    url: str
    announced: Counter[str] = field(default_factory=Counter)
    probes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        forking = context()
        self.told, self.probed = forking.SimpleQueue(), forking.SimpleQueue()
        self.dependency = Dependency(forking.Value("i", 1), forking.Value("i", 0))
        self.forking = forking

    def start(self) -> ForkServerProcess:
        arguments = (self.url, RULES, self.dependency, self.told, self.probed)
        process = self.forking.Process(target=hammer, args=arguments, daemon=True)
        process.start()
        return process

    def stop(self) -> None:
        self.dependency.stop.value = 1

    def listen(self) -> Counter[str]:
        while not self.told.empty():
            self.announced[self.told.get()[0]] += 1
        while not self.probed.empty():
            self.probes.append(self.probed.get())
        return self.announced

    def wait_announced(self, message: str, *, more_than: int) -> None:
        eventually(lambda: self.listen()[message] > more_than, within_s=20, otherwise=lambda: dict(self.announced))


@pytest.fixture
def crowd(fresh_redis: str) -> Iterator[Crowd]:
    crowd = Crowd(fresh_redis)
    with running(crowd.start, PROCESSES, crowd.stop):
        yield crowd


def test_sixteen_processes_share_one_circuit(crowd: Crowd, fresh_redis: str) -> None:
    for _ in range(OUTAGES):
        opened, closed = crowd.listen()[OPENED], crowd.announced[CLOSED]
        crowd.dependency.up.value = 0
        crowd.wait_announced(OPENED, more_than=opened + PROBES_AN_OUTAGE)
        crowd.dependency.up.value = 1
        crowd.wait_announced(CLOSED, more_than=closed)
    circuits = RedisCircuits(cache=Cache(fresh_redis, timeout_s=PATIENCE_S), rules=RULES)
    assert circuits.look(NAME).circuit.state is CircuitState.CLOSED
    crowd.listen()
    assert crowd.announced[OPENED] == crowd.announced[HALF_OPENED]
    assert crowd.announced[CLOSED] == OUTAGES
    assert len(crowd.probes) == len(set(crowd.probes)) == crowd.announced[HALF_OPENED]


def test_a_probe_whose_process_dies_is_followed_by_another_after_its_lease(fresh_redis: str) -> None:
    forking = context()
    told = forking.SimpleQueue()
    guard = breaker(fresh_redis, SHORT_LEASE, told)
    circuits = RedisCircuits(cache=Cache(fresh_redis, timeout_s=PATIENCE_S), rules=SHORT_LEASE)
    for _ in range(LOST_PROBES):
        for _ in range(SHORT_LEASE.failure_threshold):
            guard.enter().failed()
        process = forking.Process(target=die_probing, args=(fresh_redis, SHORT_LEASE, told), daemon=True)
        process.start()
        process.join()
        assert circuits.look(NAME).circuit.state is CircuitState.HALF_OPEN
        began_s = time.monotonic()
        leave = eventually(lambda: entered(guard), within_s=5, otherwise=lambda: circuits.look(NAME))
        assert time.monotonic() - began_s < SHORT_LEASE.probe_s + 1
        leave.succeeded()
        assert circuits.look(NAME).circuit.state is CircuitState.CLOSED


def entered(guard: CircuitBreaker) -> Leave | None:
    try:
        return guard.enter()
    except CircuitOpen:
        return None


def test_redis_dies_in_the_middle_and_the_circuit_goes_on_in_the_process(fresh_redis: str) -> None:
    told = context().SimpleQueue()
    with TcpRelay(fresh_redis) as relay:
        guard = breaker(relay.url, RULES, told)
        for _ in range(RULES.failure_threshold - 1):
            guard.enter().failed()
        relay.cut()
        guard.enter().failed()
        assert told.get()[0] == OPENED
        with pytest.raises(CircuitOpen):
            guard.enter()
        relay.restore()
        shared = RedisCircuits(cache=Cache(fresh_redis, timeout_s=PATIENCE_S), rules=RULES)
        assert shared.look(NAME).circuit.state is CircuitState.CLOSED
        eventually(lambda: entered(guard), within_s=5, otherwise=lambda: "it stays away")
