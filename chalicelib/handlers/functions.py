"""The edges of the functions that are not HTTP: context in, one service call, nothing out.

Each imports its own part of the wiring when it is invoked, so that none pays at its cold start for another's.
"""

# ruff: noqa: PLC0415  see above
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from chalicelib.domain.notification import Channel
from chalicelib.handlers.queue import read_event


class LambdaContext(Protocol):
    """What these functions use of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int: ...


Event = Mapping[str, Any]  # Any: JSON of Lambda's making


def deliver_email(event: Event, context: LambdaContext) -> None:
    from chalicelib.wiring import delivery

    delivery.deliver(Channel.EMAIL, _remaining_s(context))(read_event(event))


def deliver_push(event: Event, context: LambdaContext) -> None:
    from chalicelib.wiring import delivery

    delivery.deliver(Channel.PUSH, _remaining_s(context))(read_event(event))


def archive_failed(event: Event, _context: LambdaContext) -> None:
    from chalicelib.wiring import delivery

    delivery.archive()(read_event(event))


def relay(_event: Event, context: LambdaContext) -> None:
    from chalicelib.wiring import people, relaying

    remaining_s = _remaining_s(context)
    relaying.relay(remaining_s)()
    people.finish_erasures(remaining_s)()


def measure_queues(_event: Event, _context: LambdaContext) -> None:
    from chalicelib.wiring import queues

    queues.measure_queues()()
    canary = queues.canary()
    if canary is not None:
        canary()


def purge(_event: Event, context: LambdaContext) -> None:
    from chalicelib.wiring import retention

    retention.purge(_remaining_s(context))()


def migrate(event: Event) -> dict[str, str | None]:
    from chalicelib.handlers import migrate as migration

    return migration.migrate(event)


def _remaining_s(context: LambdaContext) -> Callable[[], float]:
    return lambda: context.get_remaining_time_in_millis() / 1000
