"""What is left where no file system can be mounted: no process of a server may write beyond a size of any file.

Coarser than a full disk. A write beyond the limit fails with EFBIG, not ENOSPC, be it into a file that has its space
already: PostgreSQL cannot write its log ahead either, panics, and may give up its recovery and end.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable

from offline.services.errors import ServerMissing

LIMIT_BYTES = 65_536


def limit(pids: Iterable[int], *, user: int | None) -> None:
    """Limit these processes, and whatever they start from now on. `user` is the one they run as, if not ourselves.

    Raises:
        ServerMissing: this machine has no prlimit(1).
    """
    _set(pids, f"{LIMIT_BYTES}:", user)


def lift(pids: Iterable[int], *, user: int | None) -> None:
    """Limit them no more. Repeating it is harmless."""
    _set(pids, "unlimited:", user)


def _set(pids: Iterable[int], soft_limit: str, user: int | None) -> None:
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        raise ServerMissing("a full disk needs the right to mount a file system, or prlimit(1) of util-linux")
    for pid in pids:
        # Also for root: a container's root may lack CAP_SYS_RESOURCE, which the server's own user does not need.
        subprocess.run(
            [prlimit, "--pid", str(pid), f"--fsize={soft_limit}"],
            env={"PATH": os.defpath},
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            capture_output=True,
            check=False,  # a process that has ended meanwhile needs no limit
            timeout=10,
        )
