"""Feeds a function from a queue: one execution at a time, and all of its batch or nothing.

Its thread owns the AMQP connection and keeps it alive, while a batch runs in a thread of its own beside it.
"""

import logging
import threading
import time

from pika import BasicProperties

from offline.emulator.backoff import Backoff
from offline.emulator.batching import BatchGatherer, BatchLimits, Delivery
from offline.emulator.config import MappingSpec
from offline.emulator.errors import SourceLost
from offline.emulator.execution import Execution, Invocable, Outcome
from offline.emulator.filters import FilterCriteria
from offline.emulator.mapping_state import MappingCounters
from offline.emulator.queue_session import QueueSession
from offline.emulator.rmq_event import Json, Record, build_event, encode_record, json_size_bytes

_IDLE_S = 1.0
_SEPARATOR_BYTES = len(", ")

_log = logging.getLogger(__name__)


class BatchConsumer:
    """Belongs to one thread; only `wake`, `lose_next_acknowledgement`, `in_flight` and `counters` are for others too.

    `open`, `step` and `drain` raise SourceLost and SourceUnusable. An execution outlives a lost connection, and the
    next one waits for its end, but it cannot be acknowledged any more.
    """

    def __init__(self, *, spec: MappingSpec, function: Invocable) -> None:
        self.counters = MappingCounters()
        self._spec = spec
        self._function = function
        self._filter = FilterCriteria.parse(spec.filter_criteria or {})
        limits = BatchLimits(
            batch_size=spec.batch_size,
            window_s=spec.window_ms / 1000,
            max_bytes=spec.payload_limit_bytes - json_size_bytes(self._build_event([])),
        )
        self._max_record_bytes = limits.max_bytes
        self._waiting = BatchGatherer(limits=limits, clock_s=time.monotonic)
        self._backoff = Backoff(spec.failure_backoff_s, spec.failure_backoff_max_s)
        self._resume_at_s = 0.0
        self._lose_next = threading.Event()
        self._session: QueueSession | None = None
        self._execution: Execution | None = None

    @property
    def in_flight(self) -> int:
        """Messages that the broker counts as unacknowledged here."""
        execution = self._execution
        return len(self._waiting) + (len(execution.batch) if execution is not None else 0)

    def open(self) -> None:
        """Connect and start to consume."""
        self._session = QueueSession.open(
            broker_url=self._spec.broker_url,
            virtual_host=self._spec.virtual_host,
            queue=self._spec.queue,
            prefetch=self._spec.batch_size,
            name=self._spec.name,
            heartbeat_s=self._spec.heartbeat_s,
            on_message=self._receive,
        )

    def step(self) -> None:
        """Take what has arrived, settle what has ended, begin what is due; returns within a second."""
        session = self._opened()
        session.pump(time_limit_s=self._idle_s())
        self._settle(session)
        if self._execution is None and self._due_in_s() == 0:
            self._begin(session)

    def drain(self) -> None:
        """Begin nothing more, and settle what still runs."""
        while self._execution is not None:
            session = self._opened()
            session.pump(time_limit_s=_IDLE_S)
            self._settle(session)

    def close(self) -> None:
        """Give everything unacknowledged back to the broker."""
        if self._session is not None:
            self._session.close()
        self._session = None
        self._waiting.clear()

    def wake(self) -> None:
        """Make `step` return soon, from any thread."""
        session = self._session
        if session is not None:
            session.wake()

    def lose_next_acknowledgement(self) -> None:
        """The next success closes the connection instead of acknowledging its batch."""
        self._lose_next.set()

    def _receive(self, tag: int, body: bytes, properties: BasicProperties, redelivered: bool) -> None:  # noqa: FBT001
        if not self._filter.matches(body):
            self.counters.messages_filtered += 1
            self._opened().acknowledge(tag)
            return
        record = encode_record(body=body, properties=properties, redelivered=redelivered)
        size_bytes = json_size_bytes(record) + _SEPARATOR_BYTES
        if size_bytes > self._max_record_bytes:
            _log.error("message dropped, above the payload limit: mapping=%s bytes=%d", self._spec.name, size_bytes)
            self.counters.messages_oversize += 1
            self._opened().acknowledge(tag)
            return
        self._waiting.add(Delivery(tag=tag, record=record, size_bytes=size_bytes))

    def _begin(self, session: QueueSession) -> None:
        batch = self._waiting.take()
        event = self._build_event([delivery.record for delivery in batch])
        self._execution = Execution(function=self._function, event=event, batch=batch, source=session, on_end=self.wake)

    def _settle(self, session: QueueSession) -> None:
        execution = self._execution
        if execution is None or execution.outcome is Outcome.RUNNING:
            return
        self._execution = None
        succeeded = execution.outcome is Outcome.SUCCEEDED
        self._count(succeeded=succeeded)
        if execution.source is not session:
            self.counters.acknowledgements_lost += 1
        elif succeeded:
            self._acknowledge(session, execution.last_tag)
        else:
            session.requeue_up_to(execution.last_tag)

    def _acknowledge(self, session: QueueSession, tag: int) -> None:
        if self._lose_next.is_set():
            self._lose_next.clear()
            self.counters.acknowledgements_lost += 1
            raise SourceLost("an acknowledgement was to be lost")
        session.acknowledge_up_to(tag)

    def _count(self, *, succeeded: bool) -> None:
        if succeeded:
            self.counters.batches_ok += 1
            self._backoff.reset()
        else:
            self.counters.batches_failed += 1
            self._resume_at_s = time.monotonic() + self._backoff.next_s()

    def _due_in_s(self) -> float:
        waiting_s = self._waiting.due_in_s()
        if waiting_s is None:
            return _IDLE_S
        return max(waiting_s, self._resume_at_s - time.monotonic(), 0.0)

    def _idle_s(self) -> float:
        """While an execution runs, its end wakes the pump."""
        return _IDLE_S if self._execution is not None else min(_IDLE_S, self._due_in_s())

    def _opened(self) -> QueueSession:
        if self._session is None:
            raise SourceLost("not connected")
        return self._session

    def _build_event(self, records: list[Record]) -> Json:
        return build_event(
            queue=self._spec.queue,
            virtual_host=self._spec.virtual_host,
            records=records,
            broker_arn=self._spec.broker_arn,
        )
