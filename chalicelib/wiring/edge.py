"""What stands before every route."""

from chalicelib.domain.rate import Rate
from chalicelib.services.limit_rate import RateLimiter
from chalicelib.stores.rate_counters import RedisRateCounters
from chalicelib.wiring.environment import redis_cache, settings
from chalicelib.wiring.kept import kept


@kept
def rate_counters() -> RedisRateCounters:
    """The counters of all rates. Their names share one space: begin each with what it counts, such as `login:`."""
    return RedisRateCounters(cache=redis_cache())


@kept
def limiter() -> RateLimiter:
    return RateLimiter(
        counters=rate_counters(),
        per_client=Rate.parse(settings().rate_limit_client),
        per_address=Rate.parse(settings().rate_limit_ip),
    )


@kept
def allowed_origins() -> frozenset[str]:
    return settings().allowed_origins


def trusted_proxy_hops() -> int:
    return settings().trusted_proxy_hops
