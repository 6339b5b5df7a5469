"""Three RabbitMQ nodes in the place of a stack's one: what is killed of them is the node that leads email.queue."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chalicelib.broker.topology import queue_of
from offline.services.private import NotHealthy
from offline.services.rabbitmq_cluster import Cluster
from tests.chaos.alarms import SEEN_WITHIN_S, USUAL_WATERMARK, is_on
from tests.chaos.cluster import balanced_cluster
from tests.chaos.fault import Server, World
from tests.e2e.waiting import eventually

NAME = "rabbitmq"
QUEUE = queue_of("email")
ELECTED_WITHIN_S = 30.0


class Leader:
    """Kills the leader, and starts that node again. All nodes are its processes: they freeze together."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._killed: list[int] = []

    def kill(self) -> None:
        leader = eventually(self._leader, within_s=ELECTED_WITHIN_S, otherwise=lambda: f"{QUEUE} has no leader")
        self._cluster.kill(leader)
        self._killed.append(leader)

    def start(self) -> None:
        while self._killed:
            self._cluster.restart(self._killed.pop())

    def pids(self) -> list[int]:
        return [pid for number in self._cluster.numbers for pid in self._cluster.pids(number)]

    def set_watermark(self, fraction: str) -> None:
        """Of one node's memory: an alarm of any node blocks the publishers of all."""
        self._cluster.control(self._cluster.numbers[0], "set_vm_memory_high_watermark", fraction)

    def _leader(self) -> int | None:
        try:
            return self._cluster.leader_of(QUEUE)
        except NotHealthy:
            return None


@dataclass(frozen=True, slots=True)
class ClusterMemoryAlarm:
    """A node of the cluster believes for `for_s` that it has no memory left, and all publishers are blocked."""

    for_s: float
    kind: str = "memory alarm"
    target: str = NAME

    def begin(self, world: World) -> None:
        _leader_of(world).set_watermark("0")
        eventually(lambda: is_on(world.stack), within_s=SEEN_WITHIN_S, otherwise=lambda: "there is no alarm")

    def end(self, world: World) -> None:
        _leader_of(world).set_watermark(USUAL_WATERMARK)
        eventually(lambda: not is_on(world.stack), within_s=SEEN_WITHIN_S, otherwise=lambda: "the alarm is still on")


def _leader_of(world: World) -> Leader:
    leader = world.server(NAME)
    assert isinstance(leader, Leader), "this world has no cluster"
    return leader


@contextlib.contextmanager
def cluster_in_place() -> Iterator[tuple[Mapping[str, str], Mapping[str, Server]]]:
    """The settings that make a stack use it, and whom its faults befall."""
    with balanced_cluster() as balanced:
        yield balanced.settings, {NAME: Leader(balanced.cluster)}
