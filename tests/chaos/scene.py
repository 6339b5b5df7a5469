"""A whole system of its own for one run, and where its records are kept."""

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from offline.stack.layout import DEFAULT_ROOT
from offline.stack.testbed import private_stack
from tests.chaos.fault import Server, World
from tests.chaos.full_disk import small_disk
from tests.chaos.lateness import Bounds
from tests.e2e.api import Client

RESULT = DEFAULT_ROOT / "chaos.json"
FOLDER = DEFAULT_ROOT / "chaos"

FUNCTION_TIMEOUT_S = 12
RETRY_DELAYS_S = (1, 2, 4)
PROVIDER_TIMEOUT_S = 4
BOUNDS = Bounds(lease_s=FUNCTION_TIMEOUT_S + 5.0, relay_tick_s=2.0, retry_delays_s=RETRY_DELAYS_S)

# Everything as in production, on a clock that one can wait for; and rates that no load uses up.
SETTINGS: Mapping[str, str] = {
    "RETRY_DELAYS_S": ",".join(map(str, RETRY_DELAYS_S)),
    "PROVIDER_TIMEOUT_S": str(PROVIDER_TIMEOUT_S),
    "CIRCUIT_OPEN_S": "2",
    "RATE_LIMIT_IP": "1000000/minute",
    "RATE_LIMIT_CLIENT": "1000000/minute",
    "RATE_LIMIT_LOGIN_IP": "1000000/minute",
}


@contextlib.contextmanager
def whole_system(
    *,
    say: Callable[[str], None],
    settings: Mapping[str, str] = SETTINGS,
    function_timeout_s: int = FUNCTION_TIMEOUT_S,
    folder: Path = FOLDER,
    guests: Mapping[str, Server] | None = None,
    on_small_disk: bool = False,
) -> Iterator[World]:
    """A world that is up. At the end nothing is left of it but its logs, in the folder.

    `guests` stand in the place of servers of its own; `settings` name their URLs.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tell = _told_by_parts(say)
    with private_stack(settings=settings, say=tell, function_timeout_s=function_timeout_s) as stack:
        try:
            with (
                small_disk(stack) if on_small_disk else contextlib.nullcontext(),
                contextlib.closing(Client(stack.up())) as client,
            ):
                yield World(stack, client, say, guests or {})
        finally:
            if stack.layout.logs.exists():
                shutil.copytree(stack.layout.logs, folder / "logs")


def _told_by_parts(say: Callable[[str], None]) -> Callable[[str, str], None]:
    return lambda part, text: say(f"{part:<12} {text}")
