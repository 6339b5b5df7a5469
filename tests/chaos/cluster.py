"""A cluster of RabbitMQ nodes of one's own, with one URL, to stand in the place of a stack's broker."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from offline.services.binaries import find_rabbitmq
from offline.services.errors import ServerMissing
from offline.services.fetched_rabbitmq import find_fetched
from offline.services.private import Endpoint, Site
from offline.services.processes import Processes
from offline.services.rabbitmq_cluster import Cluster
from offline.stack.plan import load_or_make
from offline.stack.testbed import private_stack
from tests.chaos.balancer import Balancer


@dataclass(frozen=True, slots=True)
class BalancedCluster:
    """A cluster behind its balancers: what a stack is given as RABBITMQ_URL and RABBITMQ_MANAGEMENT_URL."""

    cluster: Cluster
    url: str
    management_url: str

    @property
    def settings(self) -> dict[str, str]:
        """The environment that makes a stack use it."""
        return {"RABBITMQ_URL": self.url, "RABBITMQ_MANAGEMENT_URL": self.management_url}


@contextlib.contextmanager
def balanced_cluster(*, size: int = 3) -> Iterator[BalancedCluster]:
    """A running cluster in a private folder, of which nothing is left behind.

    The folder is one of a stack that never comes up: what a killed run leaves is removed like an abandoned stack.

    Raises:
        ServerMissing: no RabbitMQ is installed or has been fetched; `make up` fetches one.
    """
    with private_stack() as owner:
        layout = owner.layout
        installation = find_rabbitmq() or find_fetched(layout.cache)
        if installation is None:
            raise ServerMissing("a cluster needs a RabbitMQ that is installed or was fetched before")
        mark = load_or_make(layout.plan, prefer_defaults=False).mark
        site = Site(
            folder=layout.services,
            cache=layout.cache,
            processes=Processes(records=layout.processes, logs=layout.logs, mark=mark),
            prefer_default_ports=False,
            cancelled=threading.Event(),
        )
        cluster = Cluster(installation, site, size=size)
        try:
            endpoints = [*cluster.start().values()]
            with Balancer([each.url for each in endpoints]) as amqp, Balancer(_management_urls(endpoints)) as http:
                yield BalancedCluster(cluster, amqp.url, http.url)
        finally:
            cluster.stop()


def _management_urls(endpoints: Sequence[Endpoint]) -> list[str]:
    return [each.management_url for each in endpoints if each.management_url is not None]
