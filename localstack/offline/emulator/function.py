"""A function: invokes one handler in as many execution environments as are needed at a time, and keeps them warm."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from offline.emulator.config import FunctionSpec
from offline.emulator.environment import Environment, EnvironmentState
from offline.emulator.errors import FunctionThrottled, InvocationFailed
from offline.emulator.wire import Json

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EnvironmentReport:
    """What `GET /functions` tells of one environment."""

    pid: int
    state: EnvironmentState
    invocations: int


class Function:
    """Safe from any thread. The environment used last is used first, so that a quiet function keeps one.

    `enforces_timeout` may be switched at any time and counts from the next invocation on.
    """

    def __init__(self, *, name: str, spec: FunctionSpec, clock_s: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._spec = spec
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._busy: list[Environment] = []
        self._idle: list[tuple[float, Environment]] = []
        self._closed = False
        self.enforces_timeout = True

    def invoke(self, event: Json) -> Json:
        """The handler's result. Raises InvocationFailed, FunctionThrottled."""
        environment = self._check_out()
        try:
            return environment.invoke(event, enforce_timeout=self.enforces_timeout)
        except InvocationFailed as failure:
            _log.warning("invocation failed: function=%s error_type=%s", self.name, failure.error_type)
            raise
        finally:
            self._check_in(environment)

    def recycle_idle(self) -> None:
        """End environments that nobody has used for `recycle_idle_s`, or that died while frozen."""
        with self._lock:
            kept = [(since_s, one) for since_s, one in self._idle if one.alive and not self._idle_too_long(since_s)]
            ended = [one for _, one in self._idle if all(one is not other for _, other in kept)]
            self._idle = kept
        for environment in ended:
            environment.close()

    def describe(self) -> list[EnvironmentReport]:
        """All environments that exist."""
        with self._lock:
            environments = [*self._busy, *(environment for _, environment in self._idle)]
        return [EnvironmentReport(one.pid, one.state, one.invocations) for one in environments]

    def close(self) -> None:
        """Kill all environments; invocations under way fail as crashed, later ones are throttled."""
        with self._lock:
            self._closed = True
            environments = [*self._busy, *(environment for _, environment in self._idle)]
            self._idle.clear()
        for environment in environments:
            environment.close()

    def _check_out(self) -> Environment:
        self.recycle_idle()
        with self._lock:
            if self._closed or len(self._busy) >= self._spec.max_concurrency:
                raise FunctionThrottled(f"Rate exceeded: {self.name} has {len(self._busy)} executions")
            environment = self._idle.pop()[1] if self._idle else self._start()
            self._busy.append(environment)
            return environment

    def _check_in(self, environment: Environment) -> None:
        with self._lock:
            self._busy.remove(environment)
            reusable = environment.alive and not self._used_up(environment) and not self._closed
            if reusable:
                self._idle.append((self._clock_s(), environment))
        if not reusable:
            environment.close()

    def _start(self) -> Environment:
        return Environment(
            handler=self._spec.handler,
            timeout_s=self._spec.timeout_s,
            environ=self._spec.environment,
            function_name=self.name,
            cwd=self._spec.cwd,
        )

    def _used_up(self, environment: Environment) -> bool:
        return self._spec.recycle_after is not None and environment.invocations >= self._spec.recycle_after

    def _idle_too_long(self, since_s: float) -> bool:
        return self._spec.recycle_idle_s is not None and self._clock_s() - since_s >= self._spec.recycle_idle_s
