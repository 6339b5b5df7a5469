"""Delivering what was accepted, archiving what failed, bringing back what was forgotten."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

from chalicelib.channels.base import Provider
from chalicelib.domain.messages import Received
from chalicelib.domain.notification import Channel
from chalicelib.services import archive as archiving
from chalicelib.services import deliver as delivering
from chalicelib.services import relay as relaying
from chalicelib.services.guarded_provider import GuardedProvider
from chalicelib.services.settle import Settler
from chalicelib.stores.archive import ArchiveStore
from chalicelib.stores.claims import ClaimStore
from chalicelib.stores.outbox import OutboxStore
from chalicelib.stores.settlements import SettlementStore
from chalicelib.wiring.environment import breaker, clock, database, log, pause, publisher, settings
from chalicelib.wiring.people import people, preferences_of
from chalicelib.wiring.templates import compiled


@cache
def outbox() -> OutboxStore:
    return OutboxStore(database=database("notifications"))


@cache
def providers(channel: Channel) -> Sequence[Provider]:
    """The providers of a channel in the order in which they are tried, each behind its circuit."""
    return tuple(
        GuardedProvider(provider, breaker=breaker(f"{channel}:{provider.name}")) for provider in _bare(channel)
    )


def _bare(channel: Channel) -> Sequence[Provider]:
    from chalicelib.channels import registry  # noqa: PLC0415  only a delivering function pays for its SDK

    if channel is Channel.EMAIL:
        return registry.email_providers(
            settings().provider_urls, sender=settings().email_from, timeout_s=settings().provider_timeout_s
        )
    return (
        registry.push_provider(
            settings().fcm_project_id,
            settings().fcm_credentials.get_secret_value(),
            settings().fcm_endpoint,
            timeout_s=settings().provider_timeout_s,
            connections=concurrency(Channel.PUSH),
        ),
    )


def concurrency(channel: Channel) -> int:
    return settings().email_concurrency if channel is Channel.EMAIL else settings().push_concurrency


@cache
def sending_pool(channel: Channel) -> ThreadPoolExecutor:
    """Threads that outlive an invocation, so that each keeps its connection."""
    return ThreadPoolExecutor(max_workers=concurrency(channel), thread_name_prefix=f"send-{channel}")


def deliver(channel: Channel, remaining_s: Callable[[], float]) -> Callable[[Sequence[Received]], None]:
    """The delivery of one batch of this channel, within the time that its invocation has left."""
    settler = Settler(
        # what a provider has taken must be written: it is tried as long as there is time, open circuit or not
        settlements=SettlementStore(database=database("notifications").regardless()),
        people=people(),
        courier=publisher(),
        outbox=outbox(),
        clock=clock,
        log=log(),
        remaining_s=remaining_s,
        pause=pause,
    )
    return partial(
        delivering.deliver,
        claims=ClaimStore(database=database("notifications")),
        people=people(),
        preferences_of=preferences_of(),
        compiled=compiled,
        providers=providers(channel),
        pool=sending_pool(channel),
        concurrency=concurrency(channel),
        send_timeout_s=settings().provider_timeout_s,
        delays=settings().retry_delays,
        settler=settler,
        courier=publisher(),
        remaining_s=remaining_s,
        log=log(),
    )


@cache
def archive() -> Callable[[Sequence[Received]], None]:
    records = ArchiveStore(database=database("notifications"))
    return partial(archiving.archive, records=records, courier=publisher(), clock=clock, log=log())


def relay(remaining_s: Callable[[], float]) -> Callable[[], None]:
    return partial(
        relaying.relay,
        outbox=outbox(),
        courier=publisher(),
        gauge=publisher(),
        clock=clock,
        remaining_s=remaining_s,
        pause=pause,
        log=log(),
    )
