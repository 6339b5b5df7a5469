"""Schedules: invoke a function again and again with EventBridge's scheduled event."""

import logging
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from offline.emulator.config import ScheduleSpec
from offline.emulator.context import ACCOUNT_ID, REGION
from offline.emulator.errors import FunctionThrottled, InvocationFailed
from offline.emulator.function import Function
from offline.emulator.wire import Json

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class ScheduleCounters:
    """Ticks by what became of them; `skipped` were dropped, because of `overlap: false` or a busy function."""

    ok: int = 0
    failed: int = 0
    skipped: int = 0


def scheduled_event(*, rule: str, at: datetime) -> Json:
    """The event of a rule at a time, as EventBridge documents it."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT_ID,
        "time": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/{rule}"],
        "detail": {},
    }


class Schedule:
    """Ticks every `every_s`, the first time after that long; executions overlap unless the schedule says they must not.

    A failed tick is not repeated (Lambda retries asynchronous invocations twice, after minutes).
    """

    def __init__(self, *, spec: ScheduleSpec, function: Function) -> None:
        self.counters = ScheduleCounters()
        self._spec = spec
        self._function = function
        self._lock = threading.Lock()
        self._running = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"schedule-{spec.name}", daemon=True)

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._spec.name

    def start(self) -> None:
        """Begin to tick."""
        self._thread.start()

    def stop(self) -> None:
        """No tick from now on; executions go on."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._spec.every_s):
            self._tick()

    def _tick(self) -> None:
        with self._lock:
            if self._running and not self._spec.overlap:
                self.counters.skipped += 1
                return
            self._running += 1
        event = scheduled_event(rule=self.name, at=datetime.now(UTC))
        threading.Thread(target=self._invoke, args=(event,), daemon=True).start()

    def _invoke(self, event: Json) -> None:
        outcome = ScheduleCounters()
        try:
            self._function.invoke(event)
            outcome.ok = 1
        except FunctionThrottled:
            outcome.skipped = 1
        except InvocationFailed:
            outcome.failed = 1
        with self._lock:
            self._running -= 1
            self.counters.ok += outcome.ok
            self.counters.skipped += outcome.skipped
            self.counters.failed += outcome.failed
