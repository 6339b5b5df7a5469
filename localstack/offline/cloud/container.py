"""LocalStack in a container, where a Docker engine answers and no Python is there that LocalStack runs on by itself.

The same plug-in is installed into the stock image when it starts, and the functions are processes in the container.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from offline.services.compose import compose

_SERVICE = "localstack"
_MARK = "container"


def is_in_container(folder: Path) -> bool:
    """Say whether LocalStack was started in a container before, and is to stay there."""
    return folder.joinpath(_MARK).exists()


def start_container(folder: Path, *, port: int, broker_address: str) -> None:
    """Return when LocalStack is healthy on this port of loopback. Repeating it repairs.

    Raises:
        ServerFailed: Compose could not start it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Before there is anything: `down` must find what a crash leaves.
    folder.joinpath(_MARK).touch()
    _compose(folder, "up", "--detach", "--wait", _SERVICE, port=port, broker_address=broker_address)


def remove_container(folder: Path) -> None:
    """Remove the container and all that was deployed into it; without one this does nothing."""
    if is_in_container(folder):
        _compose(folder, "down", "--volumes", "--timeout", "2", port=0, broker_address="")


def variables(*, port: int, broker_address: str) -> Mapping[str, str]:
    """Return what docker-compose.yml reads. The functions ask for the version of Python that deploys them: ours."""
    return {
        "CARILLON_LOCALSTACK_PORT": str(port),
        "CARILLON_BROKER": broker_address,
        "CARILLON_PYTHON": f"{sys.version_info[0]}.{sys.version_info[1]}",
        # No server of the file is started, but Compose wants every variable of the file.
        "CARILLON_PASSWORD": "none",
    }


def _compose(folder: Path, *arguments: str, port: int, broker_address: str) -> None:
    told = variables(port=port, broker_address=broker_address)
    compose(folder, told, "--profile", _SERVICE, *arguments)
