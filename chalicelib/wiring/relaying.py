"""Bringing back what was forgotten, and what waited for its provider."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial

from chalicelib.channels.registry import provider_names
from chalicelib.domain.notification import Channel
from chalicelib.domain.provider_url import ProviderUrl
from chalicelib.services import relay as relaying
from chalicelib.services.release import Release, Way
from chalicelib.stores.left_alone import LeftAloneStore
from chalicelib.wiring.delivery import outbox
from chalicelib.wiring.environment import circuits, clock, database, log, pause, publisher, settings


def ways_of(urls: Sequence[ProviderUrl]) -> Mapping[Channel, Sequence[Way]]:
    """The providers of each channel, in their order, as release looks at them."""
    rates = {(Channel.EMAIL, url.name): url.rate.amount / url.rate.window_s for url in urls if url.rate}
    ways: dict[Channel, list[Way]] = {channel: [] for channel in Channel}
    for channel, name in provider_names(urls):
        ways[channel].append(Way(f"{channel}:{name}", rates.get((channel, name))))
    return ways


@cache
def release() -> Release:
    return Release(
        left_alone=LeftAloneStore(database=database("notifications")),
        circuits=circuits(),
        ways=ways_of(settings().provider_urls),
    )


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
        release=release(),
    )
