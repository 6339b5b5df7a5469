"""The reserved concurrency of each stage against what its servers take: docs/capacity.md, recomputed."""

import json
from pathlib import Path

import pytest

from infra import functions
from infra.caller import profile_of
from infra.stage import Stage, read_stage
from infra.watch.alarm_list import Watched, alarms_of

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "capacity.md").read_text()

BROKER_CONNECTIONS = {("mq.m7g.medium", "SINGLE_INSTANCE"): 100, ("mq.m7g.large", "CLUSTER_MULTI_AZ"): 500}
"""Of a node, Amazon MQ Developer Guide, "Default resource limits": RabbitMQ 4 applies them from the beginning. The
maximum (300 and 5,000) holds only after somebody has raised `connection_max` in the broker's configuration.
"""

DATABASE_MEMORY_GIB = {"db.t4g.micro": 1, "db.m7g.large": 8}
BYTES_A_CONNECTION = 9_531_392
"""RDS User Guide, "Quotas and constraints": max_connections of PostgreSQL is memory / 9531392, at most 5000."""

PROXY_SHARE = 0.9  # MaxConnectionsPercent of infra/templates/database.yaml
RELEASES_AT_ONCE = 2
"""Right after a deployment the environments of the release before are frozen, and their connections still open."""


def sizes(stage: Stage) -> dict[str, str]:
    profile = profile_of(stage.name, chosen="")
    read: dict[str, str] = json.loads((ROOT / "infra" / "profiles" / f"{profile}.json").read_text())
    return read


def amqp(stage: Stage) -> int:
    """A connection an environment, and one a mapping of Lambda's own."""
    return stage.reserved_in_all * RELEASES_AT_ONCE + len(functions.CONSUMERS)


def amqp_takes(stage: Stage) -> int:
    """What one node takes: right after two of a cluster were replaced, the third may have all connections."""
    size = sizes(stage)
    return BROKER_CONNECTIONS[size["BrokerClass"], size["BrokerMode"]]


def postgresql(stage: Stage) -> int:
    """A connection an environment: all stores share one, and a replica has its own."""
    return stage.reserved_in_all * RELEASES_AT_ONCE


def postgresql_takes(database_class: str) -> int:
    return min(DATABASE_MEMORY_GIB[database_class] * 2**30 // BYTES_A_CONNECTION, 5000)


@pytest.fixture(params=["dev", "prod"])
def stage(request: pytest.FixtureRequest) -> Stage:
    return read_stage(ROOT, request.param)


def test_the_broker_takes_every_environment_of_two_releases(stage: Stage) -> None:
    assert amqp(stage) <= amqp_takes(stage)


def test_whoever_comes_near_what_the_broker_takes_rings(stage: Stage) -> None:
    """An alarm above the limit never rings; one below what a healthy stage has always does."""
    watched = Watched(stage.name, "api", {}, reserved=stage.reserved_in_all, has_canary=False)
    (alarm,) = (alarm for alarm in alarms_of(watched) if alarm.name == "connections of RabbitMQ")
    assert amqp(stage) <= alarm.bound < amqp_takes(stage)


def test_postgresql_takes_them_even_when_the_proxy_can_share_nothing(stage: Stage) -> None:
    assert postgresql(stage) <= int(postgresql_takes(sizes(stage)["DatabaseClass"]) * PROXY_SHARE)


def test_so_does_a_replica_which_has_no_proxy(stage: Stage) -> None:
    if int(sizes(stage)["ReadReplicas"]):
        assert postgresql(stage) <= postgresql_takes(sizes(stage)["ReplicaClass"])


def test_the_page_says_what_was_just_computed(stage: Stage) -> None:
    size = sizes(stage)
    through_proxy = int(postgresql_takes(size["DatabaseClass"]) * PROXY_SHARE)
    row = (
        f"| {stage.name} | {stage.reserved[functions.HTTP]} | {stage.reserved_in_all} "
        f"| {amqp(stage)} of {amqp_takes(stage)} ({size['BrokerClass']}) "
        f"| {postgresql(stage)} of {through_proxy} ({size['DatabaseClass']}) |"
    )

    assert row in PAGE
