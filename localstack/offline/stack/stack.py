"""One whole system in one folder: brought up, repaired, taken apart, and looked into by tests."""

import time
from collections.abc import Mapping

from offline.services.fleet import NAMES as SERVICES
from offline.services.private import Endpoint
from offline.stack import parts
from offline.stack.function_settings import function_settings, python_environment
from offline.stack.functions import FUNCTION_TIMEOUT_S
from offline.stack.layout import Layout
from offline.stack.migration import Json, founders, migrate
from offline.stack.parts import Part
from offline.stack.plan import StackPlan
from offline.stack.runner import PATIENCE_S, launch, wait_for
from offline.stack.stack_env import read_stack_env, stack_env, write_stack_env
from offline.stack.world import Say, World


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
        self._function_timeout_s = function_timeout_s
        self._world = World(
            layout=layout,
            environment=environment,
            say=say,
            prefer_default_ports=prefer_default_ports,
            runners=parts.RUNNERS,
        )

    def up(self) -> dict[str, str]:
        """Return what stack.env says, with everything healthy: what is healthy stays, the rest is started or repaired.

        Raises:
            ServiceError: something cannot be had; the rest is left as it is, for the next `up` or `down`.
        """
        with self._world.locked():
            plan = self._world.plan_with_free_ports()
            endpoints = self._world.serve(plan)
            addresses = stack_env(plan, endpoints, api_url=f"http://127.0.0.1:{plan.ports['front']}")
            settings = function_settings(plan=plan, addresses=addresses, environment=self._environment)
            self._migrate(plan, settings)
            runners = self._runners(plan, settings)
            for part in runners:
                launch(part, self._world.processes(plan))
            self._world.wait_for(runners, plan)
            write_stack_env(self.layout.stack_env, addresses)
            return addresses

    def serve(self) -> dict[str, Endpoint]:
        """Return the three servers, healthy; a later `up` takes them over."""
        with self._world.locked():
            return self._world.fleet(self._world.plan()).start(self._say)

    def down(self) -> None:
        """End every process, delete all data and secrets. Repeating it is harmless, and so is a half-dead stack."""
        self._world.remove()

    def add_admin(self, email: str, *, password: str) -> bool:
        """Whether the administrator was added; not when the address belongs to somebody already.

        Raises:
            FileNotFoundError: the stack is down.
            ServerFailed: the function refused, or failed.
        """
        addresses = self.addresses
        with self._world.locked():
            plan = self._world.plan()
            settings = function_settings(plan=plan, addresses=addresses, environment=self._environment)
            event = {"first_admin": {"email": email, "password": password}}
            return bool(self._invoke_migrate(event, plan, settings)["first_admin"] == "added")

    def start(self, name: str) -> None:
        """Start one part again after a crash, and nothing else.

        `name` is postgresql, valkey, rabbitmq, mail-sink, fcm-double, front or emulator.
        """
        with self._world.locked():
            plan = self._world.plan()
            if name in SERVICES:
                self._world.fleet(plan).start(self._say, (name,))
                return
            processes = self._world.processes(plan)
            part = next(part for part in self._parts(plan) if part.name == name)
            launch(part, processes)
            wait_for(part, processes)

    def stop(self, name: str) -> None:
        """End one part in peace; its data stays."""
        with self._world.locked():
            self._world.processes(self._world.plan()).stop(name, patience_s=PATIENCE_S)

    def kill(self, name: str) -> None:
        """Kill one part and all that came from it with SIGKILL; its data stays."""
        self._world.processes(self._world.plan()).kill(name)

    def pids(self, name: str) -> list[int]:
        """Return the processes of one part, the one that was started first."""
        return self._world.processes(self._world.plan()).pids(name)

    @property
    def addresses(self) -> dict[str, str]:
        """Return what stack.env says. Raises FileNotFoundError while the stack is down."""
        return read_stack_env(self.layout.stack_env)

    @property
    def control_url(self) -> str:
        """Return where the event source emulator is asked and switched."""
        return f"http://127.0.0.1:{self._world.plan().ports['control']}"

    def _parts(self, plan: StackPlan) -> list[Part]:
        addresses = read_stack_env(self.layout.stack_env)
        settings = function_settings(plan=plan, addresses=addresses, environment=self._environment)
        return [*parts.doubles(plan, self._environment), *self._runners(plan, settings)]

    def _runners(self, plan: StackPlan, settings: Mapping[str, str]) -> list[Part]:
        return [
            parts.front(plan, self._environment, settings),
            parts.emulator(plan, self._environment, settings, self.layout, function_timeout_s=self._function_timeout_s),
        ]

    def _migrate(self, plan: StackPlan, settings: Mapping[str, str]) -> None:
        began_at = time.monotonic()
        self._invoke_migrate(founders(plan), plan, settings)
        self._say(
            "migrate", f"{'':<8} {'tables, queues, first client':<26} done in {time.monotonic() - began_at:.1f} s"
        )

    def _invoke_migrate(self, event: Mapping[str, object], plan: StackPlan, settings: Mapping[str, str]) -> Json:
        environment = {**python_environment(self._environment), **self._world.processes(plan).mark_of("migrate")}
        return migrate(event, settings=settings, environment=environment, log=self.layout.logs / "migrate.log")
