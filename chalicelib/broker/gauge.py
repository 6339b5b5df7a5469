"""Asks the broker how much its queues hold."""

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from pika.channel import Channel
from pika.exceptions import ChannelClosedByBroker
from pika.frame import Method
from pika.spec import Queue

from chalicelib.broker.session import CONNECT_TIMEOUT_S, PIKA_FAULTS, Session, connection_parameters, left_s
from chalicelib.domain.backlog import QueueLevel
from chalicelib.errors import BrokerUnavailable


class QueueGauge:
    """Declares queues passively, which tells what they hold and changes nothing.

    Each question has a connection of its own, which never publishes: the broker answers it also while a resource alarm
    blocks publishers. Each queue has a channel of its own, because asking for one that is not there closes the channel.
    """

    def __init__(self, url: str, *, doubt: Callable[[], None] = lambda: None) -> None:
        """`doubt` is told when the broker refuses the user or the password of the URL.

        Raises: ValueError when the URL is malformed.
        """
        self._parameters = connection_parameters(url)
        self._doubt = doubt

    def measure(self, queues: Iterable[str], *, timeout_s: float) -> Mapping[str, QueueLevel]:
        """What each queue holds, all asked at once; one that is not there, or cannot say in time, is left out.

        Raises:
            BrokerUnavailable: no answer came at all.
        """
        return _Question(partial(Session, self._parameters, doubt=self._doubt), queues).answers(timeout_s=timeout_s)


class _Question:
    def __init__(self, begin: Callable[[], Session], queues: Iterable[str]) -> None:
        self._begin = begin
        self._open = set(queues)
        self._levels: dict[str, QueueLevel] = {}

    def answers(self, *, timeout_s: float) -> Mapping[str, QueueLevel]:
        asked, deadline_s = len(self._open), time.monotonic() + timeout_s
        try:
            self._ask_until(deadline_s)
        except (BrokerUnavailable, *PIKA_FAULTS) as error:
            if len(self._open) == asked:
                raise BrokerUnavailable(f"RabbitMQ: {type(error).__name__} when measuring") from error
        return self._levels

    def _ask_until(self, deadline_s: float) -> None:
        session = self._begin()
        try:
            session.wait_open(timeout_s=min(CONNECT_TIMEOUT_S, left_s(deadline_s)))
            for queue in tuple(self._open):
                self._ask(session, queue)
            session.run_until(lambda: not self._open, timeout_s=left_s(deadline_s))
        finally:
            session.close()

    def _ask(self, session: Session, queue: str) -> None:
        def on_open(channel: Channel) -> None:
            channel.add_on_close_callback(on_close)
            channel.queue_declare(queue, passive=True, callback=on_level)

        def on_level(frame: Method[Queue.DeclareOk]) -> None:
            self._levels[queue] = QueueLevel(frame.method.message_count, frame.method.consumer_count)
            on_answer()

        def on_close(_channel: Channel, reason: BaseException) -> None:
            if isinstance(reason, ChannelClosedByBroker):  # and not with the whole connection
                on_answer()

        def on_answer() -> None:
            self._open.discard(queue)
            session.wake()

        session.open_channel(on_open)
