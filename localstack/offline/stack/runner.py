"""Starts our own processes: keeps what is healthy and unchanged, replaces what is not."""

from offline.services.errors import ServerFailed
from offline.services.processes import Processes
from offline.stack.health import answers, wait_until_healthy
from offline.stack.migration import last_words
from offline.stack.parts import Part

HEALTH_DEADLINE_S = 45.0
PATIENCE_S = 6.0


def launch(part: Part, processes: Processes) -> bool:
    """Start a part unless it runs, answers and is what it should be; say whether that was needed."""
    if is_current(part, processes):
        return False
    processes.stop(part.name, patience_s=PATIENCE_S)
    processes.start(part.name, part.command, fingerprint=part.fingerprint)
    return True


def is_current(part: Part, processes: Processes) -> bool:
    """Say whether a part runs, answers and is what it should be."""
    record = processes.find(part.name)
    return record is not None and record.fingerprint == part.fingerprint and answers(part.health_url)


def wait_for(part: Part, processes: Processes) -> None:
    """Return when a launched part answers.

    Raises:
        ServerFailed: it does not; the message holds its last words.
    """
    try:
        wait_until_healthy(
            part.name,
            part.health_url,
            alive=lambda: processes.find(part.name) is not None,
            deadline_s=HEALTH_DEADLINE_S,
        )
    except ServerFailed as failure:
        log = processes.log(part.name)
        raise ServerFailed(f"{failure}, see {log}:\n{last_words(log)}") from failure
