"""Metrics leave as lines that CloudWatch takes: the embedded metric format, as its specification has it.

Source: CloudWatch User Guide, "Specification: Embedded metric format". A line that breaks it is a line of log and no
metric, and nobody is told: so an alarm would sleep through everything.
"""

import json
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from chalicelib.observability import PowertoolsLog

Name = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[ -~]*[^ ][ -~]*$")]
MOST_DIMENSIONS, MOST_METRICS = 30, 100


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Metric(Strict):
    Name: Name
    Unit: Literal["Seconds", "Count"]
    StorageResolution: Literal[1, 60] = 60


class Directive(Strict):
    Namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/#:-]{1,255}$")]
    Dimensions: Annotated[list[Annotated[list[Name], Field(max_length=MOST_DIMENSIONS)]], Field(min_length=1)]
    Metrics: Annotated[list[Metric], Field(min_length=1, max_length=MOST_METRICS)]


class Metadata(Strict):
    Timestamp: Annotated[int, Field(gt=0)]
    CloudWatchMetrics: Annotated[list[Directive], Field(min_length=1)]


class Line(BaseModel):
    """The whole line; beside the metadata stand the dimensions, as texts, and the metrics, as numbers."""

    model_config = ConfigDict(strict=True, extra="allow")
    metadata: Annotated[Metadata, Field(alias="_aws")]


LONG_AGO_MS, SOON_MS = 14 * 86_400_000, 2 * 3_600_000

EMITTED: dict[str, tuple[Callable[[PowertoolsLog], None], dict[str, float], dict[str, str]]] = {
    "one outcome": (lambda log: log.count("sent"), {"sent": 1}, {}),
    "several at once": (
        lambda log: log.count("failed", 7, channel="email", reason="address_rejected"),
        {"failed": 7},
        {"channel": "email", "reason": "address_rejected"},
    ),
    "a circuit with a colon in its name": (
        lambda log: log.count("circuit_opened", circuit="email:ses"),
        {"circuit_opened": 1},
        {"circuit": "email:ses"},
    ),
    "levels of a queue": (
        lambda log: log.gauge({"depth": 12, "oldest_age_s": 3.5}, queue="email.queue"),
        {"depth": 12, "oldest_age_s": 3.5},
        {"queue": "email.queue"},
    ),
    "nothing": (lambda log: log.gauge({"depth": 0}, queue="email.queue"), {"depth": 0}, {"queue": "email.queue"}),
}


@pytest.mark.parametrize(("emit", "metrics", "dimensions"), EMITTED.values(), ids=EMITTED)
def test_a_metric_is_a_line_that_keeps_the_specification(
    emit: Callable[[PowertoolsLog], None],
    metrics: dict[str, float],
    dimensions: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    emit(PowertoolsLog())
    [text] = capsys.readouterr().out.splitlines()
    line = Line.model_validate_json(text)
    members = json.loads(text)
    [directive] = line.metadata.CloudWatchMetrics
    assert -LONG_AGO_MS < line.metadata.Timestamp - time.time() * 1000 < SOON_MS
    assert {name: values_of(members, name) for name in metrics} == {name: [value] for name, value in metrics.items()}
    assert {metric.Name for metric in directive.Metrics} == metrics.keys()
    assert {metric.Name: metric.Unit for metric in directive.Metrics} == {
        name: "Seconds" if name.endswith("_s") else "Count" for name in metrics
    }
    [named] = directive.Dimensions
    assert {name: members[name] for name in named if name != "service"} == dimensions
    assert all(isinstance(members[name], str) for name in named)


def values_of(members: dict[str, Any], name: str) -> list[float]:  # Any: JSON
    """A metric's values: the specification allows the one for a list of one, and at most a hundred."""
    value = members[name]
    values: list[float] = value if isinstance(value, list) else [value]
    assert 0 < len(values) <= 100
    assert all(isinstance(each, int | float) and not isinstance(each, bool) for each in values)
    return values
