"""The processes of a stack that are our own: how each is started and asked for its health."""

import hashlib
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
RUNNERS = ("front", "emulator")
PORTS = {"mail-sink": ("smtp", "mail"), "fcm-double": ("fcm",), "front": ("front",), "emulator": ("control",)}
_WORKERS = 2
_API_TIMEOUT_S = 30
_CODE = ("app.py", "chalicelib/**/*.py", "localstack/offline/emulator/*.py")
_DOUBLES_CODE = "localstack/offline/doubles/*"


@dataclass(frozen=True, slots=True)
class Part:
    """One process. A running one is kept as long as `command` and `version` stay what it was started with."""

    name: str
    command: Command
    health_url: str
    version: str


def doubles(plan: StackPlan, environment: Mapping[str, str]) -> list[Part]:
    """Return the mail sink and the FCM double."""
    ports = plan.ports
    mail = ["offline.doubles.mail_sink", "--smtp-port", str(ports["smtp"]), "--http-port", str(ports["mail"])]
    fcm = ["offline.doubles.fcm_double", "--port", str(ports["fcm"])]
    system = python_environment(environment)
    return [
        Part("mail-sink", _python(mail, system), _health(ports["mail"]), _digest(_DOUBLES_CODE)),
        Part("fcm-double", _python(fcm, system), _health(ports["fcm"]), _digest(_DOUBLES_CODE)),
    ]


def front(plan: StackPlan, environment: Mapping[str, str], settings: Mapping[str, str]) -> Part:
    """Return the HTTP front: a Lambda environment a worker."""
    bind = f"127.0.0.1:{plan.ports['front']}"
    options = ["--bind", bind, "--workers", str(_WORKERS), "--timeout-s", str(_API_TIMEOUT_S)]
    command = _python(
        ["offline.emulator.front", "--app", "app:app", *options], {**python_environment(environment), **settings}
    )
    return Part("front", command, _health(plan.ports["front"]), _digest(*_CODE))


def emulator(plan: StackPlan, environment: Mapping[str, str], settings: Mapping[str, str], layout: Layout) -> Part:
    """Write the emulator's configuration, which holds the broker's password, and return the emulator."""
    control_port = plan.ports["control"]
    config = emulator_config(settings=settings, broker_url=settings["RABBITMQ_URL"], control_port=control_port)
    write_private(layout.emulator_config, config)
    command = _python(["offline.emulator", "--config", str(layout.emulator_config)], python_environment(environment))
    version = hashlib.sha256((config + _digest(*_CODE)).encode()).hexdigest()
    return Part("emulator", command, _health(control_port), version)


def _python(arguments: list[str], environment: Mapping[str, str]) -> Command:
    return Command(argv=[sys.executable, "-m", *arguments], environment=environment, folder=REPOSITORY)


def _health(port: int) -> str:
    return f"http://127.0.0.1:{port}/health"


def _digest(*patterns: str) -> str:
    """Return what changes when the code does: a stack brought up again then runs what the files say."""
    files: list[Path] = sorted(file for pattern in patterns for file in REPOSITORY.glob(pattern) if file.is_file())
    stamps = [f"{file}:{file.stat().st_mtime_ns}" for file in files]
    return hashlib.sha256("\n".join(stamps).encode()).hexdigest()
