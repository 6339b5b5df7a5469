"""Makes the exchange and the queues exist: the one use of a blocking connection, by the `migrate` function."""

from collections.abc import Iterable

import pika
from pika.exceptions import AMQPError

from chalicelib.broker import topology
from chalicelib.errors import BrokerUnavailable


def establish_topology(url: str, *, retry_delays_s: Iterable[int]) -> None:
    """Declare everything. Idempotent.

    Raises:
        BrokerUnavailable: the broker is away, or a queue exists with other arguments.
    """
    try:
        connection = pika.BlockingConnection(pika.URLParameters(url))
        try:
            topology.declare(connection.channel(), retry_delays_s=retry_delays_s)
        finally:
            if connection.is_open:
                connection.close()
    except (AMQPError, OSError) as error:  # a name that does not resolve comes as it is
        raise BrokerUnavailable(f"RabbitMQ: {type(error).__name__} when declaring the topology") from error
