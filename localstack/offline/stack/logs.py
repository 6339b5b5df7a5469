"""Follows the logs of a stack, all in one stream, each line with the name of who wrote it."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

_POLL_S = 0.2
# What the servers write is theirs to say; a reader asks for it by name.
SERVERS = ("postgresql", "valkey", "rabbitmq", "epmd")


class LogFollower:
    """Reads what is appended to the logs of a folder, also to logs that appear later."""

    def __init__(self, folder: Path, *, wanted: Callable[[str], bool], from_start: bool) -> None:
        self._folder = folder
        self._wanted = wanted
        self._read_up_to: dict[Path, int] = {}
        if not from_start:
            self._read_up_to = {file: file.stat().st_size for file in self._files()}

    def read(self) -> Iterator[tuple[str, str]]:
        """Yield every complete line written since the last call, with the name of its log."""
        for file in self._files():
            with file.open("rb") as log:
                log.seek(self._read_up_to.get(file, 0))
                written = log.read()
            complete = written[: written.rfind(b"\n") + 1]
            self._read_up_to[file] = self._read_up_to.get(file, 0) + len(complete)
            for line in complete.decode(errors="replace").splitlines():
                yield file.stem, line

    def _files(self) -> list[Path]:
        return [file for file in sorted(self._folder.glob("*.log")) if self._wanted(file.stem)]


def follow(
    lines: Callable[[], Iterable[tuple[str, str]]],
    *,
    until: Callable[[], bool],
    width: int = 11,
    poll_s: float = _POLL_S,
) -> None:
    """Print lines as they come, each behind the name of its log, until told to end."""
    while not until():
        for name, line in lines():
            print(f"{name:<{width}}| {line}", flush=True)
        time.sleep(poll_s)
