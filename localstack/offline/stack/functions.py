"""Which Lambda functions there are besides the HTTP one, and what invokes each."""

import json
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from infra.functions import CONSUMERS
from offline.stack.layout import REPOSITORY

# Too short for a second pass within one invocation: locally the schedule's own rhythm is the relay's.
_RELAY_TIMEOUT_S = 14
_RELAY_EVERY_S = 2
# In AWS it is every minute: here somebody is watching.
_MEASURE_EVERY_S = 10
_MEASURE_TIMEOUT_S = 60
_PURGE_EVERY_S = 86_400
_PURGE_TIMEOUT_S = 60
# An environment is replaced by a cold one now and then, as in Lambda: nothing may depend on its memory.
_RECYCLE_AFTER = 500

FUNCTION_TIMEOUT_S = 60
"""Of the functions that consume a queue; a claim's lease follows from it."""


def emulator_config(*, settings: Mapping[str, str], broker_url: str, control_port: int, function_timeout_s: int) -> str:
    """Return the emulator's configuration file: a function and a mapping a queue, and what runs on schedules."""
    functions = {
        **{name: _function(name, settings, timeout_s=function_timeout_s) for name in CONSUMERS},
        "relay": _function("relay", settings, timeout_s=_RELAY_TIMEOUT_S),
        "measure_queues": _function("measure_queues", settings, timeout_s=_MEASURE_TIMEOUT_S),
        "purge": _function("purge", settings, timeout_s=_PURGE_TIMEOUT_S),
    }
    return json.dumps(
        {
            "control_port": control_port,
            "functions": functions,
            "mappings": [_mapping(name, queue, broker_url) for name, queue in CONSUMERS.items()],
            "schedules": [
                _schedule("relay", every_s=_RELAY_EVERY_S),
                _schedule("measure_queues", every_s=_MEASURE_EVERY_S),
                _schedule("purge", every_s=_PURGE_EVERY_S),
            ],
        },
        indent=1,
    )


def _function(name: str, settings: Mapping[str, str], *, timeout_s: int) -> dict[str, object]:
    return {
        "handler": f"app.{name}",
        "timeout_s": timeout_s,
        "environment": {**settings, "PYTHONPATH": str(REPOSITORY)},
        "cwd": str(REPOSITORY),
        "recycle_after": _RECYCLE_AFTER,
    }


def _schedule(function: str, *, every_s: int) -> dict[str, object]:
    return {"name": function, "function": function, "every_s": every_s, "overlap": True}


def _mapping(function: str, queue: str, broker_url: str) -> dict[str, object]:
    return {
        "name": function,
        "function": function,
        "queue": queue,
        "virtual_host": unquote(urlsplit(broker_url).path.removeprefix("/")) or "/",
        "broker_url": broker_url,
        "batch_size": 100,
        "window_ms": 500,
    }
