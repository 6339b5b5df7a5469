"""What a rehearsal forgives: that nobody listens, said by the errors that say so. Nothing else."""

import json
from collections.abc import Sequence

import pytest

from chalicelib.settings import Settings
from infra.build.in_package import EVERYTHING
from infra.build.invoking import Invoked
from infra.build.rehearsal import flaw_of
from infra.build.rehearsal_settings import complete_settings

FRAMES = """Traceback (most recent call last):
  File "/package/chalicelib/handlers/functions.py", line 45, in relay
    relaying.relay(remaining_s)()
    ^^^^^^^^^^^^^^
"""
CAUSED = "\nThe above exception was the direct cause of the following exception:\n\n"
AWAY = "chalicelib.errors.DatabaseUnavailable: PostgreSQL: OperationalError\n"
WHERE = 'File "/package/chalicelib/handlers/functions.py", line 45, in relay'


@pytest.mark.parametrize(
    "error",
    [
        AWAY,
        "chalicelib.errors.BrokerUnavailable\n",
        "chalicelib.errors.CacheUnavailable: nobody\nNameError: of the message\n",
        "sqlalchemy.exc.OperationalError: (psycopg.OperationalError) connection failed\n\tIs the server running?\n",
    ],
)
def test_a_server_that_is_away_is_what_a_rehearsal_expects(error: str) -> None:
    assert flaw_of(Invoked("relay", raised=f"{FRAMES}NameError: a\n{CAUSED}{FRAMES}{error}")) is None


@pytest.mark.parametrize(
    "error",
    [
        "NameError: name 'relayed' is not defined",
        "AttributeError: 'Relay' object has no attribute 'relay'",
        "TypeError: relay() takes 0 positional arguments but 1 was given",
        "ImportError: no name of a module",
        "KeyError: 'Records'",
        "chalicelib.errors.InvalidSettings: JWT_ISSUER: Field required",
        "chalicelib.errors.SecretUnavailable: nobody asked for one",
        "sqlalchemy.exc.ProgrammingError: no such table",
        "AssertionError",
    ],
)
def test_every_other_error_is_named_with_its_function_and_line(error: str) -> None:
    raised = f"{FRAMES}{AWAY}{CAUSED}{FRAMES}{error}\n"
    assert flaw_of(Invoked("relay", raised=raised)) == f"relay ends in {error}: {WHERE}"


def test_errors_that_come_together_are_none_that_was_expected() -> None:
    raised = f"  + Exception Group Traceback (most recent call last):\n  | ExceptionGroup: two\n    | {AWAY}"
    assert flaw_of(Invoked("relay", raised=raised)) is not None


def test_a_module_connects_to_nobody_when_it_is_imported() -> None:
    assert flaw_of(Invoked(EVERYTHING, raised=f"{FRAMES}{AWAY}")) is not None
    assert flaw_of(Invoked(EVERYTHING)) is None


@pytest.mark.parametrize(
    ("statuses", "named"),
    [((500, 503), "GET /health with 500"), ((200, 500), "GET /health/ready with 500"), ((404, 503), "with 404")],
)
def test_an_answer_that_is_not_the_one_of_the_route_is_told_with_the_last_words(
    statuses: Sequence[int], named: str
) -> None:
    flaw = flaw_of(answering(*statuses))
    assert flaw is not None
    assert named in flaw
    assert flaw.endswith(": the last words")


def test_what_the_edge_logged_of_an_error_is_told_once() -> None:
    error = {"kind": "NameError", "stack": ["/package/http.py:101 exchange", "/package/health.py:36 alive"]}
    cause = {"kind": "KeyError", "stack": ["/package/rows.py:1 row"]}
    failed = json.dumps({"level": "ERROR", "raised": [error, cause]}, separators=(",", ":"))
    answered = json.dumps({"level": "INFO", "message": "request_answered"}, separators=(",", ":"))
    flaw = flaw_of(answering(500, 500, printed="\n".join(["a warning", failed, answered, failed])))
    assert flaw is not None
    assert flaw.endswith("and not with 503: NameError at /package/health.py:36 alive")


def test_the_api_lives_and_is_not_ready() -> None:
    assert flaw_of(answering(200, 503)) is None


def test_the_rehearsal_gives_every_required_setting_and_no_other() -> None:
    required = {name.upper() for name, field in Settings.model_fields.items() if field.is_required()}
    assert set(complete_settings()) == required


def answering(*statuses: int, printed: str = "the last words") -> Invoked:
    return Invoked("api_handler", answers=[{"statusCode": status} for status in statuses], printed=printed)
