"""Which brokers can be controlled with rabbitmqctl."""

from pathlib import Path

import pytest

from offline.services.errors import ServerMissing
from offline.services.plan import Plan, save_plan
from offline.services.rabbitmq_control import control_private


def test_a_broker_that_belongs_to_somebody_else_is_not_controlled(tmp_path: Path) -> None:
    with pytest.raises(ServerMissing):
        control_private(tmp_path, tmp_path, "status")


def test_a_broker_in_a_container_is_not_controlled(tmp_path: Path) -> None:
    save_plan(tmp_path / "rabbitmq", Plan(source="compose", password="p", ports={}))
    with pytest.raises(ServerMissing):
        control_private(tmp_path, tmp_path, "status")
