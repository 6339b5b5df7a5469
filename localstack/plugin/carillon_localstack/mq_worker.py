"""The life of one RabbitMQ event source mapping, from its creation over changes of its settings to its deletion."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from carillon_localstack.mq_request import MappingSettings
from offline.emulator.errors import SourceUnusable
from offline.emulator.mapping import Mapping
from offline.emulator.mapping_state import USER_INITIATED, MappingState

MAX_EXECUTION_S = 15 * 60

# Opens the consumer of some settings, not started yet. Raises SourceUnusable.
Open = Callable[[MappingSettings], Mapping]

_log = logging.getLogger(__name__)


class MqWorker:
    """Every method returns at once and is safe from any thread; what they ask for happens in their order.

    The batch that is being processed is settled before a change takes effect, so that there is never a second
    execution beside it. States and reasons are Lambda's, and true at the moment that they are asked for.
    """

    def __init__(self, *, uuid: str, open_mapping: Open, forget: Callable[[], None]) -> None:
        self.uuid = uuid
        self._open = open_mapping
        self._forget = forget
        self._lock = threading.Lock()
        self._mapping: Mapping | None = None
        self._refusal: str | None = None
        self._starting = MappingState.CREATING
        self._underway: list[str] = []
        self._wanted = False
        self._changes = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"mapping-{uuid}")

    @property
    def enabled(self) -> bool:
        """Whether it is to consume; a mapping that has stopped by itself is not, until it is enabled again."""
        return self._wanted and self.current_state != MappingState.DISABLED

    @property
    def current_state(self) -> str:
        """Where it stands."""
        return self._describe()[0]

    @property
    def state_transition_reason(self) -> str:
        """Why it stands there: a person's wish, or one of Lambda's codes and what is behind it."""
        return self._describe()[1]

    def create(self, settings: MappingSettings, *, enabled: bool) -> None:
        """Begin, if enabled."""
        self._wanted = enabled
        if enabled:
            self._change(MappingState.CREATING, settings)

    def update(self, settings: MappingSettings, *, enabled: bool) -> None:
        """Go on with these settings, or stop."""
        state = "Updating"
        if enabled is not self.enabled:
            state = MappingState.ENABLING if enabled else MappingState.DISABLING
        self._wanted, self._starting = enabled, MappingState.ENABLING
        self._change(state, settings if enabled else None)

    def delete(self) -> None:
        """Stop for good, then be forgotten."""
        self._change("Deleting", None, self._forget)
        self._changes.shutdown(wait=False)

    def stop_for_shutdown(self) -> None:
        """Begin nothing more; what is unacknowledged is the broker's again when this process ends."""
        with self._lock:
            mapping = self._mapping
        if mapping is not None:
            mapping.stop()

    def _describe(self) -> tuple[str, str]:
        with self._lock:
            if self._underway:
                return self._underway[-1], USER_INITIATED
            if self._refusal is not None:
                return MappingState.DISABLED, self._refusal
            mapping = self._mapping
        if mapping is None:
            return MappingState.DISABLED, USER_INITIATED
        report = mapping.describe()
        state = self._starting if report.state is MappingState.CREATING else report.state
        return state, report.state_transition_reason

    def _change(self, state: str, settings: MappingSettings | None, then: Callable[[], None] | None = None) -> None:
        with self._lock:
            self._underway.append(state)
        self._changes.submit(self._apply, settings, then)

    def _apply(self, settings: MappingSettings | None, then: Callable[[], None] | None) -> None:
        self._settle()
        if settings is not None:
            self._begin(settings)
        if then is not None:
            then()
        with self._lock:
            del self._underway[0]

    def _settle(self) -> None:
        with self._lock:
            mapping = self._mapping
        if mapping is not None:
            mapping.stop()
            mapping.join(MAX_EXECUTION_S)
        with self._lock:
            self._mapping, self._refusal = None, None

    def _begin(self, settings: MappingSettings) -> None:
        try:
            mapping = self._open(settings)
        except SourceUnusable as refusal:
            self._refuse(str(refusal))
        except Exception as error:  # noqa: BLE001 - else nobody would see a mapping that never begins
            _log.exception("mapping failed: mapping=%s", self.uuid)
            self._refuse(f"INTERNAL_ERROR: {type(error).__name__}")
        else:
            with self._lock:
                self._mapping = mapping
            mapping.start()

    def _refuse(self, reason: str) -> None:
        _log.error("mapping stopped: mapping=%s reason=%s", self.uuid, reason)
        with self._lock:
            self._refusal = reason
