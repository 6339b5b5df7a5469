"""Delivering what was accepted, and archiving what failed."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from chalicelib.channels.base import ConnectedProvider, Provider
from chalicelib.domain.messages import Received
from chalicelib.domain.notification import Channel
from chalicelib.domain.pace import Pace
from chalicelib.domain.rate import Rate
from chalicelib.services import archive as archiving
from chalicelib.services import deliver as delivering
from chalicelib.services.doubting_provider import DoubtingProvider
from chalicelib.services.failover import Failover
from chalicelib.services.guarded_provider import GuardedProvider
from chalicelib.services.settle import Settler
from chalicelib.stores.archive import ArchiveStore
from chalicelib.stores.claims import ClaimStore
from chalicelib.stores.outbox import OutboxStore
from chalicelib.stores.pace import ProcessPace, SharedPace
from chalicelib.stores.settlements import SettlementStore
from chalicelib.wiring.environment import (
    breaker,
    clock,
    database,
    log,
    pause,
    publisher,
    redis_cache,
    secrets,
    settings,
)
from chalicelib.wiring.kept import closed_in_the_end, in_the_end, kept
from chalicelib.wiring.people import people, preferences_of
from chalicelib.wiring.templates import compiled


@kept
def outbox() -> OutboxStore:
    return OutboxStore(database=database("notifications"))


@kept
def failover(channel: Channel) -> Failover:
    """The providers of a channel in the order in which they are tried, each behind its circuit and at its pace."""
    rates = {url.name: url.rate for url in settings().provider_urls} if channel is Channel.EMAIL else {}
    return Failover([_guarded(channel, provider, rates.get(provider.name)) for provider in _connected(channel)])


def _guarded(channel: Channel, provider: Provider, rate: Rate | None) -> GuardedProvider:
    name = f"{channel}:{provider.name}"
    doubting = DoubtingProvider(provider, doubt=secrets().doubt)
    return GuardedProvider(doubting, breaker=breaker(name), pace=pace_of(name, rate), pause=pause)


def pace_of(name: str, rate: Rate | None) -> Pace:
    """Without a rate there are no slots to be shared: only what the provider itself has asked this environment for."""
    if rate is None:
        return ProcessPace(0.0, monotonic_s=time.monotonic)
    return SharedPace(name, rate.interval_s, cache=redis_cache(), monotonic_s=time.monotonic)


def _connected(channel: Channel) -> Sequence[Provider]:
    return [closed_in_the_end(provider) for provider in _bare(channel)]


def _bare(channel: Channel) -> Sequence[ConnectedProvider]:
    from chalicelib.channels import registry  # noqa: PLC0415  only a delivering function pays for its SDK

    if channel is Channel.EMAIL:
        return registry.email_providers(
            settings().provider_urls, sender=settings().email_from, timeout_s=settings().provider_timeout_s
        )
    return (
        registry.push_provider(
            settings().fcm_project_id,
            settings().reveal("fcm_credentials"),
            settings().fcm_endpoint,
            timeout_s=settings().provider_timeout_s,
            connections=concurrency(Channel.PUSH),
        ),
    )


def concurrency(channel: Channel) -> int:
    return settings().email_concurrency if channel is Channel.EMAIL else settings().push_concurrency


@kept
def sending_pool(channel: Channel) -> ThreadPoolExecutor:
    """Threads that outlive an invocation, so that each keeps its connection. What they have begun they end."""
    pool = ThreadPoolExecutor(max_workers=concurrency(channel), thread_name_prefix=f"send-{channel}")
    in_the_end(partial(pool.shutdown, wait=False))
    return pool


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
        failover=failover(channel),
        pool=sending_pool(channel),
        concurrency=concurrency(channel),
        send_timeout_s=settings().provider_timeout_s,
        delays=settings().retry_delays,
        settler=settler,
        courier=publisher(),
        remaining_s=remaining_s,
        log=log(),
    )


@kept
def archive() -> Callable[[Sequence[Received]], None]:
    records = ArchiveStore(database=database("notifications"))
    return partial(archiving.archive, records=records, courier=publisher(), clock=clock, log=log())
