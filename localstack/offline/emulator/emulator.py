"""The emulator: functions, mappings and schedules of one configuration, started and stopped together."""

import logging
import threading
import time
from types import TracebackType
from typing import Self

from offline.emulator.config import EmulatorConfig
from offline.emulator.function import Function
from offline.emulator.mapping import Mapping
from offline.emulator.schedules import Schedule

CLOSE_TIMEOUT_S = 2.0
_RECYCLE_EVERY_S = 1.0

_log = logging.getLogger(__name__)


class Emulator:
    """A context manager; `close` takes at most CLOSE_TIMEOUT_S and little more, and leaves no process."""

    def __init__(self, config: EmulatorConfig) -> None:
        self.functions = {name: Function(name=name, spec=spec) for name, spec in config.functions.items()}
        self.mappings = {
            spec.name: Mapping(spec=spec, function=self.functions[spec.function]) for spec in config.mappings
        }
        self.schedules = {
            spec.name: Schedule(spec=spec, function=self.functions[spec.function]) for spec in config.schedules
        }
        self._closed = threading.Event()
        self._recycler = threading.Thread(target=self._recycle, name="recycler", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Begin to consume and to tick."""
        self._recycler.start()
        for mapping in self.mappings.values():
            mapping.start()
        for schedule in self.schedules.values():
            schedule.start()

    def close(self) -> None:
        """Stop consuming and ticking, kill what runs; its messages go back to their queues. Idempotent."""
        self._closed.set()
        for schedule in self.schedules.values():
            schedule.stop()
        for mapping in self.mappings.values():
            mapping.stop()
        for function in self.functions.values():
            function.close()
        deadline_s = time.monotonic() + CLOSE_TIMEOUT_S
        for mapping in self.mappings.values():
            mapping.join(max(0.0, deadline_s - time.monotonic()))
        if self._recycler.is_alive():
            self._recycler.join()

    def _recycle(self) -> None:
        while not self._closed.wait(_RECYCLE_EVERY_S):
            for function in self.functions.values():
                function.recycle_idle()
