"""One whole system in one folder: brought up, repaired, taken apart, and looked into by tests."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping

from offline.services.fleet import NAMES as SERVICES
from offline.services.fleet import Fleet
from offline.services.private import Endpoint, Site
from offline.services.processes import Processes
from offline.stack import parts
from offline.stack.function_settings import function_settings, python_environment
from offline.stack.functions import FUNCTION_TIMEOUT_S
from offline.stack.layout import Layout
from offline.stack.lock import exclusive
from offline.stack.migration import Json, founders, migrate
from offline.stack.parts import Part
from offline.stack.plan import StackPlan, load_or_make, save
from offline.stack.runner import PATIENCE_S, launch, wait_for
from offline.stack.stack_env import read_stack_env, stack_env, write_stack_env

Say = Callable[[str, str], None]


class Stack:
    """A stack. Whatever changes it holds its lock, so that two commands never race. Not for several threads at once."""

    def __init__(
        self,
        *,
        layout: Layout,
        environment: Mapping[str, str],
        say: Say,
        prefer_default_ports: bool = True,
        function_timeout_s: int = FUNCTION_TIMEOUT_S,
    ) -> None:
        self.layout = layout
        self._environment = environment
        self._say = say
        self._prefer_default_ports = prefer_default_ports
        self._function_timeout_s = function_timeout_s
        self._opened: dict[str, Processes] = {}

    def up(self) -> dict[str, str]:
        """Return what stack.env says, with everything healthy: what is healthy stays, the rest is started or repaired.

        Raises:
            ServiceError: something cannot be had; the rest is left as it is, for the next `up` or `down`.
        """
        with self._locked():
            plan = self._move_taken_ports(self._plan())
            processes = self._processes(plan)
            doubles = parts.doubles(plan, self._environment)
            for part in doubles:
                launch(part, processes)
            endpoints = self._fleet(processes).start(self._say)
            for part in doubles:
                self._await(part, processes)
            addresses = stack_env(plan, endpoints)
            settings = function_settings(plan=plan, addresses=addresses, environment=self._environment)
            self._migrate(plan, settings)
            self._run_functions(plan, settings, processes)
            write_stack_env(self.layout.stack_env, addresses)
            return addresses

    def serve(self) -> dict[str, Endpoint]:
        """Return the three servers, healthy; a later `up` takes them over."""
        with self._locked():
            return self._fleet(self._processes(self._plan())).start(self._say)

    def down(self) -> None:
        """End every process, delete all data and secrets. Repeating it is harmless, and so is a half-dead stack."""
        with self._locked():
            processes = self._processes(self._plan())
            for name in (*reversed(parts.RUNNERS), *parts.DOUBLES):
                processes.stop(name, patience_s=PATIENCE_S)
            self._fleet(processes).stop()
            processes.stop_strays()
            self.layout.clear()

    def add_admin(self, email: str, *, password: str) -> bool:
        """Whether the administrator was added; not when the address belongs to somebody already.

        Raises:
            FileNotFoundError: the stack is down.
            ServerFailed: the function refused, or failed.
        """
        addresses = self.addresses
        with self._locked():
            plan = self._plan()
            settings = function_settings(plan=plan, addresses=addresses, environment=self._environment)
            event = {"first_admin": {"email": email, "password": password}}
            return bool(self._invoke_migrate(event, plan, settings)["first_admin"] == "added")

    def start(self, name: str) -> None:
        """Start one part again after a crash, and nothing else.

        `name` is postgresql, valkey, rabbitmq, mail-sink, fcm-double, front or emulator.
        """
        with self._locked():
            plan = self._plan()
            processes = self._processes(plan)
            if name in SERVICES:
                self._fleet(processes).start(self._say, (name,))
                return
            part = next(part for part in self._parts(plan) if part.name == name)
            launch(part, processes)
            wait_for(part, processes)

    def stop(self, name: str) -> None:
        """End one part in peace; its data stays."""
        with self._locked():
            self._processes(self._plan()).stop(name, patience_s=PATIENCE_S)

    def kill(self, name: str) -> None:
        """Kill one part and all that came from it with SIGKILL; its data stays."""
        self._processes(self._plan()).kill(name)

    def pids(self, name: str) -> list[int]:
        """Return the processes of one part, the one that was started first."""
        return self._processes(self._plan()).pids(name)

    @property
    def addresses(self) -> dict[str, str]:
        """Return what stack.env says. Raises FileNotFoundError while the stack is down."""
        return read_stack_env(self.layout.stack_env)

    @property
    def control_url(self) -> str:
        """Return where the event source emulator is asked and switched."""
        return f"http://127.0.0.1:{self._plan().ports['control']}"

    def _run_functions(self, plan: StackPlan, settings: Mapping[str, str], processes: Processes) -> None:
        runners = self._runners(plan, settings)
        for part in runners:
            launch(part, processes)
        for part in runners:
            self._await(part, processes)

    def _parts(self, plan: StackPlan) -> list[Part]:
        addresses = read_stack_env(self.layout.stack_env)
        settings = function_settings(plan=plan, addresses=addresses, environment=self._environment)
        return [*parts.doubles(plan, self._environment), *self._runners(plan, settings)]

    def _runners(self, plan: StackPlan, settings: Mapping[str, str]) -> list[Part]:
        return [
            parts.front(plan, self._environment, settings),
            parts.emulator(plan, self._environment, settings, self.layout, function_timeout_s=self._function_timeout_s),
        ]

    def _await(self, part: Part, processes: Processes) -> None:
        began_at = time.monotonic()
        wait_for(part, processes)
        address = part.health_url.removesuffix("/health")
        self._say(part.name, f"{'':<8} {address:<26} ready in {time.monotonic() - began_at:.1f} s")

    def _migrate(self, plan: StackPlan, settings: Mapping[str, str]) -> None:
        began_at = time.monotonic()
        self._invoke_migrate(founders(plan), plan, settings)
        self._say(
            "migrate", f"{'':<8} {'tables, queues, first client':<26} done in {time.monotonic() - began_at:.1f} s"
        )

    def _invoke_migrate(self, event: Mapping[str, object], plan: StackPlan, settings: Mapping[str, str]) -> Json:
        environment = {**python_environment(self._environment), **self._processes(plan).mark_of("migrate")}
        return migrate(event, settings=settings, environment=environment, log=self.layout.logs / "migrate.log")

    def _move_taken_ports(self, plan: StackPlan) -> StackPlan:
        """Give another port to what does not run and whose port somebody else took meanwhile."""
        processes = self._processes(plan)
        idle = [name for name in parts.PORTS if processes.find(name) is None]
        uses = tuple(use for name in idle for use in parts.PORTS[name])
        moved = plan.moved(uses, prefer_defaults=self._prefer_default_ports)
        save(self.layout.plan, moved)
        return moved

    def _plan(self) -> StackPlan:
        self.layout.make()
        return load_or_make(self.layout.plan, prefer_defaults=self._prefer_default_ports)

    def _processes(self, plan: StackPlan) -> Processes:
        if plan.mark not in self._opened:
            self._opened[plan.mark] = Processes(records=self.layout.processes, logs=self.layout.logs, mark=plan.mark)
        return self._opened[plan.mark]

    def _fleet(self, processes: Processes) -> Fleet:
        site = Site(
            folder=self.layout.services,
            cache=self.layout.cache,
            processes=processes,
            prefer_default_ports=self._prefer_default_ports,
            cancelled=threading.Event(),
        )
        return Fleet(site=site, environment=self._environment)

    def _locked(self) -> contextlib.AbstractContextManager[None]:
        return exclusive(
            self.layout.lock, lambda: self._say("waiting", "for another command that changes this stack …")
        )
