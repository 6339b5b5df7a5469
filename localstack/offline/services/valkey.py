"""A private Valkey (or Redis): password required, loopback only, what was written survives its crash."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import redis

from offline.services.files import write_private
from offline.services.plan import Plan
from offline.services.ports import LOOPBACK
from offline.services.private import Endpoint, NotHealthy
from offline.services.processes import Command


class Valkey:
    """How to run one Valkey or Redis server program."""

    name: ClassVar[str] = "valkey"
    default_ports: ClassVar[Mapping[str, int]] = {"redis": 6379}

    def __init__(self, program: Path) -> None:
        self._program = program

    def placed(self, plan: Plan, folder: Path) -> Plan:  # noqa: ARG002 - its user is ours
        """Return the plan as it is."""
        return plan

    def prepare(self, plan: Plan, folder: Path) -> None:
        """Write the configuration, where the password cannot be seen in a list of processes."""
        settings = [
            f"bind {LOOPBACK}",
            f"port {plan.ports['redis']}",
            f"requirepass {plan.password}",
            f'dir "{folder}"',
            "appendonly yes",
            "daemonize no",
        ]
        write_private(folder / "valkey.conf", "\n".join(settings) + "\n")

    def commands(self, plan: Plan, folder: Path) -> Mapping[str, Command]:  # noqa: ARG002 - ports are in the file
        """Return the one process."""
        environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        argv = [str(self._program), str(folder / "valkey.conf")]
        return {self.name: Command(argv=argv, environment=environment, folder=folder)}

    @staticmethod
    def check(plan: Plan) -> Endpoint:
        """Ask for the version; a server that still loads its data is not healthy."""
        url = f"redis://:{plan.password}@{LOOPBACK}:{plan.ports['redis']}/0"
        return Endpoint(url=url, source="private", version=version_at(url))


def version_at(url: str) -> str:
    """Return the version of the server that answers at a URL. Raises NotHealthy when none does."""
    try:
        with redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3) as client:
            told = client.info("server")
    except (redis.RedisError, OSError) as error:
        raise NotHealthy(str(error)) from error
    return str(told.get("valkey_version") or told.get("redis_version") or "")
