"""One AMQP connection that does its work only inside a call.

Nothing runs between two calls: no thread, no timer, no heartbeat. A Lambda environment is frozen between invocations,
and whatever relied on running there would break, so a connection that the broker gave up meanwhile is simply replaced.
"""

import time
from collections.abc import Callable

import pika
from pika.adapters.select_connection import IOLoop, SelectConnection
from pika.channel import Channel
from pika.connection import Connection
from pika.exceptions import (
    AMQPError,
    ChannelClosedByBroker,
    ConnectionClosedByClient,
    ProbableAuthenticationError,
    ReentrancyError,
)

from chalicelib.errors import BrokerUnavailable

CONNECT_TIMEOUT_S = 3.0
LONGEST_IDLE_S = 25.0  # half the heartbeat that is asked for: the broker has certainly not given up yet
HEARTBEAT_S = 60
GOODBYE_S = 0.05  # a broker that does not answer by then is hung up on

NOT_FOUND = 404

PIKA_FAULTS = (AMQPError, ReentrancyError, OSError, AssertionError, ValueError, LookupError, RuntimeError)
"""What pika raises when a connection ends at an awkward moment: not all of it is of its own tree."""


class TopologyMissing(BrokerUnavailable):
    """The broker is there, and lacks the exchange or the queue that was named."""


class Session:
    """A connection with one channel in confirm mode.

    `run_until` drives it. When the connection or the channel closes, or the broker blocks publishers (its memory or
    disk alarm), every wait ends with BrokerUnavailable.
    """

    def __init__(self, parameters: pika.URLParameters, *, doubt: Callable[[], None] = lambda: None) -> None:
        """`doubt` is told when the broker refuses our user or password."""
        self._doubt = doubt
        self._loop = IOLoop()
        self._fault: str | None = None
        self._missing = False
        self._channel: Channel | None = None
        self._used_at_s = time.monotonic()
        self._connection = SelectConnection(
            parameters,
            on_open_callback=self._on_open,
            on_open_error_callback=self._on_fault,
            on_close_callback=self._on_fault,
            custom_ioloop=self._loop,
        )
        self._connection.add_on_connection_blocked_callback(self._on_blocked)
        self._connection.add_on_connection_unblocked_callback(self._on_unblocked)
        self._blocked = False

    @property
    def channel(self) -> Channel:
        if self._channel is None:
            raise BrokerUnavailable("RabbitMQ: not connected")
        return self._channel

    @property
    def usable(self) -> bool:
        """Whether it is open and was used so lately that the broker still thinks so too."""
        return self._fault is None and time.monotonic() - self._used_at_s < LONGEST_IDLE_S

    def wait_open(self, *, timeout_s: float) -> None:
        """Return when the channel is open and confirms are on."""
        self.run_until(lambda: self._channel is not None and self._channel.is_open, timeout_s=timeout_s)

    def open_channel(self, on_open: Callable[[Channel], None]) -> None:
        """Ask for one more channel, whose end is not this connection's; `on_open` is called when it is there."""
        self._connection.channel(on_open_callback=on_open)

    def run_until(self, done: Callable[[], bool], *, timeout_s: float) -> None:
        """Handle the connection's traffic until `done()` holds.

        Raises:
            BrokerUnavailable: time ran out first, the connection was lost, or publishers are blocked.
        """
        deadline_s = time.monotonic() + timeout_s
        while not done():
            self._refuse_when_useless()
            remaining_s = deadline_s - time.monotonic()
            if remaining_s <= 0:
                self._fault = "NoAnswerInTime"
                raise BrokerUnavailable(f"RabbitMQ: no answer within {timeout_s:.2f} s")
            self._run_once(remaining_s)
        self._used_at_s = time.monotonic()

    def wake(self) -> None:
        """End the current turn of the loop: called by callbacks that may have made `done()` true."""
        self._loop.stop()

    def close(self) -> None:
        """End the connection, politely if it is in order; unconfirmed messages stay unconfirmed. Raises nothing."""
        polite = self._fault is None and self._connection.is_open
        self._fault = self._fault or "closed by us"
        try:
            if polite:
                self._connection.close()
                self._run_until_closed()
            if not self._connection.is_closed:
                self._hang_up()
                self._run_until_closed()
            self._loop.close()
        except PIKA_FAULTS as error:
            self._fault = type(error).__name__

    def _hang_up(self) -> None:
        """Close the socket now: pika's public way waits for an answer that may never come."""
        self._connection._terminate_stream(ConnectionClosedByClient(200, "dropped"))  # type: ignore[attr-defined]  # noqa: SLF001

    def _run_until_closed(self) -> None:
        deadline_s = time.monotonic() + GOODBYE_S
        while not self._connection.is_closed and time.monotonic() < deadline_s:
            self._run_once(GOODBYE_S)

    def _run_once(self, longest_s: float) -> None:
        timer = self._loop.call_later(longest_s, self._loop.stop)
        try:
            self._loop.start()
        except PIKA_FAULTS as error:
            self._fault = type(error).__name__
        finally:
            self._loop.remove_timeout(timer)

    def _refuse_when_useless(self) -> None:
        if self._missing:
            raise TopologyMissing("RabbitMQ: no such exchange or queue")
        if self._fault is not None:
            raise BrokerUnavailable(f"RabbitMQ: {self._fault}")
        if self._blocked:
            raise BrokerUnavailable("RabbitMQ: publishers are blocked by a resource alarm")

    def _on_open(self, connection: Connection) -> None:
        connection.channel(on_open_callback=self._on_channel_open)

    def _on_channel_open(self, channel: Channel) -> None:
        channel.add_on_close_callback(self._on_fault)
        self._channel = channel
        self.wake()

    def _on_fault(self, _source: object, reason: BaseException | str) -> None:
        if self._fault is None and isinstance(reason, ChannelClosedByBroker):
            self._missing = reason.reply_code == NOT_FOUND
        if isinstance(reason, ProbableAuthenticationError):
            self._doubt()
        self._fault = self._fault or type(reason).__name__
        self.wake()

    def _on_blocked(self, _connection: Connection, _frame: object) -> None:
        self._blocked = True
        self.wake()

    def _on_unblocked(self, _connection: Connection, _frame: object) -> None:
        self._blocked = False


def left_s(deadline_s: float) -> float:
    """Seconds until that moment of the monotonic clock; 0 when it has passed."""
    return max(0.0, deadline_s - time.monotonic())


def connection_parameters(url: str) -> pika.URLParameters:
    """How to reach the broker.

    Raises:
        ValueError: the URL is malformed.
    """
    parameters = pika.URLParameters(url)
    parameters.heartbeat = HEARTBEAT_S
    parameters.socket_timeout = CONNECT_TIMEOUT_S
    parameters.stack_timeout = CONNECT_TIMEOUT_S
    parameters.connection_attempts = 1
    return parameters
