"""An execution environment: a process of its own that runs one handler, one invocation at a time, frozen in between."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from offline.emulator.context import DEFAULT_MEMORY_MB, REGION
from offline.emulator.errors import FunctionCrashed, FunctionError, FunctionTimeout
from offline.emulator.wire import FrameReader, Json, StreamEnded, encode_frame

INIT_TIMEOUT_S = 10.0
_POLL_S = 0.25
_UNENFORCED_S = 24 * 3600.0
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")


class EnvironmentState(StrEnum):
    """Where an environment is in its life."""

    COLD = "cold"
    RUNNING = "running"
    FROZEN = "frozen"
    CLOSED = "closed"


class Environment:
    """A process with a handler in it. Not for several threads at once; `pid`, `state` and `close` are safe from any.

    The process starts at once and imports the handler; `invoke` waits for that: for INIT_TIMEOUT_S free of charge, then
    on the function's time. The process sees `environ` and what Lambda adds, of the parent's environment only what a
    process needs to start. Whatever it starts belongs to its process group and is stopped and killed with it.
    """

    def __init__(
        self,
        *,
        handler: str,
        timeout_s: float,
        environ: Mapping[str, str] | None = None,
        function_name: str = "function",
        cwd: Path | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._function_name = function_name
        self._log_stream_name = f"{time.strftime('%Y/%m/%d')}/[$LATEST]{uuid.uuid4().hex}"
        self._ready = False
        self._closing = threading.Lock()
        self._in_use = threading.RLock()
        self.invocations = 0
        self.state = EnvironmentState.COLD
        self._stream, child_stream = socket.socketpair()
        self._reader = FrameReader(self._stream)
        with child_stream:
            environment = self._build_environ(handler, environ or {})
            self._process = _spawner().submit(_spawn, child_stream.fileno(), handler, environment, cwd).result()
        self._init_ends_at_s = time.monotonic() + INIT_TIMEOUT_S

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether the process still exists."""
        return self.state is not EnvironmentState.CLOSED and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process's id, also its process group's."""
        return self._process.pid

    def invoke(self, event: Json, *, request_id: str | None = None, enforce_timeout: bool = True) -> Json:
        """The handler's result. After a timeout, a crash or a failed import the environment is closed.

        Without `enforce_timeout` the handler sees its time run out, and is let go on for a day.

        Raises: FunctionError, FunctionTimeout, FunctionCrashed.
        """
        with self._in_use:
            return self._invoke(event, request_id or str(uuid.uuid4()), 0.0 if enforce_timeout else _UNENFORCED_S)

    def freeze(self) -> None:
        """Stop every thread of the process until `thaw`."""
        self._signal(signal.SIGSTOP)
        if self.state is not EnvironmentState.CLOSED:
            self.state = EnvironmentState.FROZEN

    def thaw(self) -> None:
        """Let the process go on."""
        self._signal(signal.SIGCONT)
        if self.state is not EnvironmentState.CLOSED:
            self.state = EnvironmentState.RUNNING

    def close(self) -> None:
        """Kill the process and all it started; idempotent. An invocation under way in another thread is a crash."""
        with self._closing:
            if self.state is EnvironmentState.CLOSED:
                return
            self.state = EnvironmentState.CLOSED
        self._signal(signal.SIGKILL)
        self._process.wait()
        with contextlib.suppress(OSError):
            self._stream.shutdown(socket.SHUT_RDWR)
        with self._in_use:
            self._stream.close()

    def _invoke(self, event: Json, request_id: str, grace_s: float) -> Json:
        if self.state is EnvironmentState.FROZEN:
            self.thaw()
        self._await_ready(request_id)
        deadline_s = time.monotonic() + self._timeout_s
        self.invocations += 1
        request = self._encode_request(event, request_id, deadline_s)
        answer = self._exchange(request, deadline_s + grace_s, request_id)
        self.freeze()
        if "error" in answer:
            raise _function_error(answer["error"], during_init=False)
        return answer["result"]

    def _await_ready(self, request_id: str) -> None:
        if self._ready:
            return
        allowed_s = max(self._init_ends_at_s, time.monotonic()) + self._timeout_s
        greeting = self._receive(allowed_s, request_id)
        if "error" in greeting:
            self.close()
            raise _function_error(greeting["error"], during_init=True)
        self._ready = True
        self.state = EnvironmentState.RUNNING

    def _exchange(self, request: bytes, deadline_s: float, request_id: str) -> Json:
        self._stream.settimeout(max(0.001, deadline_s - time.monotonic()))
        try:
            self._stream.sendall(request)
        except TimeoutError as error:
            raise self._timed_out(request_id) from error
        except OSError as error:
            raise self._crashed(request_id) from error
        return self._receive(deadline_s, request_id)

    def _receive(self, deadline_s: float, request_id: str) -> Json:
        """Polls, because a grandchild that holds the stream open would hide its parent's death."""
        while True:
            remaining_s = deadline_s - time.monotonic()
            if remaining_s <= 0:
                raise self._timed_out(request_id)
            self._stream.settimeout(min(remaining_s, _POLL_S))
            try:
                return self._reader.read()
            except TimeoutError:
                if self._process.poll() is not None:
                    raise self._crashed(request_id) from None
            except (StreamEnded, OSError) as error:
                raise self._crashed(request_id) from error

    def _timed_out(self, request_id: str) -> FunctionTimeout:
        self.close()
        return FunctionTimeout(request_id=request_id, timeout_s=self._timeout_s)

    def _crashed(self, request_id: str) -> FunctionCrashed:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_POLL_S)  # its own exit code is to be told, not that of the kill below
        self.close()
        return FunctionCrashed(request_id=request_id, exit_code=self._process.returncode)

    def _encode_request(self, event: Json, request_id: str, deadline_s: float) -> bytes:
        context = {
            "aws_request_id": request_id,
            "function_name": self._function_name,
            "deadline_s": deadline_s,
            "log_stream_name": self._log_stream_name,
        }
        return encode_frame({"event": event, "context": context})

    def _build_environ(self, handler: str, environ: Mapping[str, str]) -> dict[str, str]:
        """The runtime's reserved variables, over the function's own, over the little that is inherited."""
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        python_path = [str(_PACKAGE_ROOT), *filter(None, environ.get("PYTHONPATH", "").split(os.pathsep))]
        return {
            **inherited,
            "TZ": ":UTC",
            "PYTHONUNBUFFERED": "1",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **environ,
            "PYTHONPATH": os.pathsep.join(python_path),
            "_HANDLER": handler,
            "AWS_LAMBDA_FUNCTION_NAME": self._function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(DEFAULT_MEMORY_MB),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self._function_name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": self._log_stream_name,
        }

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None or number is signal.SIGKILL:  # a dead leader may leave others in its group
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)


def _function_error(description: Json, *, during_init: bool) -> FunctionError:
    return FunctionError(
        error_type=description["errorType"],
        error_message=description["errorMessage"],
        stack_trace=description["stackTrace"],
        during_init=during_init,
    )


@cache
def _spawner() -> ThreadPoolExecutor:
    """A thread as long-lived as this process: the kernel kills a child when the *thread* that started it ends."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="environment-spawner")


# A forked process has the executor but not its thread.
os.register_at_fork(after_in_child=_spawner.cache_clear)


def _spawn(socket_fd: int, handler: str, environ: dict[str, str], cwd: Path | None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "offline.emulator.bootstrap", str(socket_fd), str(os.getpid()), handler]
    return subprocess.Popen(
        command, env=environ, cwd=cwd, stdin=subprocess.DEVNULL, pass_fds=[socket_fd], start_new_session=True
    )
