"""Count a request against whoever makes it."""

from ipaddress import IPv6Address, IPv6Network, ip_address

from chalicelib.domain.principal import Principal
from chalicelib.domain.rate import Rate, Standing
from chalicelib.services.ports import RateCounters

SUBSCRIBER_BITS_V6 = 64
"""The network that every subscriber has at least (RFC 4291 §2.5.1): counting single addresses would count nothing."""

SITE_BITS_V6 = 48
"""The most that one site is usually given (RFC 6177): whoever has one can speak from any of its 65,536 networks."""


class RateLimiter:
    """Verified clients have each their own rate, whichever address they come from; all others their address's."""

    def __init__(self, *, counters: RateCounters, per_client: Rate, per_address: Rate) -> None:
        self._counters = counters
        self._per_client = per_client
        self._per_address = per_address

    def count(self, caller: Principal | None, *, source_ip: str) -> Standing:
        """Count one more request. Never raises."""
        if caller is not None and caller.client_id is not None:
            return self._counters.hit(caller.name, caller.rate or self._per_client)
        return self._counters.hit(f"address:{network_of(source_ip)}", self._per_address)


def network_of(source_ip: str) -> str:
    """What requests count as one address: an IPv4 address, or an IPv6 /64. What is no address, as it is."""
    return _network(source_ip, bits_v6=SUBSCRIBER_BITS_V6)


def site_of(source_ip: str) -> str:
    """What failed logins count as one place: an IPv4 address, or an IPv6 /48. What is no address, as it is."""
    return _network(source_ip, bits_v6=SITE_BITS_V6)


def _network(source_ip: str, *, bits_v6: int) -> str:
    try:
        address = ip_address(source_ip)
    except ValueError:
        return source_ip
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), bits_v6), strict=False))
