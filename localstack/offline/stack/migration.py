"""Runs the `migrate` function once, as a deploy does: tables, queues, first administrator, first client.

    python -m offline.stack.migration < {"settings": {…}, "event": {…}}

The document comes on standard input, because it holds secrets. What the function answers goes to standard output, and
all that is logged to standard error.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from offline.emulator.environment import Environment
from offline.emulator.errors import InvocationFailed
from offline.services.errors import ServerFailed
from offline.stack.layout import REPOSITORY
from offline.stack.plan import StackPlan

SCOPES = [
    *("notifications:send", "notifications:read", "users:read", "users:write"),
    *("templates:read", "templates:write", "failed:read", "failed:write", "admin"),
]
Json = Any  # what a function answers is JSON of its own shape

_TIMEOUT_S = 120
_START_AND_STOP_S = 30


def migrate(
    event: Mapping[str, object], *, settings: Mapping[str, str], environment: Mapping[str, str], log: Path
) -> Json:
    """Bring the database and the broker to what the code expects; return the function's answer to this event.

    Repeating it changes nothing.

    Raises:
        ServerFailed: the function failed; the message says where its log is and how it ends.
    """
    told = json.dumps({"settings": dict(settings), "event": event})
    with log.open("ab") as output:
        answer = subprocess.run(
            [sys.executable, "-m", "offline.stack.migration"],
            input=told.encode(),
            stdout=subprocess.PIPE,
            stderr=output,
            cwd=REPOSITORY,
            env=dict(environment),
            timeout=_TIMEOUT_S + _START_AND_STOP_S,
            check=False,
        )
    if answer.returncode != 0:
        raise ServerFailed(f"the migration failed, see {log}:\n{last_words(log)}")
    return json.loads(answer.stdout)


def last_words(log: Path, lines: int = 12) -> str:
    """Return how a log ends."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


def founders(plan: StackPlan) -> dict[str, object]:
    """Return the event that lets in the first administrator and the first client of a stack."""
    return {
        "first_admin": {"email": plan.admin_email, "password": plan.admin_password},
        "first_client": {
            "client_id": plan.client_id,
            "client_secret": plan.client_secret,
            "name": "local stack",
            "scopes": SCOPES,
        },
    }


def main() -> int:
    """Invoke the function; exit status 1 when it fails."""
    told = json.load(sys.stdin)
    # the function's process inherits standard output: what it prints there is for the log
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    settings = {**told["settings"], "PYTHONPATH": str(REPOSITORY)}
    with (
        answers,
        Environment(
            handler="app.migrate", timeout_s=_TIMEOUT_S, environ=settings, function_name="migrate", cwd=REPOSITORY
        ) as function,
    ):
        try:
            json.dump(function.invoke(told["event"]), answers)
        except InvocationFailed as failure:
            print(*failure.stack_trace, f"{failure.error_type}: {failure.error_message}", sep="\n", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
