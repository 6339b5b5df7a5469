"""The processes of a stack that are our own: how each is started and asked for its health."""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from offline.services.files import write_private
from offline.services.processes import Command
from offline.stack.function_settings import python_environment
from offline.stack.functions import emulator_config
from offline.stack.layout import REPOSITORY, Layout
from offline.stack.plan import StackPlan

DOUBLES = ("mail-sink", "fcm-double")
PORTS = {"mail-sink": ("smtp", "mail"), "fcm-double": ("fcm",)}
RUNNERS = {"front": ("front",), "emulator": ("control",)}
"""What runs the functions, with the ports that each uses."""
_WORKERS = 2
_API_TIMEOUT_S = 30
_CODE = ("app.py", "chalicelib/**/*.py", "localstack/offline/emulator/*.py")
_DOUBLES_CODE = "localstack/offline/doubles/*"


@dataclass(frozen=True, slots=True)
class Part:
    """One process. A running one is kept as long as its fingerprint stays: its arguments, its settings, its code.

    What else is in the environment does not count: another shell is no reason to restart anything.
    """

    name: str
    command: Command
    health_url: str
    fingerprint: str


def doubles(plan: StackPlan, environment: Mapping[str, str]) -> list[Part]:
    """Return the mail sink and the FCM double."""
    smtp, mail, fcm = (str(plan.ports[use]) for use in ("smtp", "mail", "fcm"))
    system = python_environment(environment)
    sink = ["offline.doubles.mail_sink", "--smtp-port", smtp, "--http-port", mail]
    double = ["offline.doubles.fcm_double", "--port", fcm]
    code = _stamps(_DOUBLES_CODE)
    return [
        Part("mail-sink", _python(sink, system), _health(plan.ports["mail"]), _digest(sink, code)),
        Part("fcm-double", _python(double, system), _health(plan.ports["fcm"]), _digest(double, code)),
    ]


def front(plan: StackPlan, environment: Mapping[str, str], settings: Mapping[str, str]) -> Part:
    """Return the HTTP front: a Lambda environment a worker."""
    bind = f"127.0.0.1:{plan.ports['front']}"
    options = ["--bind", bind, "--workers", str(_WORKERS), "--timeout-s", str(_API_TIMEOUT_S)]
    arguments = ["offline.emulator.front", "--app", "app:app", *options]
    command = _python(arguments, {**python_environment(environment), **settings})
    fingerprint = _digest(arguments, sorted(settings.items()), _stamps(*_CODE))
    return Part("front", command, _health(plan.ports["front"]), fingerprint)


def emulator(
    plan: StackPlan,
    environment: Mapping[str, str],
    settings: Mapping[str, str],
    layout: Layout,
    *,
    function_timeout_s: int,
) -> Part:
    """Write the emulator's configuration, which holds the broker's password, and return the emulator."""
    control_port = plan.ports["control"]
    config = emulator_config(
        settings=settings,
        broker_url=settings["RABBITMQ_URL"],
        control_port=control_port,
        function_timeout_s=function_timeout_s,
    )
    write_private(layout.emulator_config, config)
    arguments = ["offline.emulator", "--config", str(layout.emulator_config)]
    command = _python(arguments, python_environment(environment))
    return Part("emulator", command, _health(control_port), _digest(arguments, config, _stamps(*_CODE)))


def _python(arguments: list[str], environment: Mapping[str, str]) -> Command:
    return Command(argv=[sys.executable, "-m", *arguments], environment=environment, folder=REPOSITORY)


def _health(port: int) -> str:
    return f"http://127.0.0.1:{port}/health"


def _stamps(*patterns: str) -> list[str]:
    """Return what changes when the code does: a stack brought up again then runs what the files say."""
    files: list[Path] = sorted(file for pattern in patterns for file in REPOSITORY.glob(pattern) if file.is_file())
    return [f"{file}:{file.stat().st_mtime_ns}" for file in files]


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
