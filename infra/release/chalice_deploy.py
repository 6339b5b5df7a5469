"""Chalice itself, in a process of its own: it takes what it needs from its environment and its folder, and no more."""

import os
import subprocess
import sys
from pathlib import Path

from infra.errors import StepFailed
from infra.release.state import Deployed, record_of
from infra.release.waiters import write_waiters
from infra.target import Target

LONGEST_S = 1800
_CHALICE = (sys.executable, "-u", "-P", str(Path(__file__).with_name("chalice_process.py")))
_LAST_WORDS = 4000
_OF_THE_MACHINE = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_OF_THE_NETWORK = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy")
"""How this machine gets out: our own calls of AWS heed it as well."""


def deploy_project(target: Target, project: Path, *, known: Deployed) -> Deployed:
    """Bring roles, functions and the API to what the project folder says; return what there is then.

    `known` is what exists of them already; what of it the project no longer has is deleted.

    Raises:
        StepFailed: with Chalice's last words.
    """
    record = record_of(project, target.stage)
    record.parent.mkdir(parents=True, exist_ok=True)
    if known.resources:  # to Chalice, no record at all is a first deployment
        record.write_text(known.write())
    else:
        record.unlink(missing_ok=True)
    _run(target, project, "deploy")
    return Deployed.read(record.read_text())


def delete_project(target: Target, project: Path, *, known: Deployed) -> None:
    """Delete the roles, functions and API that `known` names. Raises: StepFailed, with Chalice's last words."""
    record = record_of(project, target.stage)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(known.write())
    _run(target, project, "delete")


def _run(target: Target, project: Path, command: str) -> None:
    try:
        status, said = _call_chalice(target, project, command)
    except subprocess.TimeoutExpired as error:
        raise StepFailed(
            f"chalice {command} did not end within {LONGEST_S} s.",
            remedy="See what AWS is busy with, then run it again.",
        ) from error
    if status != 0:
        raise StepFailed(
            f"chalice {command} failed:\n{said.strip()[-_LAST_WORDS:]}",
            remedy="Its last lines name the cause; what it made so far is found again by the next run.",
        )


def _call_chalice(target: Target, project: Path, command: str) -> tuple[int, str]:
    of_the_machine = {name: os.environ[name] for name in (*_OF_THE_MACHINE, *_OF_THE_NETWORK) if name in os.environ}
    waiters = {"AWS_DATA_PATH": str(write_waiters(project / ".chalice"))}
    lifeline, ours = os.pipe()
    try:
        answer = subprocess.run(
            [*_CHALICE, "--project-dir", str(project), command, "--stage", target.stage],
            env={**of_the_machine, **target.environment, **waiters},
            cwd=project,
            stdin=lifeline,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
    finally:
        os.close(lifeline)
        os.close(ours)
    return answer.returncode, answer.stdout
