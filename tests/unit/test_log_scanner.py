"""The scanner of logs finds what is planted, and lets pass what honest lines hold."""

import json
from pathlib import Path

import pytest

from tests.log_scanner import TELLTALES, flaw_of, scan

GOOD = {"level": "INFO", "message": "request_answered", "route": "POST /v1/users", "correlation_id": "a" * 32}
SECRETS = {"the client's secret": "hush-hush"}
LEAKS = {
    "an e-mail address": "user ada.o'hara+x@example.com is there",
    "a JWT": "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2ln",
    "a bearer token": "Authorization: Bearer abcdefghijkl",
    "a device token": "device-0123456789abcdef0123456789abcdef",
    "a refresh token": f"{'s' * 22}.{'R' * 43}",
    "a random secret": "x" * 20 + "Ab1" + "y" * 20,
    "a private key": "-----BEGIN PRIVATE KEY-----",
    "a password in a URL": "amqp://carillon:letmein@127.0.0.1:5672/",
    "a field of a body": '{"password": "correct horse"}',
}


def written(folder: Path, *lines: str, name: str = "front.log") -> Path:
    folder.joinpath(name).write_text("".join(f"{line}\n" for line in lines))
    return folder


def test_each_kind_of_leak_is_found_wherever_it_stands(tmp_path: Path) -> None:
    assert LEAKS.keys() == TELLTALES.keys()
    good = json.dumps(GOOD)
    for what, text in LEAKS.items():
        for name, line in (("postgresql.log", text), ("front.log", json.dumps({**GOOD, "detail": text}))):
            found = scan(written(tmp_path, good, good, line, name=name), secrets=SECRETS)
            assert [leak.where for leak in found if leak.what == what] == [f"{name}:3"], what
            tmp_path.joinpath(name).unlink()


def test_a_known_secret_is_found_and_not_repeated(tmp_path: Path) -> None:
    (leak,) = scan(written(tmp_path, json.dumps({**GOOD, "x": "is hush-hush."})), secrets=SECRETS)
    assert str(leak) == "front.log:1: the client's secret: …"


def test_bytes_that_are_no_text_hide_nothing(tmp_path: Path) -> None:
    tmp_path.joinpath("rabbitmq.log").write_bytes(b"\xff\xfe ada@example.com \x00\n")
    assert [leak.what for leak in scan(tmp_path, secrets={})] == ["an e-mail address"]


@pytest.mark.parametrize(
    "line",
    [
        json.dumps(GOOD),
        json.dumps({"_aws": {"Timestamp": 1}, "delivery_sent": [1.0]}),
        json.dumps({**GOOD, "correlation_id": "campaign-c4bb555e0ec147b88785477d1bcd9c0a", "client": "user:0192d3f0"}),
        json.dumps({**GOOD, "raised": [{"kind": "psycopg.errors.X", "stack": ["/app/stores/users.py:12 insert"]}]}),
        "front ready: http://127.0.0.1:3000 (2 environments)",
        "",
    ],
)
def test_an_honest_line_passes(tmp_path: Path, line: str) -> None:
    assert scan(written(tmp_path, line), secrets=SECRETS) == []


@pytest.mark.parametrize(
    ("line", "flaw"),
    [
        ("Traceback (most recent call last):", "no JSON"),
        ("[1, 2]", "no JSON object"),
        ('{"message": "Sent to somebody"}', "a message that is no constant"),
        ('{"level": "INFO"}', "a message that is no constant"),
        ('{"message": 7}', "a message that is no constant"),
    ],
)
def test_a_line_of_a_function_is_json_with_a_constant_message(line: str, flaw: str) -> None:
    assert flaw_of(line) == flaw


def test_what_servers_write_has_a_form_of_its_own(tmp_path: Path) -> None:
    assert scan(written(tmp_path, "LOG:  ready to accept connections", name="postgresql.log"), secrets={}) == []
