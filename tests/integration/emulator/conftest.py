"""Fixtures of the emulator's tests: a journal, a queue, and an emulator with one mapping between them."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest

from offline.emulator.config import EmulatorConfig
from offline.emulator.emulator import Emulator
from offline.emulator.mapping import Mapping
from tests.integration.emulator.workbench import HANDLERS_FOLDER, Journal, TestQueue


class MapQueue(Protocol):
    """Starts an emulator that maps the queue to `handlers.obey`; keywords change its mapping."""

    def __call__(
        self, *, handler: str = "handlers.obey", function: dict[str, Any] | None = None, **mapping: object
    ) -> Mapping: ...


@pytest.fixture
def map_queue(journal: Journal, source: TestQueue) -> Iterator[MapQueue]:
    """Every emulator so started ends with the test."""
    with ExitStack() as emulators:

        def start(
            *, handler: str = "handlers.obey", function: dict[str, Any] | None = None, **mapping: object
        ) -> Mapping:
            config = {
                "functions": {
                    "worker": {
                        "handler": handler,
                        "timeout_s": 30,
                        "environment": {"PYTHONPATH": str(HANDLERS_FOLDER), **journal.environ},
                        **(function or {}),
                    }
                },
                "mappings": [
                    {
                        "name": "mapping",
                        "function": "worker",
                        "queue": source.name,
                        "broker_url": source.url,
                        "virtual_host": source.virtual_host,
                        "window_ms": 100,
                        "failure_backoff_s": 0.01,
                        **mapping,
                    }
                ],
            }
            emulator = emulators.enter_context(Emulator(EmulatorConfig.model_validate(config)))
            return emulator.mappings["mapping"]

        yield start
