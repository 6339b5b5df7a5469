"""The servers in containers, where a Docker engine answers and the machine has no server of its own."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from offline.services.errors import ServerFailed
from offline.services.plan import Plan, load_plan, new_plan, save_plan
from offline.services.postgresql import PostgreSQL
from offline.services.private import Endpoint, NotHealthy, Server, Site
from offline.services.programs import complaint_of
from offline.services.rabbitmq import RabbitMQ
from offline.services.valkey import Valkey

_FILE = Path(__file__).parents[2] / "docker-compose.yml"
_DEADLINE_S = 600
_KINDS: Mapping[str, type[Server]] = {kind.name: kind for kind in (PostgreSQL, Valkey, RabbitMQ)}


def engine_answers() -> bool:
    """Say whether Docker, its Compose and its engine are all there."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        for question in (["info"], ["compose", "version"]):
            subprocess.run([docker, *question], capture_output=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


class ComposedService:
    """One server of one stack, as a service of docker-compose.yml."""

    def __init__(self, name: str, site: Site) -> None:
        self._name = name
        self._site = site
        self._kind = _KINDS[name]

    def start(self, report: Callable[[str], None]) -> Endpoint:
        """Return the server once its container is healthy.

        Raises:
            ServerFailed: Compose could not start it.
        """
        plan = self._planned()
        report("starting its container …")
        _compose(self._name, self._site, plan, "up", "--detach", "--wait", self._name)
        try:
            endpoint = self._kind.check(plan)
        except NotHealthy as reason:
            raise ServerFailed(f"the container of {self._name} does not answer: {reason}") from reason
        return replace(endpoint, source="compose")

    def _planned(self) -> Plan:
        folder = self._site.folder / self._name
        plan = load_plan(folder)
        if plan is None or plan.source != "compose":
            plan = new_plan("compose", self._kind.default_ports, prefer_defaults=self._site.prefer_default_ports)
            save_plan(folder, plan)
        return plan


def remove_containers(name: str, site: Site, plan: Plan) -> None:
    """Remove a server's container and its data."""
    _compose(name, site, plan, "down", "--volumes", "--timeout", "2")


def compose(place: Path, variables: Mapping[str, str], *arguments: str) -> None:
    """Run Docker Compose for the project that belongs to this folder; docker-compose.yml reads these variables.

    Raises:
        ServerFailed: Compose could not do it.
    """
    project = "carillon-" + hashlib.sha256(str(place).encode()).hexdigest()[:12]
    command = ["docker", "compose", "--project-name", project, "--file", str(_FILE), *arguments]
    environment = {**os.environ, **variables}
    complaint = complaint_of(command, deadline_s=_DEADLINE_S, environment=environment)
    if complaint is not None:
        raise ServerFailed(f"docker compose could not run {place.name}:\n{complaint}")


def _compose(name: str, site: Site, plan: Plan, *arguments: str) -> None:
    """Compose has neither a password nor a port of its own."""
    ports = {f"CARILLON_{use.upper()}_PORT": str(port) for use, port in plan.ports.items()}
    compose(site.folder / name, {**ports, "CARILLON_PASSWORD": plan.password}, *arguments)
