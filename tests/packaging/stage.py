"""Where the functions of a package play: a database, a virtual host and sinks of their own, on the real servers."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pika
import psycopg
import redis
from psycopg import sql

from offline.doubles.fcm_double import RunningFcmDouble, running_fcm_double
from offline.doubles.mail_sink import RunningMailSink, running_mail_sink
from offline.emulator.rmq_event import build_event, encode_record
from offline.services.management import ask
from offline.services.private import Endpoint
from tests.configured import signing_key
from tests.service_account import service_account_json

Json = Any  # events and answers are of many shapes

NAME = "packaging"


@dataclass(frozen=True, slots=True)
class Stage:
    """`settings` is the whole environment of the functions."""

    settings: Mapping[str, str]
    mail: RunningMailSink
    fcm: RunningFcmDouble

    def take(self, queue: str) -> Json:
        """The event with everything that lies in a queue, which is empty then."""
        url = self.settings["RABBITMQ_URL"]
        records: list[Json] = []
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            channel = connection.channel()
            while True:
                method, properties, body = channel.basic_get(queue, auto_ack=True)
                if method is None or properties is None or body is None:
                    return build_event(queue=queue, virtual_host=NAME, records=records)
                records.append(encode_record(body=body, properties=properties, redelivered=method.redelivered))

    def mails(self) -> list[Json]:
        return list(httpx.get(f"{self.mail.http_url}/messages").json())

    def pushes(self) -> list[Json]:
        return list(httpx.get(f"{self.fcm.url}/messages").json())


@contextmanager
def standing_stage(servers: Mapping[str, Endpoint]) -> Iterator[Stage]:
    """Make it, and take it down again."""
    with (
        _database(servers["postgresql"].url) as database_url,
        _virtual_host(servers["rabbitmq"]) as rabbitmq_url,
        _cache(servers["valkey"].url) as redis_url,
        running_mail_sink() as mail,
        running_fcm_double() as fcm,
    ):
        settings = {
            "DATABASE_URL": database_url,
            "RABBITMQ_URL": rabbitmq_url,
            "REDIS_URL": redis_url,
            "EMAIL_PROVIDERS": f"{mail.smtp_url}?tls=none",
            "EMAIL_FROM": "carillon@example.com",
            "FCM_PROJECT_ID": "test",
            "FCM_CREDENTIALS": service_account_json(fcm.token_uri),
            "FCM_ENDPOINT": fcm.url,
            "JWT_PRIVATE_KEYS": json.dumps({"first": signing_key()}),
            "JWT_ISSUER": "https://carillon.test",
            "JWT_AUDIENCE": "carillon",
            "RATE_LIMIT_CLIENT": "1000/minute",
            "AWS_LAMBDA_FUNCTION_NAME": NAME,
            "AWS_REGION": "eu-west-1",
        }
        yield Stage(settings, mail, fcm)


@contextmanager
def _database(url: str) -> Iterator[str]:
    with psycopg.connect(url, autocommit=True) as connection:
        name = sql.Identifier(NAME)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            yield f"{url.rpartition('/')[0]}/{NAME}"
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@contextmanager
def _virtual_host(server: Endpoint) -> Iterator[str]:
    assert server.management_url is not None
    ask(server.management_url, f"/api/vhosts/{quote(NAME)}", method="PUT")
    try:
        yield f"{server.url.rpartition('/')[0]}/{NAME}"
    finally:
        ask(server.management_url, f"/api/vhosts/{quote(NAME)}", method="DELETE")


@contextmanager
def _cache(url: str) -> Iterator[str]:
    own = f"{url.rpartition('/')[0]}/2"
    with redis.Redis.from_url(own) as client:
        client.flushdb()
        yield own
        client.flushdb()
