"""Bringing back what was forgotten, and what waited for its provider."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from chalicelib.channels.registry import provider_names
from chalicelib.domain.notification import Channel
from chalicelib.domain.provider_url import ProviderUrl
from chalicelib.domain.rate import Rate
from chalicelib.services import relay as relaying
from chalicelib.services.release import Release, Way
from chalicelib.stores.left_alone import LeftAloneStore
from chalicelib.wiring.delivery import outbox, pace_of
from chalicelib.wiring.environment import circuits, clock, database, log, pause, publisher, settings
from chalicelib.wiring.kept import kept


def ways_of(urls: Sequence[ProviderUrl]) -> Mapping[Channel, Sequence[Way]]:
    """The providers of each channel, in their order, as release looks at them."""
    rates = {circuit: rate.amount / rate.window_s for circuit, rate in rates_of(urls).items()}
    ways: dict[Channel, list[Way]] = {channel: [] for channel in Channel}
    for channel, name in provider_names(urls):
        circuit = f"{channel}:{name}"
        ways[channel].append(Way(circuit, rates.get(circuit)))
    return ways


def rates_of(urls: Sequence[ProviderUrl]) -> Mapping[str, Rate]:
    """The rates that the operator gave, by the circuit of their provider."""
    return {f"{Channel.EMAIL}:{url.name}": url.rate for url in urls if url.rate}


@kept
def release() -> Release:
    return Release(
        left_alone=LeftAloneStore(database=database("notifications")),
        circuits=circuits(),
        ways=ways_of(settings().provider_urls),
        paces={name: pace_of(name, rate) for name, rate in rates_of(settings().provider_urls).items()},
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
