"""What may be said to `migrate`."""

import pytest
from pydantic import ValidationError

from chalicelib.domain.principal import Scope
from chalicelib.handlers.migrate import MigrateEvent

SECRET = "hunter2-and-a-lot-of-random-bits"
CLIENT = {"client_id": "demo", "client_secret": SECRET, "name": "Demo", "scopes": ["notifications:send"]}
ADMIN = {"email": "admin@example.com", "password": "hunter2-hunter2"}


def test_nothing_said_migrates_only() -> None:
    event = MigrateEvent.model_validate({})
    assert (event.first_admin, event.first_client) == (None, None)


def test_the_first_people_are_read() -> None:
    event = MigrateEvent.model_validate({"first_admin": ADMIN, "first_client": CLIENT})
    assert event.first_admin is not None
    assert event.first_client is not None
    assert event.first_admin.command().password == "hunter2-hunter2"
    assert event.first_client.command().scopes == {Scope.NOTIFICATIONS_SEND}


def test_what_a_scheduler_adds_is_ignored() -> None:
    assert MigrateEvent.model_validate({"source": "aws.events", "time": "now"}).first_admin is None


@pytest.mark.parametrize(
    "event",
    [
        {"first_admin": {**ADMIN, "typo": 1}},
        {"first_admin": {"email": "admin@example.com"}},
        {"first_client": {**CLIENT, "scopes": ["everything", "hunter2"]}},
        {"first_client": "hunter2"},
        {"first_admin": {**ADMIN, "password": "hunter2"}},
        {"first_admin": {**ADMIN, "password": "hunter2" * 11}},
        {"first_admin": {**ADMIN, "email": "hunter2"}},
        {"first_client": {**CLIENT, "client_secret": "hunter2"}},
        {"first_client": {**CLIENT, "client_id": "a/b"}},
    ],
    ids=[
        *("unknown-field", "no-password", "unknown-scope", "no-object", "short-password", "long-password", "no-email"),
        *("guessable-secret", "no-id"),
    ],
)
def test_a_malformed_wish_is_refused_without_showing_a_secret(event: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        MigrateEvent.model_validate(event)
    assert "hunter2" not in str(refused.value)


def test_a_secret_does_not_show() -> None:
    event = MigrateEvent.model_validate({"first_admin": ADMIN, "first_client": CLIENT})
    assert event.first_admin is not None
    assert "hunter2" not in repr(event)
    assert "hunter2" not in repr(event.first_admin.command())
