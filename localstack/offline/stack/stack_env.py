"""`.local/stack.env`: where everything is and how to get in, for people, scripts and tests."""

from collections.abc import Mapping
from pathlib import Path

from offline.services.files import write_private
from offline.services.private import Endpoint
from offline.stack.plan import StackPlan


def stack_env(plan: StackPlan, endpoints: Mapping[str, Endpoint], *, api_url: str) -> dict[str, str]:
    """Return the keys other commands may rely on."""
    ports = plan.ports
    return {
        "API_URL": api_url,
        "CLIENT_ID": plan.client_id,
        "CLIENT_SECRET": plan.client_secret,
        "ADMIN_EMAIL": plan.admin_email,
        "ADMIN_PASSWORD": plan.admin_password,
        "DATABASE_URL": endpoints["postgresql"].url,
        "REDIS_URL": endpoints["valkey"].url,
        "RABBITMQ_URL": endpoints["rabbitmq"].url,
        "RABBITMQ_MANAGEMENT_URL": endpoints["rabbitmq"].management_url or "",
        "SMTP_URL": f"smtp://127.0.0.1:{ports['smtp']}",
        "MAIL_URL": f"http://127.0.0.1:{ports['mail']}",
        "FCM_URL": f"http://127.0.0.1:{ports['fcm']}",
    }


def write_stack_env(file: Path, values: Mapping[str, str]) -> None:
    """Write one KEY=value a line; only the owner can read it."""
    write_private(file, "".join(f"{key}={value}\n" for key, value in values.items()))


def read_stack_env(file: Path) -> dict[str, str]:
    """Return what `up` wrote. Raises FileNotFoundError while the stack is down."""
    pairs = (line.partition("=") for line in file.read_text().splitlines())
    return {key: value for key, _, value in pairs}
