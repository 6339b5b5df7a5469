"""A process that runs a function, with the Runtime API it talks to: one life, from its start to its end."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from carillon_localstack.output_file import OutputFile
from carillon_localstack.runtime_api import RuntimeApi
from carillon_localstack.runtime_messages import Answer, Ended, Invocation

_LAUNCH = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """`interpreter` has awslambdaric; `variables` are all that the process sees besides what its runtime needs."""

    name: str
    version: str
    handler: str
    timeout_s: int
    memory_mb: int
    interpreter: Path
    code: Path
    variables: Mapping[str, str]


class Runtime:
    """Starts at once. Between invocations it is stopped, as Lambda freezes it: no thread of it runs.

    It leads a process group of its own, and is killed by the kernel when this process ends in whatever way.
    """

    def __init__(self, *, spec: FunctionSpec, output: OutputFile) -> None:
        self.started_at_s = time.monotonic()
        self.init_s: float | None = None
        self.invocations = 0
        self._signalling = threading.Lock()
        self._reaped = False
        self._gone = threading.Event()
        self._api = RuntimeApi(on_idle=self._freeze, on_work=self._thaw)
        variables = {**spec.variables, "AWS_LAMBDA_RUNTIME_API": self._api.address}
        command = [str(spec.interpreter), "-I", "-S", str(_LAUNCH), str(os.getpid()), spec.handler]
        with self._signalling:
            self._process = _spawner().submit(_spawn, command, variables, spec.code, output).result()
        threading.Thread(target=self._reap, name=f"runtime-{spec.name}", daemon=True).start()

    @property
    def ready(self) -> bool:
        """Whether its handler has been imported."""
        return self.init_s is not None

    @property
    def pid(self) -> int:
        """Also its process group's."""
        return self._process.pid

    def await_idle(self, deadline_s: float) -> Answer | Ended | None:
        """None when it is ready for an invocation, else why it never will be. Raises TimeoutError."""
        failure = self._api.await_idle(deadline_s)
        if failure is None and self.init_s is None:
            self.init_s = time.monotonic() - self.started_at_s
        return failure

    def invoke(self, invocation: Invocation) -> Answer | Ended:
        """The answer, or the process's end without one. Raises TimeoutError, and then the process still runs."""
        self.invocations += 1
        return self._api.submit(invocation)

    def peak_memory_mb(self) -> int:
        """Its greatest resident size so far; 0 when that is not known any more."""
        with contextlib.suppress(OSError, ValueError):
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) // 1024
        return 0

    def kill(self) -> None:
        """End it and all it started, and return when it is gone; idempotent."""
        self._signal(signal.SIGKILL)
        self._gone.wait()
        self._api.close()

    def _reap(self) -> None:
        """What the process started goes with it, while its id cannot be anybody else's yet."""
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with self._signalling:
            _signal_group(self.pid, signal.SIGKILL)
            exit_code = self._process.wait()
            self._reaped = True
        self._api.end(exit_code)
        self._gone.set()

    def _freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def _thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        with self._signalling:
            if not self._reaped:
                _signal_group(self.pid, number)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


@cache
def _spawner() -> ThreadPoolExecutor:
    """A thread as long-lived as this process: the kernel kills a child when the *thread* that started it ends."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="runtime-spawner")


def _spawn(
    command: Sequence[str], variables: Mapping[str, str], folder: Path, output: OutputFile
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env=dict(variables),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=output.fileno(),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
