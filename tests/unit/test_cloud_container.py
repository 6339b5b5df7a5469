"""LocalStack in a container: what it is told, and that a repair leaves it where it answers."""

import re
import socket
import sys
from pathlib import Path

from offline.cloud.container import variables
from offline.cloud.emulation import NAME, RUNNERS
from offline.stack.layout import REPOSITORY, Layout
from offline.stack.world import World

COMPOSE = (REPOSITORY / "localstack/docker-compose.yml").read_text()
INSTALL = (REPOSITORY / "localstack/container/install.sh").read_text()


def test_the_container_is_told_every_variable_that_localstack_reads() -> None:
    _, _, localstack = COMPOSE.partition("\n  localstack:\n")
    read = set(re.findall(r"\$\{(CARILLON_\w+)", localstack))
    assert read == set(variables(port=1, broker_address="")) - {"CARILLON_PASSWORD"}


def test_its_functions_run_on_the_version_of_python_that_deploys_them() -> None:
    version = variables(port=1, broker_address="")["CARILLON_PYTHON"]
    assert version == "{}.{}".format(*sys.version_info)
    assert "      CARILLON_PYTHON: ${CARILLON_PYTHON:-3.11}\n" in COMPOSE
    assert '--python "$CARILLON_PYTHON" /opt/carillon/runtime' in INSTALL


def test_what_answers_from_a_container_keeps_its_port_and_what_does_not_run_gets_another(tmp_path: Path) -> None:
    world = World(
        layout=Layout(root=tmp_path), environment={}, say=lambda *_: None, prefer_default_ports=False, runners=RUNNERS
    )
    port = world.plan().ports[NAME]
    with socket.create_server(("127.0.0.1", port)):
        assert world.plan_with_free_ports(kept=(NAME,)).ports[NAME] == port
        assert world.plan_with_free_ports().ports[NAME] != port
