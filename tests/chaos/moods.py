"""Faults of the providers: the doubles' moods, for one channel at a time."""

from dataclasses import dataclass

import httpx

from tests.chaos.fault import World
from tests.e2e.api import succeeded

DOUBLES = {"email": "MAIL_URL", "push": "FCM_URL"}


@dataclass(frozen=True, slots=True)
class Mood:
    """The provider of a channel is in this mood for `for_s`. `after_s` is how long it makes wait, where it does."""

    kind: str
    channel: str
    for_s: float
    after_s: float | None = None

    @property
    def target(self) -> str:
        return f"{self.channel} provider"

    def begin(self, world: World) -> None:
        delay = {} if self.after_s is None else {"after_s": self.after_s}
        self._put(world, {"mode": self.kind, **delay})

    def end(self, world: World) -> None:
        self._put(world, {"mode": "normal"})

    def _put(self, world: World, mood: dict[str, object]) -> None:
        succeeded(httpx.put(f"{world.addresses[DOUBLES[self.channel]]}/mood", json=mood))
