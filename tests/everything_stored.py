"""All that the servers hold and that was logged, as text: for a test that looks for words that must not be there."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import redis
from psycopg import sql

from offline.services.management import ask

_COLUMNS = """
    SELECT c.table_schema, c.table_name, c.column_name, c.data_type
      FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
     WHERE c.table_schema NOT IN ('pg_catalog', 'information_schema') AND t.table_type = 'BASE TABLE'
     ORDER BY 1, 2, 3
"""


def in_postgresql(url: str) -> Iterator[tuple[str, str]]:
    """Each value of each column of each table of each schema, with where it stands."""
    with psycopg.connect(url) as connection:
        for schema, table, column, kind in connection.execute(_COLUMNS).fetchall():
            text = "encode({}, 'escape')" if kind == "bytea" else "{}::text"
            statement = sql.SQL("SELECT " + text + " FROM ONLY {}.{}").format(
                *map(sql.Identifier, (column, schema, table))
            )
            for (value,) in connection.execute(statement):
                yield f"{schema}.{table}.{column}", value or ""


def in_redis(url: str) -> Iterator[tuple[str, str]]:
    """Each key and each value of one database of Redis, with the key."""
    with redis.Redis.from_url(url, decode_responses=True) as client:
        for name in client.scan_iter():
            kind = client.type(name)
            value: Any = {  # Any: what each kind of value is
                "string": lambda: client.get(name),  # noqa: B023  called within this round
                "hash": lambda: client.hgetall(name),  # noqa: B023
                "zset": lambda: client.zrange(name, 0, -1, withscores=True),  # noqa: B023
                "set": lambda: client.smembers(name),  # noqa: B023
                "list": lambda: client.lrange(name, 0, -1),  # noqa: B023
            }[str(kind)]()
            yield f"redis {name}", f"{name} {value}"


def in_rabbitmq(management_url: str, vhost: str = "/") -> Iterator[tuple[str, str]]:
    """Each message that waits in a queue, properties and body; it stays where it is."""
    named = quote(vhost, safe="")
    queues: Any = ask(management_url, f"/api/queues/{named}")
    for queue in queues:
        path = f"/api/queues/{named}/{quote(queue['name'])}/get"
        wish = {"count": 1000, "ackmode": "ack_requeue_true", "encoding": "base64"}
        messages: Any = ask(management_url, path, method="POST", body=wish)
        for message in messages:
            body = base64.b64decode(message["payload"]) if message["payload_encoding"] == "base64" else b""
            yield f"queue {queue['name']}", f"{message['properties']} {body!r} {message['payload']}"


def in_files(folder: Path) -> Iterator[tuple[str, str]]:
    """Each line of each file below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            for line in path.read_text(errors="replace").splitlines():
                yield f"file {path.name}", line


def found(places: Iterator[tuple[str, str]], words: Sequence[str]) -> Mapping[str, str]:
    """Where any of the words stands, whatever its case; the last of each kind of place."""
    sought = [word.casefold() for word in words]
    return {place: text for place, text in places if any(word in text.casefold() for word in sought)}
