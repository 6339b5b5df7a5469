"""Publishes persistent messages and says which of them the broker has taken over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import pika
from pika.channel import Channel
from pika.frame import Method
from pika.spec import Basic, Queue

from chalicelib.broker import topology
from chalicelib.broker.establish import Restorer
from chalicelib.broker.session import (
    CONNECT_TIMEOUT_S,
    PIKA_FAULTS,
    Session,
    TopologyMissing,
    connection_parameters,
    left_s,
)
from chalicelib.domain.circuit import Breaker, NeverOpen
from chalicelib.domain.messages import Dispatch
from chalicelib.errors import BrokerUnavailable, CircuitOpen

WINDOW = 200
REST_AFTER_FAILURE_S = 2.0


class Publisher:
    """Publishes to the exchange with confirms, up to 200 outstanding at once, on one kept connection.

    A message is taken over when the broker has confirmed it and did not return it as unroutable. After a failure to
    connect it rests for two seconds, in which every call fails at once: a request does not pay for a dead broker. While
    the circuit is open, no publish is tried at all. Used by one thread at a time.

    A broker that came back empty has no queues. When one is missing, and the call has 1.2 s for it, everything is
    declared again and the call repeated: with `retry_delays_s`, or never without them.
    """

    def __init__(
        self,
        url: str,
        *,
        breaker: Breaker | None = None,
        retry_delays_s: Iterable[int] | None = None,
        doubt: Callable[[], None] = lambda: None,
    ) -> None:
        """`doubt` is told when the broker refuses the user or the password of the URL."""
        self._doubt = doubt
        self._breaker: Breaker = breaker or NeverOpen()
        self._restorer = Restorer(retry_delays_s)
        self._parameters = connection_parameters(url)
        self._session: Session | None = None
        self._confirms = _Confirms()
        self._rest_until_s = 0.0
        self._found_missing = False

    def publish(self, dispatches: Sequence[Dispatch], *, timeout_s: float) -> frozenset[int]:
        """Hand the dispatches over and return the indexes of those that the broker has taken.

        A connection that turns out to have died while it lay idle is replaced once; dispatches not confirmed on it are
        sent again, so a message can arrive twice (its ticket voids the copy). Never raises for the broker's sake: what
        is not in the answer was not confirmed in time.
        """
        if self._rests:
            return frozenset()  # and the rest is not prolonged by who asks meanwhile
        try:
            permit = self._breaker.enter()
        except CircuitOpen:
            return frozenset()
        taken: set[int] = set()
        deadline_s = time.monotonic() + timeout_s
        answered = self._try_twice(dispatches, taken, deadline_s)
        if answered and self._found_missing and self._restore(deadline_s):
            answered = self._try_twice(dispatches, taken, deadline_s)
        if answered:
            permit.succeeded()
        else:
            permit.failed()
        return frozenset(taken)

    def _try_twice(self, dispatches: Sequence[Dispatch], taken: set[int], deadline_s: float) -> bool:
        """Whether the broker answered for every dispatch, be it by returning or refusing it.

        One that lacks the exchange answers, too: it is there, and leaving it alone would help nobody.
        """
        self._found_missing = False
        for attempt in ("on the kept connection", "on a new one"):
            kept = self._session is not None
            missing = [index for index in range(len(dispatches)) if index not in taken]
            try:
                self._publish_on(self._ready_session(deadline_s), dispatches, missing, taken, deadline_s)
            except TopologyMissing:
                self._drop()
                self._found_missing = True
                return True
            except BrokerUnavailable:
                self._drop()
                if not kept or attempt == "on a new one":
                    self._rest_until_s = time.monotonic() + REST_AFTER_FAILURE_S
                    break
            else:
                self._found_missing = self._confirms.any_returned
                return True
        return False

    def count_ready(self, lane: str, *, timeout_s: float) -> int:
        """How many messages wait in a lane's queue, those handed to a consumer not counted.

        Raises:
            BrokerUnavailable: the broker, or the queue, is not there.
        """
        if self._rests:
            raise BrokerUnavailable("RabbitMQ: could not be reached a moment ago")
        deadline_s = time.monotonic() + timeout_s
        try:
            return self._count(topology.queue_of(lane), deadline_s)
        except TopologyMissing:
            if not self._restore(deadline_s):
                raise
        return self._count(topology.queue_of(lane), deadline_s)

    def _count(self, queue: str, deadline_s: float) -> int:
        answers: list[int] = []

        def on_answer(frame: Method[Queue.DeclareOk]) -> None:
            answers.append(frame.method.message_count)
            session.wake()

        try:
            session = self._ready_session(deadline_s)
            session.channel.queue_declare(queue, passive=True, callback=on_answer)
            session.run_until(lambda: bool(answers), timeout_s=left_s(deadline_s))
        except TopologyMissing:
            self._drop()
            raise
        except (BrokerUnavailable, *PIKA_FAULTS) as error:
            self._drop()
            raise BrokerUnavailable(f"RabbitMQ: {type(error).__name__} when counting {queue}") from error
        return answers[0]

    def _restore(self, deadline_s: float) -> bool:
        """Whether the topology has been declared again just now."""
        if not self._restorer.may_begin(left_s=left_s(deadline_s)):
            return False
        try:
            self._restorer.restore(self._ready_session(deadline_s), timeout_s=left_s(deadline_s))
        except BrokerUnavailable:
            self._drop()
            return False
        return True

    def close(self) -> None:
        """End the connection, if there is one."""
        self._drop()

    @property
    def _rests(self) -> bool:
        return time.monotonic() < self._rest_until_s

    def _ready_session(self, deadline_s: float) -> Session:
        if self._session is not None and self._session.usable:
            return self._session
        self._drop()
        try:
            session = Session(self._parameters, doubt=self._doubt)
            self._session = session
            session.wait_open(timeout_s=min(CONNECT_TIMEOUT_S, left_s(deadline_s)))
            self._confirms = _Confirms(session)
            session.channel.confirm_delivery(self._confirms.on_answer)
            session.channel.add_on_return_callback(self._confirms.on_return)
        except PIKA_FAULTS as error:
            raise BrokerUnavailable(f"RabbitMQ: {type(error).__name__} when connecting") from error
        return session

    def _publish_on(
        self,
        session: Session,
        dispatches: Sequence[Dispatch],
        missing: Sequence[int],
        taken: set[int],
        deadline_s: float,
    ) -> None:
        confirms = self._confirms
        confirms.begin(taken)
        for index in missing:
            if confirms.outstanding >= WINDOW:
                session.run_until(lambda: confirms.outstanding < WINDOW, timeout_s=left_s(deadline_s))
            confirms.expect(index, dispatches[index])
            self._send(session.channel, dispatches[index])
        session.run_until(lambda: confirms.outstanding == 0, timeout_s=left_s(deadline_s))

    @staticmethod
    def _send(channel: Channel, dispatch: Dispatch) -> None:
        try:
            channel.basic_publish(
                topology.EXCHANGE,
                topology.routing_key_of(dispatch.destination, dispatch.delay_s),
                dispatch.body,
                pika.BasicProperties(
                    content_type="application/json",
                    delivery_mode=pika.DeliveryMode.Persistent.value,
                    message_id=dispatch.message_id,
                    correlation_id=dispatch.correlation_id,
                    timestamp=int(time.time()),
                    app_id="carillon",
                    headers=dict(dispatch.headers) or None,
                ),
                mandatory=True,
            )
        except PIKA_FAULTS as error:
            raise BrokerUnavailable(f"RabbitMQ: {type(error).__name__} when publishing") from error

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


class _Confirms:
    """Keeps account of what one channel has sent and what the broker answered."""

    def __init__(self, session: Session | None = None) -> None:
        self._session = session
        self._last_tag = 0
        self._waiting: dict[int, tuple[int, str]] = {}
        self._returned: set[str] = set()
        self._taken: set[int] = set()

    @property
    def outstanding(self) -> int:
        return len(self._waiting)

    @property
    def any_returned(self) -> bool:
        """Whether the broker had no queue for some message of this publish."""
        return bool(self._returned)

    def begin(self, taken: set[int]) -> None:
        """Start a publish; indexes that are confirmed are added to `taken`."""
        self._taken = taken
        self._waiting.clear()
        self._returned.clear()

    def expect(self, index: int, dispatch: Dispatch) -> None:
        self._last_tag += 1
        self._waiting[self._last_tag] = (index, dispatch.message_id)

    def on_return(
        self, _channel: Channel, _method: Basic.Return, properties: pika.BasicProperties, _body: bytes
    ) -> None:
        """An unroutable message comes back before its confirm does (AMQP 0-9-1 with RabbitMQ's confirms)."""
        self._returned.add(str(properties.message_id))

    def on_answer(self, frame: Method[Basic.Ack | Basic.Nack]) -> None:
        tags = self._tags_of(frame.method.delivery_tag, multiple=frame.method.multiple)
        for tag in tags:
            index, message_id = self._waiting.pop(tag)
            if isinstance(frame.method, Basic.Ack) and message_id not in self._returned:
                self._taken.add(index)
        if self._session is not None:
            self._session.wake()

    def _tags_of(self, last: int, *, multiple: bool) -> list[int]:
        if multiple:
            return [tag for tag in self._waiting if tag <= last]
        return [last] if last in self._waiting else []
