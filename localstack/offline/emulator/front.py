"""An API Gateway REST API on one machine: HTTP in, a function's proxy event out, several Lambda environments behind.

    python -m offline.emulator.front --app app:app --bind 127.0.0.1:3000 --workers 2 --timeout-s 30

Each gunicorn sync worker is an environment: a process of its own that handles one request at a time. A request waits in
the listening socket's backlog until an environment is free. SIGTERM ends all within 3 s; whatever ends the
master, SIGKILL included, ends the environments; one that dies is replaced.
"""

import argparse
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.http.message import Request
from gunicorn.workers.base import Worker

from offline.emulator.context import DEFAULT_MEMORY_MB, REGION
from offline.emulator.front_chalice import load_app
from offline.emulator.front_deadline import DEFAULT_INTEGRATION_TIMEOUT_S
from offline.emulator.front_environment import FrontEnvironment

# What SIGTERM gives a request under way; stopping as a whole is promised within 3 s.
STOP_WITHIN_S = 1
# How long after the timeout gunicorn ends a worker whose own deadline could not act: C code may hold the interpreter.
BACKSTOP_S = 5
PR_SET_PDEATHSIG = 1
# Longer than Linux keeps a connection half accepted: one without a request is dropped by the kernel, never accepted.
DEFER_ACCEPT_S = 120
# API Gateway accepts 10,240 bytes of request line and headers.
MAX_HEADER_BYTES = 10_240 - 2_048
FIRST_WORKER = 1


@dataclass(frozen=True, slots=True)
class FrontOptions:
    """What the command line says."""

    app: str
    bind: str
    workers: int
    timeout_s: float
    integration_timeout_s: float
    stage: str
    function_name: str


class FrontServer(BaseApplication):
    """gunicorn, set up so that its workers behave as Lambda environments."""

    def __init__(self, options: FrontOptions) -> None:
        self._options = options
        self._headers: Iterable[tuple[str, str]] = ()
        super().__init__()

    def load_config(self) -> None:
        """Applies the options; nothing is read from gunicorn's own files or variables."""
        options = self._options
        settings: dict[str, object] = {
            "bind": options.bind,
            "workers": options.workers,
            "worker_class": "sync",
            "timeout": int(options.timeout_s) + BACKSTOP_S,
            "graceful_timeout": STOP_WITHIN_S,
            "limit_request_line": MAX_HEADER_BYTES - 2,
            "limit_request_field_size": MAX_HEADER_BYTES,
            "loglevel": "warning",
            "control_socket_disable": True,
            "when_ready": _wake_only_for_requests,
            "post_fork": _die_with_master,
            "post_worker_init": self._announce,
            "pre_request": self._keep_headers,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> FrontEnvironment:
        """The environment, made in the worker's own process: nothing of the application is shared between them."""
        return FrontEnvironment(
            load_app(self._options.app),
            function_name=self._options.function_name,
            stage=self._options.stage,
            timeout_s=self._options.timeout_s,
            integration_timeout_s=self._options.integration_timeout_s,
            headers_of_request=lambda: self._headers,
        )

    def _keep_headers(self, _worker: Worker, request: Request) -> None:
        self._headers = request.headers

    def _announce(self, worker: Worker) -> None:
        """One line, when the first environment has imported the application."""
        if worker.age == FIRST_WORKER:
            host, port = worker.sockets[0].getsockname()[:2]
            print(f"front ready: http://{host}:{port} ({self._options.workers} environments)", flush=True)


def _wake_only_for_requests(arbiter: Arbiter) -> None:
    """A connection without a request (browsers open such ahead of need) stays in the kernel, not in an environment."""
    if hasattr(socket, "TCP_DEFER_ACCEPT"):
        for listener in arbiter.LISTENERS:
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, DEFER_ACCEPT_S)


def _die_with_master(arbiter: Arbiter, _worker: Worker) -> None:
    """Linux kills this worker when the master ends; elsewhere gunicorn's own check takes a second."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != arbiter.pid:
            os._exit(0)


def parse_options(arguments: list[str]) -> FrontOptions:
    """The command line, checked. Raises: SystemExit with a usage line."""
    parser = argparse.ArgumentParser(prog="python -m offline.emulator.front", description=__doc__)
    parser.add_argument("--app", required=True, help="module:attribute of a Chalice application")
    parser.add_argument("--bind", default="127.0.0.1:3000", help="host:port; port 0 takes a free one")
    parser.add_argument("--workers", type=int, default=2, help="Lambda environments")
    parser.add_argument("--timeout-s", type=float, default=30.0, help="the function's timeout")
    parser.add_argument("--integration-timeout-s", type=float, default=DEFAULT_INTEGRATION_TIMEOUT_S)
    parser.add_argument("--stage", default="api")
    parser.add_argument("--function-name", default="api_handler")
    return FrontOptions(**vars(parser.parse_args(arguments)))


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    options = parse_options(sys.argv[1:])
    sys.path.insert(0, str(Path.cwd()))
    os.environ.setdefault("AWS_LAMBDA_FUNCTION_NAME", options.function_name)
    os.environ.setdefault("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
    os.environ.setdefault("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", str(DEFAULT_MEMORY_MB))
    os.environ.setdefault("AWS_REGION", REGION)
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    FrontServer(options).run()


if __name__ == "__main__":
    main()
