"""The three servers of a stack: where each comes from, all started at once, all ended."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from offline.services.binaries import find_postgresql, find_rabbitmq, find_valkey
from offline.services.compose import ComposedService, engine_answers, remove_containers
from offline.services.errors import ServerMissing
from offline.services.fetched_rabbitmq import can_fetch, fetch, find_fetched
from offline.services.given import given_in
from offline.services.missing import missing
from offline.services.plan import forget, load_plan
from offline.services.postgresql import PostgreSQL, place_of, release_shared_memory
from offline.services.private import Endpoint, PrivateServer, Server, Site
from offline.services.rabbitmq import RabbitMQ
from offline.services.valkey import Valkey

Report = Callable[[str, str], None]
NAMES = ("postgresql", "valkey", "rabbitmq")
PROCESSES = ("rabbitmq", "epmd", "valkey", "postgresql")


class Service(Protocol):
    """Something that can be had and then answers at an endpoint."""

    def start(self, report: Callable[[str], None]) -> Endpoint:
        """Return it healthy."""
        ...


class Fleet:
    """The servers of one stack. The environment's URLs win over everything else."""

    def __init__(self, *, site: Site, environment: Mapping[str, str]) -> None:
        self._site = site
        self._given = given_in(environment)

    def start(self, report: Report, names: tuple[str, ...] = NAMES) -> dict[str, Endpoint]:
        """Return every named service healthy; what runs is adopted, what is broken is repaired.

        Raises:
            ServerMissing: one message for all that this machine cannot run, with one command.
            ServerFailed: the first server that does not become healthy.
        """
        with ThreadPoolExecutor(len(names)) as pool:
            starting = {name: pool.submit(self._start, name, report) for name in names}
            try:
                return _all(starting)
            except BaseException:
                self._site.cancelled.set()
                raise

    def stop(self) -> None:
        """End every server that is this stack's, without waiting for a shutdown: its data and secrets go too."""
        for process in PROCESSES:
            self._site.processes.stop(process, patience_s=0)
        for name in NAMES:
            folder = self._site.folder / name
            plan = load_plan(folder)
            if plan is not None and plan.source == "compose":
                remove_containers(name, self._site, plan)
            if plan is not None and name == "postgresql":
                release_shared_memory(place_of(plan, folder))
            forget(folder)

    def _start(self, name: str, report: Report) -> Endpoint:
        began_at = time.monotonic()
        service = self._choose(name, lambda text: report(name, text))
        endpoint = service.start(lambda text: report(name, text))
        place = "given by the environment" if endpoint.source == "environment" else _place(endpoint)
        report(name, f"{endpoint.version:<8} {place:<26} ready in {time.monotonic() - began_at:.1f} s")
        return endpoint

    def _choose(self, name: str, report: Callable[[str], None]) -> Service:
        if name in self._given:
            return self._given[name]
        plan = load_plan(self._site.folder / name)
        if plan is not None and plan.source == "compose":
            return ComposedService(name, self._site)
        try:
            return PrivateServer(self._find(name, report), self._site)
        except ServerMissing:
            if engine_answers():
                return ComposedService(name, self._site)
            raise

    def _find(self, name: str, report: Callable[[str], None]) -> Server:
        if name == "postgresql":
            binaries = find_postgresql()
            if binaries is not None:
                return PostgreSQL(binaries, mark=self._site.processes.mark_of(name))
        elif name == "valkey":
            program = find_valkey()
            if program is not None:
                return Valkey(program)
        else:
            return self._find_rabbitmq(report)
        raise ServerMissing(
            "neither its wheel in the virtual environment nor an installed one runs, and no Docker engine answers"
        )

    def _find_rabbitmq(self, report: Callable[[str], None]) -> Server:
        installation = find_rabbitmq() or find_fetched(self._site.cache)
        if installation is None and can_fetch():
            installation = fetch(self._site.cache, report)
        if installation is None:
            raise ServerMissing("it is not installed, there is no apt to fetch it with, and no Docker engine answers")
        return RabbitMQ(installation)


def _all(starting: Mapping[str, Future[Endpoint]]) -> dict[str, Endpoint]:
    ready: dict[str, Endpoint] = {}
    lacking: dict[str, str] = {}
    for name, future in starting.items():
        try:
            ready[name] = future.result()
        except ServerMissing as reason:
            lacking[name] = str(reason)
    if lacking:
        raise missing(lacking)
    return ready


def _place(endpoint: Endpoint) -> str:
    address = endpoint.url.rpartition("@")[2].partition("/")[0]
    return f"{address} ({endpoint.source})"
