"""The stage's CloudWatch dashboard, from what was promised down to the servers."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from chalicelib.broker.topology import LANES, queue_of
from chalicelib.domain.notification import OPEN, Channel
from infra.functions import ALL, APP, CONSUMERS, HTTP
from infra.target import Target
from infra.watch.metrics import Metric, of_api, of_broker, of_cache, of_database, of_function, of_proxy, own

_COLUMNS, _WIDTH, _HEIGHT, _HEADING_HEIGHT = 24, 8, 6, 1
OUTCOMES = ("delivery_sent", "delivery_failed", "delivery_retrying", "delivery_deferred")
CHANGES = ("circuit_opened", "circuit_half_opened", "circuit_closed")

Json = Any  # a dashboard's body is JSON


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    metrics: Sequence[Metric]


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    charts: Sequence[Chart]


def ensure_dashboard(target: Target, *, api_url: str) -> None:
    """Put the dashboard of the stage: `carillon-<stage>` in CloudWatch. May be repeated."""
    gateway_stage = urlsplit(api_url).path.rstrip("/").rpartition("/")[2]
    body = body_of(sections(target.stage, gateway_stage), region=target.region)
    target.client("cloudwatch").put_dashboard(DashboardName=_name(target.stage), DashboardBody=json.dumps(body))


def delete_dashboard(target: Target) -> None:
    """Delete it, if it is there."""
    cloudwatch = target.client("cloudwatch")
    found = cloudwatch.list_dashboards(DashboardNamePrefix=_name(target.stage))["DashboardEntries"]
    if _name(target.stage) in {one["DashboardName"] for one in found}:
        cloudwatch.delete_dashboards(DashboardNames=[_name(target.stage)])


def sections(stage: str, gateway_stage: str) -> list[Section]:
    return [
        Section("Promises", _promises(stage)),
        Section("Queues", _queues(stage)),
        Section("Providers", [Chart("Circuits", [own(stage, change, "Sum") for change in CHANGES])]),
        Section("API", _api(stage, gateway_stage)),
        Section("Functions", _functions(stage)),
        Section("Servers", _servers(stage)),
    ]


def body_of(shown: Sequence[Section], *, region: str) -> Json:
    """The dashboard in CloudWatch's format: each section a heading, and below it three charts a row."""
    return {"start": "-PT6H", "widgets": list(_widgets(shown, region))}


def _widgets(shown: Sequence[Section], region: str) -> Iterator[Json]:
    top = 0
    for section in shown:
        yield _at(0, top, _COLUMNS, _HEADING_HEIGHT) | {
            "type": "text",
            "properties": {"markdown": f"## {section.title}"},
        }
        top += _HEADING_HEIGHT
        a_row = _COLUMNS // _WIDTH
        for index, chart in enumerate(section.charts):
            place = _at(index % a_row * _WIDTH, top + index // a_row * _HEIGHT, _WIDTH, _HEIGHT)
            yield place | {"type": "metric", "properties": _chart(chart, region)}
        top += -(-len(section.charts) // a_row) * _HEIGHT


def _chart(chart: Chart, region: str) -> Json:
    lines = [
        [one.namespace, one.name, *(part for pair in one.dimensions.items() for part in pair), {"stat": one.statistic}]
        for one in chart.metrics
    ]
    return {"title": chart.title, "region": region, "view": "timeSeries", "period": 60, "metrics": lines}


def _at(x: int, y: int, width: int, height: int) -> Json:
    return {"x": x, "y": y, "width": width, "height": height}


def _promises(stage: str) -> list[Chart]:
    return [
        *(Chart(f"Outcomes: {it}", [own(stage, name, "Sum", channel=str(it)) for name in OUTCOMES]) for it in Channel),
        Chart(
            "Open, by state", [own(stage, "open_deliveries", "Maximum", status=str(state)) for state in sorted(OPEN)]
        ),
        Chart("Overdue", [own(stage, "overdue_deliveries", "Maximum"), own(stage, "relayed", "Sum")]),
        Chart("Canary", [own(stage, name, "Maximum") for name in ("canary_age_s", "canary_latency_s")]),
        Chart("Unreadable", [own(stage, name, "Sum") for name in ("message_unusable", "message_archived")]),
    ]


def _queues(stage: str) -> list[Chart]:
    consumed = list(CONSUMERS.values())
    ages = [own(stage, "queue_oldest_age_s", "Maximum", queue=queue_of(lane)) for lane in LANES]
    return [
        Chart("Depth", [own(stage, "queue_depth", "Maximum", queue=queue) for queue in consumed]),
        Chart("Oldest (s)", ages),
        Chart("Consumers", [own(stage, "queue_consumers", "Maximum", queue=queue) for queue in consumed]),
    ]


def _api(stage: str, gateway_stage: str) -> list[Chart]:
    return [
        Chart("Requests", [of_api(gateway_stage, name, "Sum") for name in ("Count", "4XXError", "5XXError")]),
        Chart("Latency (ms)", [of_api(gateway_stage, "Latency", statistic) for statistic in ("p50", "p95", "p99")]),
        Chart("Concurrent", [of_function(stage, HTTP, "ConcurrentExecutions", "Maximum")]),
    ]


def _functions(stage: str) -> list[Chart]:
    names = ("Invocations", "Errors", "Throttles")
    return [
        *(Chart(name, [of_function(stage, function, name, "Sum") for function in ALL]) for name in names),
        Chart("Duration (ms)", [of_function(stage, function, "Duration", "Maximum") for function in ALL]),
    ]


def _servers(stage: str) -> list[Chart]:
    return [
        Chart("PostgreSQL: CPU", [of_database(stage, "CPUUtilization", "Average")]),
        Chart("PostgreSQL: disk", [of_database(stage, "FreeStorageSpace", "Minimum")]),
        Chart("Proxy", [of_proxy(stage, name, "Maximum") for name in ("ClientConnections", "DatabaseConnections")]),
        Chart("RabbitMQ: CPU", [of_broker(stage, "SystemCpuUtilization", "Average")]),
        Chart("RabbitMQ: memory", [of_broker(stage, f"RabbitMQMem{it}", "Maximum") for it in ("Used", "Limit")]),
        Chart("RabbitMQ: disk", [of_broker(stage, f"RabbitMQDiskFree{it}", "Minimum") for it in ("", "Limit")]),
        Chart("RabbitMQ", [of_broker(stage, name, "Maximum") for name in ("MessageCount", "ConnectionCount")]),
        Chart("Valkey", [of_cache(stage, "DatabaseMemoryUsagePercentage", "Maximum")]),
    ]


def _name(stage: str) -> str:
    return f"{APP}-{stage}"
