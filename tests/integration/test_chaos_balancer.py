"""The balancer before the nodes of a cluster, with nodes that only say who they are."""

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.chaos.balancer import Balancer


class Node:
    """Greets with its name, then echoes."""

    def __init__(self, name: bytes) -> None:
        self._name = name
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._taken: list[socket.socket] = []
        self.url = f"amqp://user:secret@127.0.0.1:{self._listener.getsockname()[1]}/%2F"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def die(self) -> None:
        for end in (self._listener, *self._taken):
            end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._thread.join()
        self._taken.clear()

    def _run(self) -> None:
        try:
            while True:
                taken, _ = self._listener.accept()
                self._taken.append(taken)
                taken.sendall(self._name)
        except OSError:
            return


@pytest.fixture
def nodes() -> Iterator[list[Node]]:
    nodes = [Node(name) for name in (b"1", b"2", b"3")]
    living = list(nodes)
    yield living
    for node in living:
        node.die()


@pytest.fixture
def balancer(nodes: list[Node]) -> Iterator[Balancer]:
    with Balancer([node.url for node in nodes]) as balancer:
        yield balancer


def connect(balancer: Balancer) -> socket.socket:
    port = int(balancer.url.rpartition(":")[2].partition("/")[0])
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def greeting(balancer: Balancer) -> bytes:
    with connect(balancer) as connection:
        return connection.recv(1)


def test_its_url_is_that_of_a_node_at_another_port(balancer: Balancer) -> None:
    assert balancer.url.startswith("amqp://user:secret@127.0.0.1:")
    assert balancer.url.endswith("/%2F")


def test_connections_go_round(balancer: Balancer) -> None:
    assert {greeting(balancer) for _ in range(3)} == {b"1", b"2", b"3"}


def test_a_connection_ends_with_its_node_and_the_next_goes_to_a_living_one(
    balancer: Balancer, nodes: list[Node]
) -> None:
    with connect(balancer) as connection:
        assert connection.recv(1) == b"1"
        nodes.pop(0).die()
        assert connection.recv(1) == b""
    assert {greeting(balancer) for _ in range(6)} == {b"2", b"3"}


def test_without_a_living_node_a_connection_is_closed_at_once(balancer: Balancer, nodes: list[Node]) -> None:
    while nodes:
        nodes.pop().die()
    assert greeting(balancer) == b""
