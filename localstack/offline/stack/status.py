"""A table of what runs: process, port, state; and how much waits in each queue."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from offline.services.fleet import PROCESSES
from offline.services.management import ask
from offline.services.private import NotHealthy
from offline.services.processes import Processes
from offline.stack import parts
from offline.stack.layout import Layout
from offline.stack.plan import read_plan
from offline.stack.stack_env import read_stack_env

_SERVERS: Mapping[str, str] = {"postgresql": "DATABASE_URL", "valkey": "REDIS_URL", "rabbitmq": "RABBITMQ_URL"}
_OURS: Mapping[str, str] = {
    "mail-sink": "MAIL_URL",
    "fcm-double": "FCM_URL",
    "front": "API_URL",
    "localstack": "API_URL",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One process of the stack. `pid` is None for a server that is not ours, and for one that does not run."""

    name: str
    state: str
    pid: int | None
    address: str


def status(layout: Layout, runners: Iterable[str]) -> list[Row]:
    """Return a row for each process, those named that run the functions last; none while the stack is down."""
    plan = read_plan(layout.plan)
    if plan is None:
        return []
    processes = Processes(records=layout.processes, logs=layout.logs, mark=plan.mark)
    addresses = {**_addresses(layout.stack_env), "emulator": f"127.0.0.1:{plan.ports['control']}"}
    recorded = processes.names()
    rows = []
    for name in (*reversed(PROCESSES), *parts.DOUBLES, *runners):
        record = processes.find(name)
        state = "running" if record is not None else "not ours" if _is_given(layout, name) else "dead"
        rows.append(Row(name, state, None if record is None else record.pid, addresses.get(name, "")))
    return [row for row in rows if row.name != "epmd" or row.name in recorded]


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One queue: the messages that wait, those being delivered, and how many take from it."""

    name: str
    waiting: int
    in_work: int
    consumers: int


def queue_rows(layout: Layout) -> list[QueueRow]:
    """Return a row for each queue, in order of their names; none when the broker cannot be asked."""
    try:
        management_url = read_stack_env(layout.stack_env)["RABBITMQ_MANAGEMENT_URL"]
        queues = ask(management_url, "/api/queues")
    except (FileNotFoundError, NotHealthy):
        return []
    listed = queues if isinstance(queues, list) else []
    rows = [
        QueueRow(
            name=str(queue["name"]),
            waiting=int(queue.get("messages_ready", 0)),
            in_work=int(queue.get("messages_unacknowledged", 0)),
            consumers=int(queue.get("consumers", 0)),
        )
        for queue in listed
    ]
    return sorted(rows, key=lambda row: row.name)


def _is_given(layout: Layout, name: str) -> bool:
    return name in _SERVERS and not layout.services.joinpath(name, "plan.json").exists()


def _addresses(stack_env: Path) -> dict[str, str]:
    try:
        values = read_stack_env(stack_env)
    except FileNotFoundError:
        return {}
    return {name: _address(values[key]) for name, key in {**_SERVERS, **_OURS}.items()}


def _address(url: str) -> str:
    """Return host and port alone: a URL of a server holds its password."""
    parts_of = urlsplit(url)
    return f"{parts_of.hostname}:{parts_of.port}" if parts_of.port else str(parts_of.hostname)


def print_status(layout: Layout, runners: Iterable[str] = parts.RUNNERS, *, up: str = "make up") -> int:
    """Print the table; return 0 when everything runs, 1 when something does not, 3 when the stack is down."""
    rows = status(layout, runners)
    if not rows:
        print(f"The stack is down. `{up}` brings it up.")
        return 3
    print(f"{'process':<12} {'state':<9} {'pid':>8}  address")
    for row in rows:
        print(f"{row.name:<12} {row.state:<9} {row.pid or '':>8}  {row.address}")
    queues = queue_rows(layout)
    if queues:
        print(f"\n{'queue':<24} {'waiting':>8} {'in work':>8} {'consumers':>10}")
    for queue in queues:
        print(f"{queue.name:<24} {queue.waiting:>8} {queue.in_work:>8} {queue.consumers:>10}")
    return 1 if any(row.state == "dead" for row in rows) else 0
