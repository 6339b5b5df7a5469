"""What the emulator's tests work with: a journal that handlers report to, and a queue of one's own."""

import base64
import json
import os
import queue
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pika
from pika.adapters.blocking_connection import BlockingChannel

HANDLERS_FOLDER = Path(__file__).parent
PATIENCE_S = 15.0

# Events and orders are free JSON.
Json = Any


@dataclass(frozen=True, slots=True)
class Visit:
    """An invocation of `handlers.obey` that waits for its order."""

    report: Json
    connection: socket.socket

    @property
    def pid(self) -> int:
        """The process it runs in."""
        return int(self.report["pid"])

    @property
    def records(self) -> list[Json]:
        """The messages of its event."""
        return [one for records in self.report["event"]["rmqMessagesByQueue"].values() for one in records]

    @property
    def bodies(self) -> list[str]:
        """Their bodies, in order."""
        return [base64.b64decode(record["data"]).decode() for record in self.records]

    @property
    def redelivered(self) -> set[bool]:
        """The values that their flag has."""
        return {record["redelivered"] for record in self.records}

    def succeed(self, result: Json = None) -> None:
        """Let the handler return."""
        self._order({"do": "return", "result": result})

    def fail(self) -> None:
        """Let the handler raise."""
        self._order({"do": "raise", "message": "told to fail"})

    def exit(self, status: int) -> None:
        """Let the process exit."""
        self._order({"do": "exit", "status": status})

    def hang(self) -> None:
        """Let the handler never return."""
        self._order({"do": "hang"})

    def _order(self, order: Json) -> None:
        with self.connection:
            self.connection.sendall(json.dumps(order).encode() + b"\n")


class Journal:
    """Collects visits in the order in which they come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._visits: queue.Queue[Visit] = queue.Queue()
        self._connections: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def environ(self) -> dict[str, str]:
        """What a function's environment needs for `handlers.obey`."""
        return {"JOURNAL": str(self.path), "PYTHONPATH": str(HANDLERS_FOLDER)}

    def next(self, timeout_s: float = PATIENCE_S) -> Visit:
        """The next invocation. Raises queue.Empty."""
        return self._visits.get(timeout=timeout_s)

    def stays_silent(self, for_s: float) -> bool:
        """Whether nothing is invoked for so long."""
        try:
            self._visits.get(timeout=for_s)
        except queue.Empty:
            return True
        return False

    def close(self) -> None:
        """Take no more visits; handlers that still wait are let go."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            with connection.makefile() as lines:
                line = lines.readline()
            self._visits.put(Visit(json.loads(line), connection))


class TestQueue:
    """A durable quorum queue with a name that nobody else has."""

    __test__ = False

    def __init__(self, *, channel: BlockingChannel, url: str) -> None:
        self.url = url
        self.name = f"emulator-{uuid.uuid4().hex[:12]}"
        self.virtual_host = virtual_host_of(url)
        self._channel = channel
        self.declare()

    def declare(self) -> None:
        """Create it, (again) if it was deleted."""
        self._channel.queue_declare(self.name, durable=True, arguments={"x-queue-type": "quorum"})

    def publish(self, *bodies: str | bytes, properties: pika.BasicProperties | None = None) -> None:
        """Put messages in, confirmed."""
        for body in bodies:
            content = body.encode() if isinstance(body, str) else body
            self._channel.basic_publish("", self.name, content, properties=properties)

    def publish_unconfirmed(self, body: bytes, *, count: int) -> None:
        """Put many in, fast; returns when the broker has them."""
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            channel = connection.channel()
            for _ in range(count):
                channel.basic_publish("", self.name, body)
            connection.process_data_events()
            assert eventually(lambda: self.ready() == count)  # a quorum queue may lose what a closed channel has sent

    def ready(self) -> int:
        """How many messages wait for a consumer."""
        count: int = self._channel.queue_declare(self.name, passive=True).method.message_count
        return count

    def delete(self) -> None:
        """Remove it, if it is still there."""
        self._channel.queue_delete(self.name)


def virtual_host_of(url: str) -> str:
    """The virtual host that an AMQP URL names."""
    path = urlsplit(url).path
    return unquote(path[1:]) if len(path) > 1 else "/"


@contextmanager
def open_queue(url: str) -> Iterator[TestQueue]:
    """A queue that is deleted afterwards."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        own_queue = TestQueue(channel=channel, url=url)
        yield own_queue
        own_queue.delete()


def eventually(holds: Callable[[], bool], timeout_s: float = PATIENCE_S) -> bool:
    """Whether something outside this process becomes true in time."""
    pause = threading.Event()
    deadline_s = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline_s:
            return False
        pause.wait(0.005)
    return True


def exists(pid: int) -> bool:
    """Whether a process runs (or is stopped); a zombie does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
