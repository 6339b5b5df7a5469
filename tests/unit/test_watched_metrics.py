"""No alarm and no chart watches nothing: our code emits every metric of ours that they name, with these dimensions."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import chalicelib
from chalicelib.broker.topology import LANES, queue_of
from chalicelib.domain.backlog import CanarySighting, Queue, QueueLevel
from chalicelib.domain.circuit import Circuit, CircuitState, Move
from chalicelib.domain.delivery import Settlement
from chalicelib.domain.notification import Status
from chalicelib.services.breaker import tell
from chalicelib.services.canary import Canary, CanaryRecipient
from chalicelib.services.inspect_queues import inspect_queues
from chalicelib.services.measure_queues import measure_queues
from chalicelib.services.settle import Settler
from infra.functions import ALL, CONSUMERS
from infra.watch.alarm_list import Watched, alarms_of
from infra.watch.dashboard import sections
from infra.watch.metrics import NAMESPACE, SERVICE_VARIABLE, Metric, own, service_of
from tests.fakes_core import FakeCourier, FakeSettlements, Ledger, ManualClock, a_claim
from tests.fakes_people import FakeDevices, FakePeople, FakeUsers
from tests.fakes_queues import FakeBacklog, FakeCanaries, FakeGauge, RecordingGauges

REPOSITORY = Path(__file__).parents[2]

Emitted = tuple[str, frozenset[str]]
"""A metric's name, and the names of its dimensions."""


@dataclass
class EmissionLog(RecordingGauges):
    """Keeps which metrics were emitted."""

    emitted: set[Emitted] = field(default_factory=set)

    def count(self, metric: str, value: int = 1, **dimensions: str) -> None:
        self.emitted.add((metric, frozenset(dimensions)))

    def gauge(self, values: Mapping[str, float], **dimensions: str) -> None:
        self.emitted |= {(name, frozenset(dimensions)) for name in values}


def measuring(log: EmissionLog) -> None:
    queues = [*(Queue(queue_of(lane), lane=lane) for lane in LANES), Queue("failed.queue")]
    gauge = FakeGauge({queue.name: QueueLevel(1, 1) for queue in queues})
    backlog = FakeBacklog()
    measure_queues(inspect=lambda: inspect_queues(queues=queues, gauge=gauge, ages=backlog), backlog=backlog, log=log)


def flying_a_canary(log: EmissionLog) -> None:
    Canary(
        recipient=CanaryRecipient(email="canary@example.test"),
        accept=lambda _command: None,
        create_template=lambda _command: None,
        publish_template=lambda _command: None,
        canaries=FakeCanaries(CanarySighting(age_s=1.0, latency_s=1.0)),
        clock=ManualClock(),
        log=log,
    )()


def settling(log: EmissionLog) -> None:
    users = FakeUsers()
    settler = Settler(
        settlements=FakeSettlements(),
        people=FakePeople(users, FakeDevices(users)),
        courier=FakeCourier(),
        outbox=Ledger(),
        clock=ManualClock(),
        log=log,
        remaining_s=lambda: 60.0,
        pause=lambda _s: None,
    )
    for status in (Status.SENT, Status.FAILED, Status.RETRYING, Status.DEFERRED):
        settler.add(Settlement(a_claim(), status, attempts=1))
    settler.flush()


def moving_circuits(log: EmissionLog) -> None:
    for state in CircuitState:
        tell(log, "email:ses", Move(Circuit(state), at_s=0.0, changed=True))


def literal_emissions() -> Iterator[Emitted]:
    """What the code counts and gauges under a name that stands there in so many letters."""
    for path in Path(next(iter(chalicelib.__path__))).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                dimensions = frozenset(keyword.arg or "" for keyword in node.keywords)
                yield from ((name, dimensions) for name in _names(node.func.attr, node.args[0]))


def _names(method: str, first: ast.expr) -> Iterator[str]:
    if method == "count" and isinstance(first, ast.Constant) and isinstance(first.value, str):
        yield first.value
    if method == "gauge" and isinstance(first, ast.Dict):
        yield from (str(key.value) for key in first.keys if isinstance(key, ast.Constant))


@pytest.fixture(scope="module")
def emitted() -> set[Emitted]:
    log = EmissionLog()
    for emitting in (measuring, flying_a_canary, settling, moving_circuits):
        emitting(log)
    return log.emitted | set(literal_emissions())


def watched() -> list[Metric]:
    alarms = alarms_of(Watched("dev", "api", dict.fromkeys(ALL, 60), reserved=45, has_canary=True))
    charts = [metric for section in sections("dev", "api") for chart in section.charts for metric in chart.metrics]
    return [*(metric for alarm in alarms for metric in alarm.metrics), *charts]


OURS = [metric for metric in watched() if metric.namespace == NAMESPACE]
WATCHED = sorted({(metric.name, tuple(sorted(set(metric.dimensions) - {"service"}))) for metric in OURS})


@pytest.mark.parametrize(("name", "dimensions"), WATCHED)
def test_what_is_watched_is_emitted(name: str, dimensions: tuple[str, ...], emitted: set[Emitted]) -> None:
    assert (name, frozenset(dimensions)) in emitted


def test_the_namespaces_of_others_are_aws_s_own() -> None:
    names = {metric.namespace for metric in watched()} - {NAMESPACE}
    assert names == {"AWS/Lambda", "AWS/ApiGateway", "AWS/RDS", "AWS/AmazonMQ", "AWS/ElastiCache"}


def test_a_queue_that_is_watched_is_one_that_is_measured() -> None:
    queues = {metric.dimensions["queue"] for metric in OURS if "queue" in metric.dimensions}
    assert queues == set(CONSUMERS.values())


def test_a_metric_says_whose_it_is_where_the_platform_tells_the_function() -> None:
    program = "from chalicelib.observability import log; log.gauge({'overdue_deliveries': 0})"
    environment = {"PYTHONPATH": str(REPOSITORY), SERVICE_VARIABLE: service_of("dev")}
    line = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True).stdout
    told = json.loads(line)
    assert told["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]
    assert told["service"] == own("dev", "overdue_deliveries", "Sum").dimensions["service"]
