"""What stands before every route."""

from functools import cache

from chalicelib.domain.principal import Principal
from chalicelib.domain.rate import Rate, Standing
from chalicelib.wiring.environment import settings


class _Uncounted:
    def count(self, _caller: Principal | None, *, source_ip: str) -> Standing:  # noqa: ARG002
        rate = Rate.parse(settings().rate_limit_client)
        return Standing(limit=rate.amount, remaining=rate.amount, reset_s=rate.window_s, exceeded=False)


@cache
def limiter() -> _Uncounted:
    return _Uncounted()


@cache
def allowed_origins() -> frozenset[str]:
    return settings().allowed_origins


def trusted_proxy_hops() -> int:
    return settings().trusted_proxy_hops
