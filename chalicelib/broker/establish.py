"""Makes the exchange and the queues exist: by the `migrate` function, and by whoever finds them missing."""

import time
from collections.abc import Iterable

import pika
from pika.exceptions import AMQPError
from pika.frame import Method
from pika.spec import Queue

from chalicelib.broker import topology
from chalicelib.broker.session import PIKA_FAULTS, Session
from chalicelib.domain.messages import FAILED
from chalicelib.errors import BrokerUnavailable

ROOM_TO_RESTORE_S = 1.2
"""Declaring everything takes a tenth of that. Requests and checks of health have less, and leave it to relay."""

REST_AFTER_RESTORING_S = 10.0
"""A message that is returned also after that goes where no queue of ours is: declaring again would not help."""


def establish_topology(url: str, *, retry_delays_s: Iterable[int]) -> None:
    """Declare everything. Idempotent. The one use of a blocking connection.

    Raises:
        BrokerUnavailable: the broker is away, or a queue exists with other arguments.
    """
    try:
        connection = pika.BlockingConnection(pika.URLParameters(url))
        try:
            topology.declare(connection.channel(), retry_delays_s=retry_delays_s)
        finally:
            if connection.is_open:
                connection.close()
    except (AMQPError, OSError) as error:  # a name that does not resolve comes as it is
        raise BrokerUnavailable(f"RabbitMQ: {type(error).__name__} when declaring the topology") from error


class Restorer:
    """Declares everything again over a connection that is there, at most once in ten seconds.

    Several processes may do it at once. What is there stays as it is, with what it holds.
    """

    def __init__(self, retry_delays_s: Iterable[int] | None) -> None:
        """Without delays it never does anything: who does not know them cannot declare the wait queues."""
        self._retry_delays_s = None if retry_delays_s is None else tuple(retry_delays_s)
        self._rest_until_s = 0.0

    def may_begin(self, *, left_s: float) -> bool:
        """Whether it knows what to declare, has not done so just now, and there is time for it."""
        return (
            self._retry_delays_s is not None and time.monotonic() >= self._rest_until_s and left_s >= ROOM_TO_RESTORE_S
        )

    def restore(self, session: Session, *, timeout_s: float) -> None:
        """Declare without waiting for each answer, and wait for that of a last question, which comes after them all.

        Raises:
            BrokerUnavailable: there was no answer in time, or a queue exists with other arguments.
        """
        self._rest_until_s = time.monotonic() + REST_AFTER_RESTORING_S
        answers: list[int] = []

        def on_answer(frame: Method[Queue.DeclareOk]) -> None:
            answers.append(frame.method.message_count)
            session.wake()

        try:
            topology.declare(session.channel, retry_delays_s=self._retry_delays_s or ())
            session.channel.queue_declare(topology.queue_of(FAILED), passive=True, callback=on_answer)
            session.run_until(lambda: bool(answers), timeout_s=timeout_s)
        except PIKA_FAULTS as error:
            raise BrokerUnavailable(f"RabbitMQ: {type(error).__name__} when restoring the topology") from error
