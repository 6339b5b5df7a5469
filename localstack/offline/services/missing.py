"""What to tell somebody whose machine cannot run a server: one message, one command."""

import shutil
import sys
from collections.abc import Mapping

from offline.services.errors import ServerMissing

_TITLES = {"postgresql": "PostgreSQL", "valkey": "Valkey or Redis", "rabbitmq": "RabbitMQ"}
_DEBIAN = {"postgresql": "postgresql", "valkey": "redis-server", "rabbitmq": "rabbitmq-server"}
_BREW = {"postgresql": "postgresql@16", "valkey": "valkey", "rabbitmq": "rabbitmq"}


def missing(reasons: Mapping[str, str]) -> ServerMissing:
    """Return the error for all servers that cannot be had, by name with the reason."""
    lines = [f"{_TITLES[name]} cannot be run here: {reason}." for name, reason in reasons.items()]
    return ServerMissing("\n".join([*lines, "Run this, then the same command again:", f"  {_command(list(reasons))}"]))


def _command(names: list[str]) -> str:
    if sys.platform == "darwin":
        return "brew install " + " ".join(_BREW[name] for name in names)
    if shutil.which("apt-get") is not None:
        return "sudo apt-get update && sudo apt-get install -y " + " ".join(_DEBIAN[name] for name in names)
    return "sudo systemctl start docker"
