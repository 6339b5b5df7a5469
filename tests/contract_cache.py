"""What the suites over Redis and its fakes share: time that passes, and a Redis that goes away, when a test says so."""

from collections.abc import Callable
from typing import Protocol

from chalicelib.stores.cache import Cache

NOBODY = "redis://127.0.0.1:1/0"


class ManualCache(Cache):
    """The real Redis."""

    def let_pass(self, seconds: float) -> None:
        """Redis has no clock to turn: what would have ended by then ends now. A key that never ends is an error."""
        with self.client() as client:
            for name in client.scan_iter():
                left_ms = client.pttl(name)
                assert left_ms > 0, "a key that never ends"
                client.pexpire(name, max(0, left_ms - round(seconds * 1000)))

    def take_away(self) -> None:
        """From now on it is where nobody listens."""
        self.close()
        super().__init__(NOBODY)


class Fake(Protocol):
    """A fake that answers as without Redis while it is not `up`."""

    up: bool


def taking_away(fake: Fake) -> Callable[[], None]:
    def take_away() -> None:
        fake.up = False

    return take_away
