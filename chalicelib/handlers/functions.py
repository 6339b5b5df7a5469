"""The edges of the functions that are not HTTP: context in, one service call, nothing out."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from chalicelib.domain.notification import Channel
from chalicelib.handlers.queue import read_event
from chalicelib.wiring import delivery as wiring
from chalicelib.wiring import people, queues, relaying


class LambdaContext(Protocol):
    """What these functions use of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int: ...


Event = Mapping[str, Any]  # Any: JSON of Lambda's making


def deliver_email(event: Event, context: LambdaContext) -> None:
    wiring.deliver(Channel.EMAIL, _remaining_s(context))(read_event(event))


def deliver_push(event: Event, context: LambdaContext) -> None:
    wiring.deliver(Channel.PUSH, _remaining_s(context))(read_event(event))


def archive_failed(event: Event, _context: LambdaContext) -> None:
    wiring.archive()(read_event(event))


def relay(_event: Event, context: LambdaContext) -> None:
    remaining_s = _remaining_s(context)
    relaying.relay(remaining_s)()
    people.finish_erasures(remaining_s)()


def measure_queues(_event: Event, _context: LambdaContext) -> None:
    queues.measure_queues()()
    canary = queues.canary()
    if canary is not None:
        canary()


def _remaining_s(context: LambdaContext) -> Callable[[], float]:
    return lambda: context.get_remaining_time_in_millis() / 1000
