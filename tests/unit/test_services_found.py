"""Which server is used, and what is said when there is none."""

from pathlib import Path

from offline.services.binaries import find_rabbitmq, version_of
from offline.services.given import given_in
from offline.services.missing import missing


def test_only_services_whose_url_is_set_are_given() -> None:
    assert set(given_in({"REDIS_URL": "redis://cache.internal:6379/0", "DATABASE_URL": ""})) == {"valkey"}


def test_what_is_missing_is_told_at_once_with_one_command() -> None:
    message = str(missing({"postgresql": "it is not installed", "rabbitmq": "apt cannot reach its mirrors"}))
    assert "PostgreSQL cannot be run here: it is not installed." in message
    assert "RabbitMQ cannot be run here: apt cannot reach its mirrors." in message
    assert message.count("\n  ") == 1


def test_a_broker_without_its_erlang_is_not_found(tmp_path: Path) -> None:
    server = tmp_path / "usr/lib/rabbitmq/bin/rabbitmq-server"
    server.parent.mkdir(parents=True)
    server.touch()
    assert find_rabbitmq(tmp_path) is None
    erl = tmp_path / "usr/lib/erlang/bin/erl"
    erl.parent.mkdir(parents=True)
    erl.touch()
    found = find_rabbitmq(tmp_path)
    assert found is not None
    assert (found.server, found.erl) == (server, erl)


def test_a_program_that_cannot_run_has_no_version(tmp_path: Path) -> None:
    foreign = tmp_path / "server"
    foreign.write_bytes(b"\x7fELF for another machine")
    foreign.chmod(0o755)
    assert version_of(foreign) is None
    assert version_of(tmp_path / "absent") is None
