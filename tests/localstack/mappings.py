"""The event source mappings of a deployment, as Lambda tells of them."""

import contextlib
from collections.abc import Iterator
from typing import Any

from infra.functions import CONSUMERS, deployed_name
from infra.target import Target
from tests.e2e.waiting import eventually

Mapping = Any  # what Lambda says of a mapping
SWITCHED_WITHIN_S = 30.0


def mappings_of(target: Target, function: str) -> list[Mapping]:
    """All mappings that invoke one function, by its name in app.py. LocalStack tells of similar names, too."""
    name = deployed_name(function, target.stage)
    found = target.client("lambda").list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    return [mapping for mapping in found if mapping["FunctionArn"].endswith(f":{name}")]


@contextlib.contextmanager
def paused(target: Target, *functions: str) -> Iterator[None]:
    """Nothing is taken from these functions' queues for the length of the block."""
    try:
        disable(target, *functions)
        yield
    finally:
        _switch(target, *functions, enabled=True)


def disable(target: Target, *functions: str) -> None:
    """Nothing is taken from these functions' queues until somebody enables their mappings, as a deployment does."""
    _switch(target, *functions, enabled=False)


def _switch(target: Target, *functions: str, enabled: bool) -> None:
    client = target.client("lambda")
    for function in functions:
        (mapping,) = mappings_of(target, function)
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)
    wanted = dict.fromkeys(functions, "Enabled" if enabled else "Disabled")

    def states() -> dict[str, str]:
        return {function: mappings_of(target, function)[0]["State"] for function in functions}

    eventually(lambda: states() == wanted, within_s=SWITCHED_WITHIN_S, otherwise=states)


def require_one_each(target: Target) -> None:
    """Each consuming function has one mapping, which is enabled and takes from its queue alone."""
    for function, queue in CONSUMERS.items():
        (mapping,) = mappings_of(target, function)
        assert (mapping["State"], mapping["Queues"]) == ("Enabled", [queue]), mapping
