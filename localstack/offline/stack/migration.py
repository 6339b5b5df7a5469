"""Runs the `migrate` function once, as a deploy does: tables, queues, first administrator, first client.

    python -m offline.stack.migration < {"settings": {…}, "event": {…}}

The document comes on standard input, because it holds secrets.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from offline.emulator.environment import Environment
from offline.emulator.errors import InvocationFailed
from offline.services.errors import ServerFailed
from offline.stack.layout import REPOSITORY
from offline.stack.plan import StackPlan

SCOPES = [
    *("notifications:send", "notifications:read", "users:read", "users:write"),
    *("templates:read", "templates:write", "failed:read", "failed:write", "admin"),
]
_TIMEOUT_S = 120
_START_AND_STOP_S = 30


def migrate(*, plan: StackPlan, settings: Mapping[str, str], environment: Mapping[str, str], log: Path) -> None:
    """Bring the database and the broker to what the code expects. Repeating it changes nothing.

    Raises:
        ServerFailed: the function failed; the message says where its log is and how it ends.
    """
    told = json.dumps({"settings": dict(settings), "event": _event(plan)})
    with log.open("ab") as output:
        answer = subprocess.run(
            [sys.executable, "-m", "offline.stack.migration"],
            input=told.encode(),
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=REPOSITORY,
            env=dict(environment),
            timeout=_TIMEOUT_S + _START_AND_STOP_S,
            check=False,
        )
    if answer.returncode != 0:
        raise ServerFailed(f"the migration failed, see {log}:\n{last_words(log)}")


def last_words(log: Path, lines: int = 12) -> str:
    """Return how a log ends."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


def _event(plan: StackPlan) -> dict[str, object]:
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
    settings = {**told["settings"], "PYTHONPATH": str(REPOSITORY)}
    with Environment(
        handler="app.migrate", timeout_s=_TIMEOUT_S, environ=settings, function_name="migrate", cwd=REPOSITORY
    ) as function:
        try:
            function.invoke(told["event"])
        except InvocationFailed as failure:
            print(*failure.stack_trace, f"{failure.error_type}: {failure.error_message}", sep="\n", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
