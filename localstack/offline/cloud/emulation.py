"""LocalStack as a process of a stack: what it is told, and how it is started anew without anything of its last life."""

import hashlib
import json
import shutil
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from infra.target import Target
from offline.cloud.install import Installation
from offline.services.processes import Command, Processes
from offline.stack.parts import Part
from offline.stack.runner import is_current

NAME = "localstack"
RUNNERS = {NAME: ("localstack",)}
REGION = "eu-central-1"
STAGE = "local"

_PATIENCE_S = 10.0
_ANSWER_TIMEOUT_S = 10.0
_SYSTEM = ("PATH", "LANG", "TMPDIR")


def localstack(
    installation: Installation,
    *,
    port: int,
    folder: Path,
    broker_url: str,
    environment: Mapping[str, str],
) -> Part:
    """Return LocalStack on this port of loopback. All it writes goes below `folder`, which is its own.

    Where the broker is it learns from here, how to get in only from the secret that a mapping names. Of the caller's
    environment it sees what programs need to run at all, and none of the caller's AWS.
    """
    settings = {
        "PYTHONPATH": str(installation.plugin),
        "HOME": str(folder / "home"),
        "FILESYSTEM_ROOT": str(folder / "files"),
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "OVERRIDE_IN_DOCKER": "0",
        # it neither reports to its makers nor fetches certificates, and answers no names
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
        "EAGER_SERVICE_LOADING": "0",
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "CARILLON_RUNTIME_PYTHON": str(installation.runtime_python),
        "CARILLON_RABBITMQ_URL": broker_address(broker_url),
        "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.01",
        # A deployment uploads 30 MB for each function, and glibc would keep such blocks: measured, 1.2 GB and not 0.6.
        "MALLOC_MMAP_THRESHOLD_": "131072",
        "MALLOC_ARENA_MAX": "2",
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
    }
    system = {name: environment[name] for name in _SYSTEM if name in environment}
    argv = [str(installation.python), "-m", "localstack.runtime.main"]
    return Part(
        name=NAME,
        command=Command(argv=argv, environment={**system, **settings}, folder=folder),
        health_url=health_url(port),
        fingerprint=hashlib.sha256(json.dumps([argv, sorted(settings.items())]).encode()).hexdigest(),
    )


def health_url(port: int) -> str:
    """Return where LocalStack says how it is."""
    return f"http://127.0.0.1:{port}/_localstack/health"


def broker_address(broker_url: str) -> str:
    """Return the URL without what lets anybody in."""
    parts = urlsplit(broker_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def life_at(port: int) -> str:
    """Return what names this run of LocalStack and no other one."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_localstack/info", timeout=_ANSWER_TIMEOUT_S) as answer:
        return str(json.load(answer)["session_id"])


def target_at(port: int) -> Target:
    """Return the account and region that LocalStack plays on this port; its credentials open nothing anywhere else."""
    return Target(
        stage=STAGE,
        environment={
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        },
    )


def launch(part: Part, processes: Processes) -> bool:
    """Start LocalStack unless it runs, answers and is what it should be; say whether that was needed.

    It keeps nothing over a restart, so nothing of its last life may lie where the next one looks.
    """
    if is_current(part, processes):
        return False
    processes.stop(part.name, patience_s=_PATIENCE_S)
    shutil.rmtree(part.command.folder, ignore_errors=True)
    for folder in (part.command.environment["HOME"], part.command.environment["FILESYSTEM_ROOT"]):
        Path(folder).mkdir(parents=True, exist_ok=True)
    processes.start(part.name, part.command, fingerprint=part.fingerprint)
    return True
