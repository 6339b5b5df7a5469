"""The deployed system in one folder: brought up, repaired, deployed to again, and looked into by tests."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infra.build.lambda_runtime import our_runtime
from infra.build.project import LOCK
from infra.build.vendoring import vendor
from infra.functions import deployed_name
from infra.stage import read_stage
from infra.target import Target
from offline.cloud.container import is_in_container, remove_container, start_container
from offline.cloud.deployment import Deployment
from offline.cloud.emulation import (
    NAME,
    RUNNERS,
    STAGE,
    broker_address,
    health_url,
    launch,
    life_at,
    localstack,
    target_at,
)
from offline.cloud.install import Installation, install
from offline.cloud.platform import local_platform
from offline.services import kernel
from offline.services.compose import engine_answers
from offline.services.errors import ServerMissing
from offline.services.private import Endpoint
from offline.stack.function_settings import function_settings
from offline.stack.health import answers
from offline.stack.layout import REPOSITORY, Layout
from offline.stack.migration import founders
from offline.stack.plan import StackPlan
from offline.stack.runner import PATIENCE_S
from offline.stack.stack_env import read_stack_env, stack_env, write_stack_env
from offline.stack.world import Say, World


class CloudStack:
    """A stack whose functions are deployed to a LocalStack. Whatever changes it holds its lock.

    Not for several threads at once.
    """

    def __init__(
        self, *, layout: Layout, environment: Mapping[str, str], say: Say, prefer_default_ports: bool = True
    ) -> None:
        self.layout = layout
        self._environment = environment
        self._say = say
        self._world = World(
            layout=layout,
            environment=environment,
            say=say,
            prefer_default_ports=prefer_default_ports,
            runners=RUNNERS,
        )

    def up(self) -> dict[str, str]:
        """Return what stack.env says, with this checkout's code deployed and healthy.

        What is healthy and unchanged stays; the rest is started, repaired or deployed anew, with the data it had.

        Raises:
            ServiceError: something cannot be had.
            StepFailed: a step of the deployment failed. The rest is left as it is, for the next `up` or `down`.
        """
        return self.redeploy(REPOSITORY)

    def redeploy(self, source: Path) -> dict[str, str]:
        """Do as `up` does with another tree's code."""
        with self._world.locked():
            plan = self._world.plan_with_free_ports(kept=self._kept())
            endpoints = self._run(plan, source)
            target = target_at(plan.ports["localstack"])
            addresses = stack_env(plan, endpoints, api_url="")
            settings = function_settings(plan=plan, addresses=addresses, environment=self._environment)
            api_url = self._deployment(plan).bring(
                source=source,
                target=target,
                platform=local_platform(target, settings),
                founders=founders(plan),
                say=lambda text: self._say("deploy", text),
            )
            addresses = stack_env(plan, endpoints, api_url=api_url)
            write_stack_env(self.layout.stack_env, addresses)
            return addresses

    def down(self) -> None:
        """End every process, delete all data and secrets. Repeating it is harmless, and so is a half-dead stack."""
        if self.layout.root.exists():
            remove_container(self._folder)
        with self._world.locked():
            # It would take seconds to end in peace, and has nothing to save.
            self.kill(NAME)
        self._world.remove()

    def stop(self, name: str) -> None:
        """End one part in peace; `name` is localstack, or a server or double as in the other stack."""
        with self._world.locked():
            self._world.processes(self._world.plan()).stop(name, patience_s=PATIENCE_S)

    def kill(self, name: str) -> None:
        """Kill one part and all that came from it with SIGKILL."""
        self._world.processes(self._world.plan()).kill(name)

    def pids(self, name: str) -> list[int]:
        """Return the processes of one part, the one that was started first."""
        return self._world.processes(self._world.plan()).pids(name)

    def pids_of(self, function: str) -> list[int]:
        """Return the processes in which a deployed function runs, by its name in app.py."""
        told = f"AWS_LAMBDA_FUNCTION_NAME={deployed_name(function, STAGE)}".encode()
        return [pid for pid in self.pids(NAME) if told in kernel.environment_of(pid).split(b"\0")]

    @property
    def addresses(self) -> dict[str, str]:
        """Return what stack.env says. Raises FileNotFoundError while the stack is down."""
        return read_stack_env(self.layout.stack_env)

    @property
    def target(self) -> Target:
        """Return the account of this LocalStack."""
        return target_at(self._world.plan().ports["localstack"])

    def _kept(self) -> Collection[str]:
        """Return LocalStack while it answers from a container, which no process record tells of."""
        health = health_url(self._world.plan().ports[NAME])
        return (NAME,) if is_in_container(self._folder) and answers(health) else ()

    def _run(self, plan: StackPlan, source: Path) -> dict[str, Endpoint]:
        """Return the servers, healthy, with LocalStack beside them; what has to be installed is, while they start."""
        with ThreadPoolExecutor(2) as pool:
            installing = pool.submit(self._install)
            # Only the first deployment finds it missing: then it comes while LocalStack does.
            vendoring = pool.submit(self._vendor, source)
            endpoints = self._world.serve(plan)
            installation = installing.result()
            vendoring.result()
        broker_url, port = endpoints["rabbitmq"].url, plan.ports["localstack"]
        if installation is None:
            start_container(self._folder, port=port, broker_address=broker_address(broker_url))
        else:
            part = localstack(
                installation, port=port, folder=self._folder, broker_url=broker_url, environment=self._environment
            )
            launch(part, self._world.processes(plan))
            self._world.wait_for([part], plan)
        return endpoints

    def _install(self) -> Installation | None:
        """Return what LocalStack runs on; None where it runs in a container."""
        if is_in_container(self._folder):
            return None
        try:
            return install(self.layout.cache, lambda text: self._say(NAME, text))
        except ServerMissing:
            if engine_answers():
                return None
            raise

    def _vendor(self, source: Path) -> None:
        runtime = our_runtime(read_stage(source, STAGE).architecture)
        vendor(source / LOCK, runtime, cache=self.layout.cache)

    def _deployment(self, plan: StackPlan) -> Deployment:
        life = life_at(plan.ports["localstack"])
        return Deployment(folder=self._folder / "deployment", cache=self.layout.cache, life=life)

    @property
    def _folder(self) -> Path:
        """All that LocalStack writes lies here; nothing of it outlives a LocalStack."""
        return self.layout.services / NAME
