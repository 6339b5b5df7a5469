"""What a process writes to its standard output and error, read in portions after the fact.

A file instead of a pipe: whatever was written before an answer is there when the answer is, and nobody blocks.
"""

import fcntl
import os
import tempfile

_KEEP_BYTES = 1 << 20


class OutputFile:
    """An unnamed file for a child. Everything but `fileno` belongs to one thread at a time."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by `close`
        flags = fcntl.fcntl(self._file, fcntl.F_GETFL)
        fcntl.fcntl(
            self._file, fcntl.F_SETFL, flags | os.O_APPEND
        )  # so that writing goes on at the end after a truncation
        self._taken_bytes = 0

    def fileno(self) -> int:
        """For the child."""
        return self._file.fileno()

    def take(self) -> str:
        """Everything written since the last time; nothing after `close`."""
        if self._file.closed:
            return ""
        content = os.pread(self.fileno(), os.fstat(self.fileno()).st_size - self._taken_bytes, self._taken_bytes)
        self._taken_bytes += len(content)
        if self._taken_bytes > _KEEP_BYTES and self._taken_bytes == os.fstat(self.fileno()).st_size:
            os.ftruncate(self.fileno(), 0)
            self._taken_bytes = 0
        return content.decode(errors="replace")

    def close(self) -> None:
        """Idempotent."""
        self._file.close()
