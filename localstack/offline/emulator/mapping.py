"""An event source mapping's life: states, transitions and their reasons, and the broker that comes and goes."""

import logging
import threading
from dataclasses import replace

from offline.emulator.backoff import Backoff
from offline.emulator.batch_consumer import BatchConsumer
from offline.emulator.config import MappingSpec
from offline.emulator.errors import SourceLost, SourceUnusable
from offline.emulator.execution import Invocable
from offline.emulator.mapping_state import USER_INITIATED, MappingReport, MappingState

_RECONNECT_FIRST_S = 0.1
_RECONNECT_MAX_S = 2.0

_log = logging.getLogger(__name__)


class Mapping:
    """Consumes in a thread of its own from `start` to `close`, while enabled. Every method is safe from any thread.

    A broker that is away is waited for and is no change of state. One that refuses credentials, access or the queue
    ends the consumption: Disabled, with one of AWS's reason codes, until `enable`.
    """

    def __init__(self, *, spec: MappingSpec, function: Invocable) -> None:
        self._spec = spec
        self._consumer = BatchConsumer(spec=spec, function=function)
        self._changed = threading.Condition()
        self._wanted = spec.enabled
        self._closing = False
        self._state = MappingState.CREATING
        self._reason = USER_INITIATED
        self._reconnect = Backoff(_RECONNECT_FIRST_S, _RECONNECT_MAX_S)
        self._thread = threading.Thread(target=self._run, name=f"mapping-{spec.name}", daemon=True)

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self._spec.name

    def start(self) -> None:
        """Begin to consume, if enabled."""
        self._thread.start()

    def enable(self) -> None:
        """Consume (again); also after it stopped by itself."""
        with self._changed:
            if not self._wanted:
                self._wanted, self._state, self._reason = True, MappingState.ENABLING, USER_INITIATED
            self._changed.notify_all()

    def disable(self) -> None:
        """Stop when the batch that runs is settled; what waits goes back to the queue."""
        with self._changed:
            if self._wanted:
                self._wanted, self._state, self._reason = False, MappingState.DISABLING, USER_INITIATED
            self._changed.notify_all()
        self._consumer.wake()

    def lose_next_acknowledgement(self) -> None:
        """The next batch that succeeds is delivered again all the same."""
        self._consumer.lose_next_acknowledgement()

    def describe(self) -> MappingReport:
        """Where it stands."""
        with self._changed:
            return MappingReport(
                name=self._spec.name,
                function=self._spec.function,
                queue=self._spec.queue,
                state=self._state,
                state_transition_reason=self._reason,
                in_flight=self._consumer.in_flight,
                counters=replace(self._consumer.counters),
            )

    def stop(self) -> None:
        """Begin to close; returns at once."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._consumer.wake()

    def join(self, timeout_s: float) -> None:
        """Wait for the end of what `stop` began."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while self._await_wanted():
            try:
                self._consume_while_wanted()
            except SourceLost as lost:
                _log.warning("source lost: mapping=%s reason=%s", self.name, lost)
                self._pause(self._reconnect.next_s())
            except SourceUnusable as refusal:
                self._stop_by_itself(str(refusal))
            except Exception as error:  # noqa: BLE001 - a thread that dies unseen would leave a mapping that looks enabled
                _log.exception("mapping failed: mapping=%s", self.name)
                self._stop_by_itself(f"INTERNAL_ERROR: {type(error).__name__}")

    def _consume_while_wanted(self) -> None:
        try:
            self._consumer.open()
            self._reconnect.reset()
            while self._wanted and not self._closing:
                self._enter_enabled()
                self._consumer.step()
            self._consumer.drain()
        finally:
            self._consumer.close()

    def _await_wanted(self) -> bool:
        """False when it is time to end."""
        with self._changed:
            while not self._wanted and not self._closing:
                self._state = MappingState.DISABLED
                self._changed.wait()
            return not self._closing

    def _pause(self, delay_s: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or not self._wanted, delay_s)

    def _enter_enabled(self) -> None:
        with self._changed:
            if self._wanted:
                self._state = MappingState.ENABLED

    def _stop_by_itself(self, reason: str) -> None:
        _log.error("mapping stopped: mapping=%s reason=%s", self.name, reason)
        with self._changed:
            self._wanted, self._state, self._reason = False, MappingState.DISABLED, reason
