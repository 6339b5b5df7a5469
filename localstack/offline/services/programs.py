"""Short-lived programs that install or start something for us, such as pip, apt and Docker Compose."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def complaint_of(
    command: Sequence[str],
    *,
    deadline_s: float,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str | None:
    """Run a program to its end; return what it complained of, None when it did its work in time.

    It is killed at the deadline. Without an `environment` it has ours.
    """
    try:
        answer = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=deadline_s, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{Path(command[0]).name} was not done within {deadline_s:g} s"
    if answer.returncode == 0:
        return None
    return answer.stderr.strip() or answer.stdout.strip() or f"it ended with {answer.returncode}, and said nothing"
