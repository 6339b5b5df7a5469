"""How the installation is doing, and what was done to it."""

import time
from collections.abc import Callable
from functools import cache, partial

from chalicelib.broker.topology import LANES
from chalicelib.services import check_health as checking
from chalicelib.stores.pings import ping_cache, ping_databases
from chalicelib.wiring.environment import STORES, database, publisher, redis_cache

BROKER_CHECK_TIMEOUT_S = 1.0


@cache
def check_health() -> Callable[[], checking.Health]:
    checks: dict[str, checking.Check] = {
        "postgresql": partial(ping_databases, [database(store) for store in STORES]),
        "redis": partial(ping_cache, redis_cache()),
        "rabbitmq": partial(publisher().count_ready, LANES[0], timeout_s=BROKER_CHECK_TIMEOUT_S),
    }
    return partial(checking.check_health, checks=checks, required={"postgresql"}, monotonic_s=time.monotonic)
