"""A configuration is refused before anything starts, with the place of every fault."""

from typing import Any

import pytest
from pydantic import ValidationError

from offline.emulator.config import EmulatorConfig

# A configuration file's content.
Json = Any


def config(*, function: Json = None, mapping: Json = None, schedule: Json = None) -> Json:
    return {
        "control_port": 0,
        "functions": {"worker": {"handler": "app.work", **(function or {})}},
        "mappings": [
            {"name": "m", "function": "worker", "queue": "q", "broker_url": "amqp://localhost", **(mapping or {})}
        ],
        "schedules": [{"name": "s", "function": "worker", "every_s": 2, **(schedule or {})}],
    }


def test_the_defaults_are_those_of_lambda() -> None:
    parsed = EmulatorConfig.model_validate(config())
    mapping = parsed.mappings[0]
    assert (mapping.batch_size, mapping.window_ms, mapping.virtual_host, mapping.enabled) == (100, 500, "/", True)
    assert parsed.functions["worker"].timeout_s == 3
    assert parsed.schedules[0].overlap


@pytest.mark.parametrize(
    "wrong",
    [
        config(function={"handler": "no_module"}),
        config(function={"timeout_s": 901}),
        config(function={"timeout_s": 14 * 60 + 1}),
        config(function={"colour": "red"}),
        config(function={"cwd": "/no/such/folder"}),
        config(mapping={"batch_size": 10_001}),
        config(mapping={"batch_size": 0}),
        config(mapping={"function": "nobody"}),
        config(mapping={"broker_url": "http://localhost"}),
        config(mapping={"payload_limit_bytes": 6 * 1024 * 1024 + 1}),
        config(mapping={"filter_criteria": {"Filters": [{"Pattern": '{"redelivered": [true]}'}]}}),
        config(schedule={"function": "nobody"}),
        config(schedule={"every_s": 0}),
        {**config(), "mappings": config()["mappings"] * 2},
        {**config(), "schedules": config()["schedules"] * 2},
    ],
)
def test_what_lambda_would_refuse_is_refused(wrong: Json) -> None:
    with pytest.raises(ValidationError):
        EmulatorConfig.model_validate(wrong)


def test_a_function_that_is_not_mapped_may_run_for_fifteen_minutes() -> None:
    unmapped = {**config(function={"timeout_s": 900}), "mappings": []}
    assert EmulatorConfig.model_validate(unmapped).functions["worker"].timeout_s == 900


def test_a_broker_url_is_not_shown() -> None:
    parsed = EmulatorConfig.model_validate(config(mapping={"broker_url": "amqp://user:secret@localhost"}))
    assert "secret" not in repr(parsed)
