"""The three real servers over their life: given, crashed, repaired, gone."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pika
import psycopg
import pytest
import redis

from offline.services import kernel
from offline.services.errors import ServerFailed
from offline.services.fleet import NAMES, PROCESSES, Fleet
from offline.services.private import Endpoint, Site
from offline.services.processes import Processes
from offline.stack.stack import Stack
from offline.stack.testbed import private_stack


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack below a folder that no other user may enter, as a home directory may be."""
    tmp_path.chmod(0o700)
    with private_stack(parent=tmp_path) as stack:
        yield stack


def fleet_given(environment: dict[str, str], folder: Path) -> Fleet:
    processes = Processes(records=folder / "processes", logs=folder / "logs", mark=folder.name)
    site = Site(
        folder=folder / "services",
        cache=folder / "cache",
        processes=processes,
        prefer_default_ports=False,
        cancelled=threading.Event(),
    )
    return Fleet(site=site, environment=environment)


def test_a_given_service_is_used_and_never_stopped(servers: dict[str, Endpoint], tmp_path: Path) -> None:
    urls = {
        "DATABASE_URL": servers["postgresql"].url,
        "REDIS_URL": servers["valkey"].url,
        "RABBITMQ_URL": servers["rabbitmq"].url,
    }
    fleet = fleet_given(urls, tmp_path)
    found = fleet.start(lambda *_: None)
    assert [found[name].url for name in NAMES] == list(urls.values())
    assert {endpoint.source for endpoint in found.values()} == {"environment"}
    assert list(tmp_path.iterdir()) == []
    fleet.stop()
    assert fleet_given(urls, tmp_path).start(lambda *_: None).keys() == found.keys()


def test_a_given_service_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    fleet = fleet_given({"REDIS_URL": "redis://:hidden-word@127.0.0.1:1/0"}, tmp_path)
    with pytest.raises(ServerFailed, match="REDIS_URL") as failure:
        fleet.start(lambda *_: None, ("valkey",))
    assert "hidden-word" not in str(failure.value)


def test_killed_servers_come_back_with_their_data_on_their_ports(own_stack: Stack) -> None:
    before = own_stack.serve()
    leave_traces(before)
    for name in NAMES:
        own_stack.kill(name)
    after = own_stack.serve()
    assert {name: endpoint.url for name, endpoint in after.items()} == {
        name: endpoint.url for name, endpoint in before.items()
    }
    assert traces(after) == ("kept", b"kept", b"kept")


def test_servers_listen_on_loopback_alone_and_leave_nothing_behind(own_stack: Stack) -> None:
    own_stack.serve()
    pids = [pid for name in PROCESSES for pid in own_stack.pids(name)]
    assert {address for pid in pids for address in listening_addresses(pid)} <= {"0100007F", "0" * 24 + "01000000"}
    secrets = [
        file for file in own_stack.layout.root.rglob("*") if file.name in ("plan.json", "valkey.conf", "rabbitmq.conf")
    ]
    assert {file.stat().st_mode & 0o777 for file in secrets} == {0o600}
    own_stack.down()
    assert [pid for pid in pids if kernel.look(pid) is not None] == []
    assert not own_stack.layout.root.joinpath("services").exists()


def leave_traces(endpoints: dict[str, Endpoint]) -> None:
    with psycopg.connect(endpoints["postgresql"].url) as database:
        database.execute("CREATE TABLE trace AS SELECT 'kept' AS word")
    with redis.Redis.from_url(endpoints["valkey"].url) as cache:
        cache.set("trace", "kept")
        cache.waitaof(1, 0, 5000)
    connection = pika.BlockingConnection(pika.URLParameters(endpoints["rabbitmq"].url))
    channel = connection.channel()
    channel.confirm_delivery()
    # RabbitMQ 3.10 forgets a quorum queue that was declared less than a second before it is killed.
    channel.queue_declare("trace", durable=True, arguments={"x-queue-type": "classic"})
    channel.basic_publish("", "trace", b"kept", pika.BasicProperties(delivery_mode=2))
    connection.close()


def traces(endpoints: dict[str, Endpoint]) -> tuple[str, bytes | None, bytes | None]:
    with psycopg.connect(endpoints["postgresql"].url) as database:
        row = database.execute("SELECT word FROM trace").fetchone()
    with redis.Redis.from_url(endpoints["valkey"].url) as cache:
        kept = cache.get("trace")
    connection = pika.BlockingConnection(pika.URLParameters(endpoints["rabbitmq"].url))
    _, _, message = connection.channel().basic_get("trace", auto_ack=True)
    connection.close()
    assert row is not None
    assert kept is None or isinstance(kept, bytes)
    return row[0], kept, message


def listening_addresses(pid: int) -> set[str]:
    """Return the local addresses, as /proc/net/tcp writes them, on which a process listens."""
    links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()]
    inodes = {link.removeprefix("socket:[").rstrip("]") for link in links}
    lines = [line for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    rows = [line.split() for line in lines]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}
