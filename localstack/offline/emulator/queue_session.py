"""One AMQP connection that consumes one queue. Belongs to one thread; only `wake` may be called from another."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Self

import pika
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)
from pika.spec import Basic

from offline.emulator.errors import SourceLost, SourceUnusable

_SOCKET_TIMEOUT_S = 5
_ACCESS_REFUSED, _NOT_FOUND, _NOT_ALLOWED = 403, 404, 530

_log = logging.getLogger(__name__)

OnMessage = Callable[[int, bytes, pika.BasicProperties, bool], None]


class QueueSession:
    """Consumes with manual acknowledgement; `on_message(tag, body, properties, redelivered)` runs within `pump`.

    Every method but `wake` raises SourceLost when the broker is gone and SourceUnusable when it refuses for good.
    """

    def __init__(self, *, connection: BlockingConnection, channel: BlockingChannel) -> None:
        self._connection = connection
        self._channel = channel

    @classmethod
    def open(
        cls,
        *,
        broker_url: str,
        virtual_host: str,
        queue: str,
        prefetch: int,
        name: str,
        heartbeat_s: int,
        on_message: OnMessage,
    ) -> Self:
        """Connect and consume, with at most `prefetch` messages unacknowledged at a time."""
        with _translated():
            connection = BlockingConnection(_parameters(broker_url, virtual_host, name, heartbeat_s))
        try:
            with _translated():
                channel = _consume(connection, queue=queue, prefetch=prefetch, name=name, on_message=on_message)
        except (SourceLost, SourceUnusable):
            _close_quietly(connection)
            raise
        return cls(connection=connection, channel=channel)

    def pump(self, *, time_limit_s: float) -> None:
        """Deliver what arrives and keep the connection alive; returns after `time_limit_s`, a delivery or `wake`."""
        with _translated():
            self._connection.process_data_events(time_limit=time_limit_s)
        if not self._channel.is_open:
            raise SourceLost("the consumer was cancelled")

    def wake(self) -> None:
        """End a `pump` early, from any thread."""
        with contextlib.suppress(AMQPError, OSError):
            self._connection.add_callback_threadsafe(lambda: None)

    def acknowledge(self, tag: int) -> None:
        """This message is done with."""
        with _translated():
            self._channel.basic_ack(tag)

    def acknowledge_up_to(self, tag: int) -> None:
        """So are this and every earlier one."""
        with _translated():
            self._channel.basic_ack(tag, multiple=True)

    def requeue_up_to(self, tag: int) -> None:
        """The broker has this and every unacknowledged earlier one back, and delivers them as redelivered."""
        with _translated():
            self._channel.basic_nack(tag, multiple=True, requeue=True)

    def close(self) -> None:
        """The broker has all unacknowledged messages back; idempotent, raises nothing."""
        _close_quietly(self._connection)


def _consume(
    connection: BlockingConnection, *, queue: str, prefetch: int, name: str, on_message: OnMessage
) -> BlockingChannel:
    channel = connection.channel()
    channel.basic_qos(prefetch_count=prefetch)

    def deliver(_: BlockingChannel, method: Basic.Deliver, properties: pika.BasicProperties, body: bytes) -> None:
        on_message(method.delivery_tag or 0, body, properties, bool(method.redelivered))

    # A queue that is deleted or moves to another node cancels its consumers; consuming it anew tells which it was.
    channel.add_on_cancel_callback(lambda _: channel.close())
    channel.basic_consume(queue, deliver, consumer_tag=name)
    return channel


def _close_quietly(connection: BlockingConnection) -> None:
    with contextlib.suppress(AMQPError, OSError):
        if connection.is_open:
            connection.close()


def _parameters(broker_url: str, virtual_host: str, name: str, heartbeat_s: int) -> pika.URLParameters:
    parameters = pika.URLParameters(broker_url)
    parameters.virtual_host = virtual_host
    parameters.heartbeat = heartbeat_s
    parameters.socket_timeout = _SOCKET_TIMEOUT_S
    parameters.stack_timeout = _SOCKET_TIMEOUT_S
    parameters.blocked_connection_timeout = _SOCKET_TIMEOUT_S
    parameters.client_properties = {"connection_name": f"event source mapping {name}"}
    return parameters


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """pika's errors as ours, most specific first."""
    try:
        yield
    except (AuthenticationError, ProbableAuthenticationError) as error:
        raise SourceUnusable(
            reason_code="EVENT_SOURCE_AUTHN_ERROR", detail="the broker refused the credentials"
        ) from error
    except ProbableAccessDeniedError as error:
        raise SourceUnusable(reason_code="EVENT_SOURCE_AUTHZ_ERROR", detail="no access to the virtual host") from error
    except (ChannelClosedByBroker, ConnectionClosedByBroker) as error:
        raise _closed_by_broker(error) from error
    except (AMQPError, OSError) as error:
        raise SourceLost(repr(error)) from error


def _closed_by_broker(error: ChannelClosedByBroker | ConnectionClosedByBroker) -> SourceLost | SourceUnusable:
    """A queue whose node is just down is NOT_FOUND too, and comes back."""
    code, text = error.reply_code, error.reply_text
    if code in {_ACCESS_REFUSED, _NOT_ALLOWED}:
        return SourceUnusable(reason_code="EVENT_SOURCE_AUTHZ_ERROR", detail=text)
    if code == _NOT_FOUND and "no queue" in text:
        return SourceUnusable(reason_code="ESM_CONFIG_NOT_VALID", detail=text)
    return SourceLost(f"closed by the broker: {code} {text}")
