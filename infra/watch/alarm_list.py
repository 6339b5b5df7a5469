"""What wakes a person: each alarm names a metric, a bound, and what to do when it rings.

Every bound is one that a healthy installation does not reach; docs/decisions/0065 says why each is there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chalicelib.broker.topology import LANES, queue_of
from chalicelib.domain.messages import FAILED
from chalicelib.domain.notification import Channel
from infra.functions import CONSUMERS, HTTP, SCHEDULES
from infra.watch.metrics import Metric, Ratio, of_api, of_broker, of_cache, of_database, of_function, of_proxy, own

A_MINUTE_S, FIVE_MINUTES_S = 60, 300
OLDEST_S, OLDEST_BULK_S = 300, 3600
CANARY_OLDEST_S = 180
P99_MS = 2000
NEAR_TIMEOUT = 0.9
GIB = 1024**3
RELEASES_AT_ONCE = 2
"""Right after a deployment the environments of the release before are frozen, their connections still open."""

ABOVE, BELOW = "GreaterThanThreshold", "LessThanThreshold"
EVERY_MINUTE = tuple(name for name, schedule in SCHEDULES.items() if schedule.expression == "rate(1 minute)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Rings when `metric` is beyond `bound` in `periods` of the last `of_periods` periods of `period_s` seconds each.

    `silence_rings`: no value at all is as bad as a bad one.
    """

    name: str
    meaning: str
    metric: Metric | Ratio
    bound: float
    comparison: str = ABOVE
    period_s: int = A_MINUTE_S
    periods: int = 1
    of_periods: int | None = None
    silence_rings: bool = False

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What it watches; CloudWatch charges for each."""
        return (self.metric.part, self.metric.whole) if isinstance(self.metric, Ratio) else (self.metric,)


@dataclass(frozen=True, slots=True)
class Watched:
    """What of a deployment the alarms depend on. `timeouts_s` has the functions that are deployed, and theirs;
    `reserved` is the sum of their reserved concurrency.
    """

    stage: str
    gateway_stage: str
    timeouts_s: Mapping[str, int]
    reserved: int
    has_canary: bool


def alarms_of(watched: Watched) -> list[Alarm]:
    """Return every alarm of this deployment; their names differ."""
    return [
        *_promises(watched),
        *_upkeep(watched.stage),
        *_queues(watched.stage),
        *_functions(watched),
        *_limits(watched),
        *_api(watched.gateway_stage),
        *_servers(watched),
    ]


def _promises(watched: Watched) -> Iterator[Alarm]:
    stage = watched.stage
    for channel in Channel:
        yield Alarm(
            name=f"failed {channel}",
            meaning="Deliveries failed for good: read them at GET /v1/failed, mend the cause, replay them.",
            metric=own(stage, "delivery_failed", "Sum", channel=str(channel)),
            bound=0,
            period_s=FIVE_MINUTES_S,
        )
    yield Alarm(
        name="messages archived",
        meaning="Messages came in that nobody can read: someone else publishes, or a release is wrong. GET /v1/failed.",
        metric=own(stage, "message_archived", "Sum"),
        bound=0,
        period_s=FIVE_MINUTES_S,
    )
    if watched.has_canary:
        yield Alarm(
            name="canary",
            meaning="The notification of every minute no longer arrives: the path is broken somewhere.",
            metric=own(stage, "canary_age_s", "Maximum"),
            bound=CANARY_OLDEST_S,
            periods=3,
            silence_rings=True,
        )


def _upkeep(stage: str) -> Iterator[Alarm]:
    yield Alarm(
        name="deliveries overdue",
        meaning="Nobody looks after deliveries past their time: relay does not run, or a lane has no room.",
        metric=own(stage, "overdue_deliveries", "Maximum"),
        bound=0,
        periods=10,
    )
    yield Alarm(
        name="rows without partition",
        meaning="Rows lie in a DEFAULT partition: purge, which makes partitions, does not run.",
        metric=own(stage, "rows_without_partition", "Maximum"),
        bound=0,
        period_s=FIVE_MINUTES_S,
    )
    yield Alarm(
        name="circuit opened",
        meaning="A provider or a server failed so often that it is left alone: GET /v1/circuits.",
        metric=own(stage, "circuit_opened", "Sum"),
        bound=0,
        period_s=FIVE_MINUTES_S,
    )


def _queues(stage: str) -> Iterator[Alarm]:
    for lane in LANES:
        yield Alarm(
            name=f"oldest in {queue_of(lane)}",
            meaning="Messages wait too long: its function fails, is too slow, or is not invoked.",
            metric=own(stage, "queue_oldest_age_s", "Maximum", queue=queue_of(lane)),
            bound=OLDEST_BULK_S if lane.endswith(".bulk") else OLDEST_S,
            periods=5,
        )
    for queue in CONSUMERS.values():
        yield Alarm(
            name=f"nobody consumes {queue}",
            meaning="No consumer at the broker: its mapping is missing, disabled or stopped. Deploy again.",
            metric=own(stage, "queue_consumers", "Maximum", queue=queue),
            bound=1,
            comparison=BELOW,
            periods=5,
        )
    yield Alarm(
        name=f"depth of {queue_of(FAILED)}",
        meaning="Failed messages are not archived.",
        metric=own(stage, "queue_depth", "Maximum", queue=queue_of(FAILED)),
        bound=1000,
        periods=10,
    )


def _functions(watched: Watched) -> Iterator[Alarm]:
    stage, deployed = watched.stage, watched.timeouts_s
    for function in deployed:
        yield Alarm(
            name=f"errors of {function}",
            meaning="It raises, times out or cannot start: read its log. A batch that raised is delivered again.",
            metric=of_function(stage, function, "Errors", "Sum"),
            bound=0,
            periods=3 if function in EVERY_MINUTE else 1,
            of_periods=5 if function in EVERY_MINUTE else None,
        )
    for function in (name for name in EVERY_MINUTE if name in deployed):
        yield Alarm(
            name=f"{function} does not run",
            meaning="Its schedule is missing or disabled. What it would have measured raises no alarm meanwhile.",
            metric=of_function(stage, function, "Invocations", "Sum"),
            bound=1,
            comparison=BELOW,
            period_s=FIVE_MINUTES_S,
            silence_rings=True,
        )


def _limits(watched: Watched) -> Iterator[Alarm]:
    """Of those that somebody waits for: relay and purge use up their time by design."""
    stage = watched.stage
    for function in (name for name in (HTTP, *CONSUMERS) if name in watched.timeouts_s):
        yield Alarm(
            name=f"throttles of {function}",
            meaning="Its reserved concurrency, or the account's, is used up.",
            metric=of_function(stage, function, "Throttles", "Sum"),
            bound=0,
            periods=3,
            of_periods=5,
        )
        yield Alarm(
            name=f"duration of {function}",
            meaning="It comes near its timeout, at which it is killed.",
            metric=of_function(stage, function, "Duration", "Maximum"),
            bound=watched.timeouts_s[function] * 1000 * NEAR_TIMEOUT,
            periods=3,
            of_periods=5,
        )


def _api(gateway_stage: str) -> Iterator[Alarm]:
    yield Alarm(
        name="5xx",
        meaning="More than one answer in a hundred is 5xx: GET /health/ready says which server is away.",
        metric=of_api(gateway_stage, "5XXError", "Average"),
        bound=0.01,
        periods=3,
        of_periods=5,
    )
    yield Alarm(
        name="p99",
        meaning=f"One answer in a hundred takes longer than {P99_MS} ms.",
        metric=of_api(gateway_stage, "Latency", "p99"),
        bound=P99_MS,
        periods=5,
    )


def _servers(watched: Watched) -> Iterator[Alarm]:
    """More connections than docs/capacity.md reckons with are a leak or somebody else's: soon the broker refuses.

    At its own bounds of memory and disk, which differ with its size, RabbitMQ blocks everybody who publishes.
    """
    stage, connections = watched.stage, RELEASES_AT_ONCE * watched.reserved + len(CONSUMERS)
    bounds = (
        ("disk of PostgreSQL", of_database(stage, "FreeStorageSpace", "Minimum"), BELOW, 4 * GIB),
        ("memory of PostgreSQL", of_database(stage, "FreeableMemory", "Minimum"), BELOW, GIB / 16),
        ("CPU of PostgreSQL", of_database(stage, "CPUUtilization", "Average"), ABOVE, 80),
        ("waiting for PostgreSQL", of_proxy(stage, "DatabaseConnectionsBorrowLatency", "Average"), ABOVE, 1_000_000),
        ("CPU of RabbitMQ", of_broker(stage, "SystemCpuUtilization", "Average"), ABOVE, 80),
        ("memory of RabbitMQ", _of_brokers_limit(stage, "RabbitMQMemUsed", "Maximum", "RabbitMQMemLimit"), ABOVE, 0.8),
        (
            "disk of RabbitMQ",
            _of_brokers_limit(stage, "RabbitMQDiskFree", "Minimum", "RabbitMQDiskFreeLimit"),
            BELOW,
            2,
        ),
        ("messages in RabbitMQ", of_broker(stage, "MessageCount", "Maximum"), ABOVE, 500_000),
        ("connections of RabbitMQ", of_broker(stage, "ConnectionCount", "Maximum"), ABOVE, connections),
        ("memory of Valkey", of_cache(stage, "DatabaseMemoryUsagePercentage", "Maximum"), ABOVE, 80),
        ("CPU of Valkey", of_cache(stage, "EngineCPUUtilization", "Average"), ABOVE, 80),
    )
    for name, metric, comparison, bound in bounds:
        yield Alarm(
            name=name,
            meaning="A server comes near its end: see docs/costs.md for the sizes, and choose the next.",
            metric=metric,
            comparison=comparison,
            bound=bound,
            period_s=FIVE_MINUTES_S,
            periods=3,
        )


def _of_brokers_limit(stage: str, name: str, statistic: str, limit: str) -> Ratio:
    return Ratio(of_broker(stage, name, statistic), of_broker(stage, limit, "Maximum"))
