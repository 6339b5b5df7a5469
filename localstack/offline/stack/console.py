"""What the commands say while they work: a line per step."""

import contextlib
import threading
from collections.abc import Mapping

_TITLES: Mapping[str, str] = {
    "postgresql": "PostgreSQL",
    "valkey": "Valkey",
    "rabbitmq": "RabbitMQ",
    "mail-sink": "Mail sink",
    "fcm-double": "FCM double",
    "migrate": "Migrations",
    "front": "HTTP API",
    "emulator": "Event sources",
    "localstack": "LocalStack",
    "deploy": "Deployment",
}
_one_line_at_a_time = threading.Lock()


def say(name: str, text: str) -> None:
    """Print one line about one part, from whatever thread."""
    headline(f"  {_TITLES.get(name, name):<14} {text}".rstrip())


def headline(text: str) -> None:
    """Print a line that stands for itself. A terminal that was closed keeps nobody from cleaning up."""
    with _one_line_at_a_time, contextlib.suppress(OSError):
        print(text, flush=True)
