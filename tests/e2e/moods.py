"""How the mail sink is made to fare badly for a while."""

import contextlib
from collections.abc import Iterator, Mapping

import httpx

from tests.e2e.api import succeeded

SLOW_SINK_S = 2


@contextlib.contextmanager
def slow_sink(addresses: Mapping[str, str]) -> Iterator[None]:
    """Within the block the sink keeps a mail at once, and answers after two seconds."""
    with _mood(addresses, mode="slow", after_s=SLOW_SINK_S):
        yield


@contextlib.contextmanager
def refusing_sink(addresses: Mapping[str, str]) -> Iterator[None]:
    """Within the block the sink takes nothing from anybody."""
    with _mood(addresses, mode="refusing"):
        yield


@contextlib.contextmanager
def _mood(addresses: Mapping[str, str], **mood: object) -> Iterator[None]:
    route = f"{addresses['MAIL_URL']}/mood"
    succeeded(httpx.put(route, json=mood))
    try:
        yield
    finally:
        succeeded(httpx.put(route, json={"mode": "normal"}))
