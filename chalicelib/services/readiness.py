"""Hands out claimed deliveries one by one, each looked at a moment before it is sent.

A batch may take as long as its function has. What changed meanwhile (an address, a wish, a cancellation, an erasure)
counts for everything that was not handed to a provider yet.
"""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from chalicelib.domain.circuit import Monotonic
from chalicelib.domain.delivery import Claimed
from chalicelib.errors import DatabaseUnavailable
from chalicelib.services.ports import Claims, CompiledTemplates, People, PreferencesOf
from chalicelib.services.prepare import Prepared, prepare
from chalicelib.services.settle import Settler, put_back

LONGEST_KNOWN_S = 2.0


@dataclass(slots=True, kw_only=True)
class Readiness:
    """What is left of a batch. It is prepared in rounds, and what was prepared too long ago is prepared again."""

    claims: Claims
    people: People
    preferences_of: PreferencesOf
    compiled: CompiledTemplates
    settler: Settler
    round_size: int
    monotonic_s: Monotonic = time.monotonic
    _waiting: deque[Claimed] = field(default_factory=deque)
    _ready: deque[Prepared] = field(default_factory=deque)
    _known_at_s: float = 0.0
    _is_fresh: bool = True

    def begin(self, batch: Sequence[Claimed]) -> None:
        """Take over what was claimed just now."""
        self._waiting.extend(batch)
        self._is_fresh = True

    def take(self) -> Prepared | None:
        """The next one to be sent, if there is one. What turns out not to be sent is settled on the way."""
        if self._ready and self.monotonic_s() - self._known_at_s > LONGEST_KNOWN_S:
            self._waiting.extendleft(one.claimed for one in reversed(self._ready))
            self._ready.clear()
        while self._waiting and not self._ready:
            self._prepare_round()
        return self._ready.popleft() if self._ready else None

    def give_up(self) -> None:
        """Put everything that was not taken back into its queue."""
        for claimed in [*(one.claimed for one in self._ready), *self._waiting]:
            self.settler.add(put_back(claimed))
        self._ready.clear()
        self._waiting.clear()

    def __bool__(self) -> bool:
        return bool(self._ready or self._waiting)

    def _prepare_round(self) -> None:
        size = min(self.round_size, len(self._waiting))
        batch = self._without_cancelled([self._waiting.popleft() for _ in range(size)])
        self._known_at_s = self.monotonic_s()
        prepared, ended = prepare(
            batch,
            people=self.people,
            preferences_of=self.preferences_of,
            compiled=self.compiled,
            now=self.settler.clock(),
        )
        for settlement in ended:
            self.settler.add(settlement)
        self._ready.extend(prepared)

    def _without_cancelled(self, batch: list[Claimed]) -> list[Claimed]:
        """Those that nobody asked to cancel since they were claimed; settling makes the others `cancelled`."""
        if self._is_fresh:
            self._is_fresh = False
            return batch
        try:
            cancelled = self.claims.find_cancelled([one.delivery_id for one in batch])
        except DatabaseUnavailable:
            return batch  # the attempt under way is all that a cancellation may miss
        for one in batch:
            if one.delivery_id in cancelled:
                self.settler.add(put_back(one))
        return [one for one in batch if one.delivery_id not in cancelled]
