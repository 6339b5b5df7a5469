"""A private server: started for one stack, adopted while it is healthy, repaired when it is not, gone with its data."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from offline.services.errors import ServerFailed
from offline.services.plan import Plan, load_plan, new_plan, save_plan
from offline.services.processes import Command, Processes

_POLL_S = 0.03
_START_DEADLINE_S = 90.0
_ADOPT_DEADLINE_S = 10.0
_STARTS = 3
_LAST_WORDS = 12


class NotHealthy(Exception):
    """The server does not answer (yet)."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service answers. `source` is environment, private or compose."""

    url: str
    source: str
    version: str
    management_url: str | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """Where the servers of one stack live."""

    folder: Path
    cache: Path
    processes: Processes
    prefer_default_ports: bool
    cancelled: threading.Event


class Server(Protocol):
    """What is particular to one kind of server."""

    name: ClassVar[str]
    default_ports: ClassVar[Mapping[str, int]]

    def placed(self, plan: Plan, folder: Path) -> Plan:
        """Return the plan with the place of the data decided; nothing is made yet."""
        ...

    def prepare(self, plan: Plan, folder: Path) -> None:
        """Write what the server needs before its first start; repeating is harmless."""
        ...

    def commands(self, plan: Plan, folder: Path) -> Mapping[str, Command]:
        """Return the processes to run, in order; the last one is the server."""
        ...

    @staticmethod
    def check(plan: Plan) -> Endpoint:
        """Return where the server answers. Raises NotHealthy while it does not."""
        ...


class PrivateServer:
    """One server of one stack."""

    def __init__(self, server: Server, site: Site) -> None:
        self._server = server
        self._site = site
        self._folder = site.folder / server.name

    def start(self, report: Callable[[str], None]) -> Endpoint:  # noqa: ARG002 - a server that is fetched reports
        """Return a healthy server: the one that runs, or a started one, with the data, port and password it had.

        Raises:
            ServerFailed: it does not become healthy; the message ends with its last words.
        """
        plan = self._planned()
        for _ in range(_STARTS):
            if not self._missing(plan):
                healthy = self._wait(plan, _ADOPT_DEADLINE_S)
                if healthy is not None:
                    return healthy
                self._end()
            plan = self._launch(plan)
            healthy = self._wait(plan, _START_DEADLINE_S)
            if healthy is not None:
                return healthy
        raise ServerFailed(f"{self._server.name} does not become healthy. Its last words:\n{self._last_words()}")

    def _planned(self) -> Plan:
        plan = load_plan(self._folder)
        if plan is None or plan.source != "private":
            plan = new_plan("private", self._server.default_ports, prefer_defaults=self._site.prefer_default_ports)
            save_plan(self._folder, plan)
        return plan

    def _launch(self, plan: Plan) -> Plan:
        """Start what does not run. When nothing of ours listens, ports that others took meanwhile are changed."""
        missing = self._missing(plan)
        for name in missing:
            self._site.processes.stop(name, patience_s=0)
        if len(missing) == len(self._server.commands(plan, self._folder)):
            plan = plan.moved(self._server.default_ports, prefer_defaults=self._site.prefer_default_ports)
        # Kept before anything is made: `down` must find what a crash leaves, also outside the stack's folder.
        plan = self._server.placed(plan, self._folder)
        save_plan(self._folder, plan)
        self._server.prepare(plan, self._folder)
        commands = self._server.commands(plan, self._folder)
        for name in missing:
            self._site.processes.start(name, commands[name])
        return plan

    def _missing(self, plan: Plan) -> Mapping[str, Command]:
        commands = self._server.commands(plan, self._folder)
        return {name: command for name, command in commands.items() if self._site.processes.find(name) is None}

    def _wait(self, plan: Plan, deadline_s: float) -> Endpoint | None:
        """Return the healthy server's endpoint, None when it died or the deadline passed."""
        ends_at = time.monotonic() + deadline_s
        while time.monotonic() < ends_at:
            try:
                return self._server.check(plan)
            except NotHealthy:
                if self._missing(plan):
                    return None
            if self._site.cancelled.wait(_POLL_S):
                raise ServerFailed(f"{self._server.name}: the start was broken off")
        return None

    def _end(self) -> None:
        for name in reversed(list(self._server.commands(self._planned(), self._folder))):
            self._site.processes.stop(name, patience_s=0)

    def _last_words(self) -> str:
        log = self._site.processes.log(self._server.name)
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return "\n".join(lines[-_LAST_WORDS:])
