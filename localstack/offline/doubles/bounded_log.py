"""What a double received, oldest first, in bounded memory."""

from collections.abc import Iterator
from typing import Generic, TypeVar

Entry = TypeVar("Entry")
DEFAULT_KEEP = 50_000


class BoundedLog(Generic[Entry]):
    """Keeps the last `keep` entries under ids that count up and are never used again, also after `clear`."""

    def __init__(self, *, keep: int = DEFAULT_KEEP) -> None:
        self._keep = keep
        self._entries: dict[str, Entry] = {}
        self._last_id = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[tuple[str, Entry]]:
        """Ids and entries, oldest first, as they are now: later changes do not disturb the iteration."""
        return iter(list(self._entries.items()))

    def append(self, entry: Entry) -> str:
        """The new entry's id; the oldest one goes when the log is full, and is counted in `dropped`."""
        self._last_id += 1
        entry_id = f"{self._last_id:08d}"
        self._entries[entry_id] = entry
        if len(self._entries) > self._keep:
            del self._entries[next(iter(self._entries))]
            self.dropped += 1
        return entry_id

    def find(self, entry_id: str) -> Entry | None:
        """The entry of an id; None when it is unknown, dropped or cleared."""
        return self._entries.get(entry_id)

    def clear(self) -> None:
        """Forgets all entries."""
        self._entries.clear()
        self.dropped = 0
