"""Several private RabbitMQ nodes that form one cluster on loopback: one port mapper, one cookie, ports of their own.

They find each other by their configuration, so that a node which was killed comes back into the cluster by itself. A
quorum queue that is declared while all nodes run has a member on each (three at most), and survives the loss of one
node of three. On the losing side of a partition a node pauses, as on Amazon MQ.
"""

import secrets
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

from offline.services.binaries import RabbitMQInstallation
from offline.services.errors import ServerFailed
from offline.services.files import write_private
from offline.services.management import ask
from offline.services.plan import Plan, forget, new_plan, save_plan
from offline.services.private import Endpoint, NotHealthy, Site
from offline.services.rabbitmq import RabbitMQ
from offline.services.rabbitmq_control import control

_START_DEADLINE_S = 120.0
_LAST_WORDS = 12
_MAPPER = "epmd"


class Cluster:
    """Nodes are numbered from 1. Their processes are on record as rabbitmq-1, rabbitmq-2, … and epmd.

    `start`, `restart` and `kill` may be called from several threads, for different nodes.
    """

    def __init__(self, installation: RabbitMQInstallation, site: Site, *, size: int = 3) -> None:
        """The site's folder gets a folder a node; its processes are not to be a stack's with a broker of its own."""
        self._site = site
        self._nodes = {number: f"carillon-{number}" for number in range(1, size + 1)}
        self._server = {
            number: RabbitMQ(installation, node=node, settings=self._settings()) for number, node in self._nodes.items()
        }
        self._plans = self._new_plans()

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of all nodes, whether they run or not."""
        return tuple(self._nodes)

    def start(self) -> Mapping[int, Endpoint]:
        """Return every node's endpoint once all of them are healthy and know each other.

        Raises:
            ServerFailed: a node does not become healthy, or does not join.
        """
        cookie = secrets.token_hex(20)
        for number in self.numbers:
            save_plan(self._folder(number), self._plans[number])
            write_private(self._folder(number) / "home/.erlang.cookie", cookie)
            self._server[number].prepare(self._plans[number], self._folder(number))
        mapper = self._server[1].commands(self._plans[1], self._folder(1))[_MAPPER]
        self._site.processes.start(_MAPPER, mapper)
        with ThreadPoolExecutor(len(self._nodes)) as pool:
            endpoints = dict(zip(self.numbers, pool.map(self.restart, self.numbers), strict=True))
        self._await_joined()
        return endpoints

    def restart(self, number: int) -> Endpoint:
        """Start a node that does not run; return when it is healthy again, with the data it had.

        Raises:
            ServerFailed: it does not become healthy.
        """
        plan, folder = self._plans[number], self._folder(number)
        if self._site.processes.find(self._name(number)) is None:
            self._site.processes.start(self._name(number), self._server[number].commands(plan, folder)[RabbitMQ.name])
        ends_at = time.monotonic() + _START_DEADLINE_S
        while time.monotonic() < ends_at and self._site.processes.find(self._name(number)) is not None:
            try:
                return RabbitMQ.check(plan)
            except NotHealthy:
                self._site.cancelled.wait(0.1)
        raise ServerFailed(f"{self._name(number)} does not become healthy. Its last words:\n{self._last_words(number)}")

    def kill(self, number: int) -> None:
        """Kill a node and all that came from it with SIGKILL; its data stays."""
        self._site.processes.kill(self._name(number))

    def pids(self, number: int) -> list[int]:
        """Return the processes of a node, the broker itself first."""
        return self._site.processes.pids(self._name(number))

    def leader_of(self, queue: str, *, vhost: str = "/") -> int:
        """Return the number of the node that leads a quorum queue.

        Raises:
            NotHealthy: no living node knows such a queue, or it has no leader among the living at the moment.
        """
        told = self._ask_any(f"/api/queues/{quote(vhost, safe='')}/{quote(queue, safe='')}")
        leader = str(told.get("leader", "")) if isinstance(told, dict) else ""
        number = next((number for number, node in self._nodes.items() if f"{node}@localhost" == leader), None)
        if number is None or self._site.processes.find(self._name(number)) is None:
            raise NotHealthy(f"{queue} has no leader at the moment")
        return number

    def control(self, number: int, *arguments: str) -> str:
        """Run one command of rabbitmqctl against a node; return what it printed.

        Raises:
            ServerFailed: it refused, or the node is not there.
        """
        return control(self._server[number], self._plans[number], self._folder(number), *arguments)

    def stop(self) -> None:
        """Kill every node and the port mapper, and delete their data."""
        for number in self.numbers:
            self._site.processes.stop(self._name(number), patience_s=0)
        self._site.processes.stop(_MAPPER, patience_s=0)
        for number in self.numbers:
            forget(self._folder(number))

    def _await_joined(self) -> None:
        ends_at = time.monotonic() + _START_DEADLINE_S
        while time.monotonic() < ends_at:
            told = self._ask_any("/api/nodes")
            if isinstance(told, list) and sum(bool(node.get("running")) for node in told) == len(self._nodes):
                return
            self._site.cancelled.wait(0.1)
        raise ServerFailed("the nodes of the cluster do not find each other")

    def _ask_any(self, path: str) -> object:
        living = [number for number in self.numbers if self._site.processes.find(self._name(number)) is not None]
        for number in living:
            try:
                return ask(RabbitMQ.management_url(self._plans[number]), path)
            except NotHealthy:
                if number == living[-1]:
                    raise
        raise NotHealthy("no node runs")

    def _settings(self) -> list[str]:
        others = enumerate(self._nodes.values(), start=1)
        return [
            "cluster_formation.peer_discovery_backend = classic_config",
            *(f"cluster_formation.classic_config.nodes.{number} = {node}@localhost" for number, node in others),
            "cluster_partition_handling = pause_minority",
        ]

    def _new_plans(self) -> dict[int, Plan]:
        first = new_plan("private", RabbitMQ.default_ports, prefer_defaults=False)
        own = {use: port for use, port in RabbitMQ.default_ports.items() if use != "mapper"}
        shared = {"mapper": first.ports["mapper"]}
        plans = {1: first}
        for number in self.numbers[1:]:
            ports = {**new_plan("private", own, prefer_defaults=False).ports, **shared}
            plans[number] = Plan(source="private", password=first.password, ports=ports)
        return {number: self._server[number].placed(plan, self._folder(number)) for number, plan in plans.items()}

    def _folder(self, number: int) -> Path:
        return self._site.folder / self._name(number)

    def _last_words(self, number: int) -> str:
        log = self._site.processes.log(self._name(number))
        return "\n".join(log.read_text(errors="replace").splitlines()[-_LAST_WORDS:])

    @staticmethod
    def _name(number: int) -> str:
        return f"{RabbitMQ.name}-{number}"
