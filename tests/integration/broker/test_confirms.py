"""A message is taken over when the broker has said so, and no sooner."""

from uuid import uuid4

from chalicelib.broker.establish import establish_topology
from chalicelib.broker.publisher import Publisher
from chalicelib.domain.messages import Dispatch
from tests.tcp_relay import TcpRelay


def test_what_the_broker_has_not_confirmed_in_time_is_not_taken(fresh_vhost: str) -> None:
    establish_topology(fresh_vhost, retry_delays_s=())
    first, second = (Dispatch("email", b"body", str(uuid4()), "c-1") for _ in range(2))
    with TcpRelay(fresh_vhost) as relay:
        publisher = Publisher(relay.url)
        assert publisher.publish([first], timeout_s=20) == {0}
        relay.stall()
        assert publisher.publish([second], timeout_s=0.25) == frozenset()
        relay.flow()
        publisher.close()
