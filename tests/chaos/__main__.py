"""`make chaos`: break every part of a whole system while it accepts, and see whether it keeps its promises.

PROFILE is short (default), long, or a scenario: provider-outage, database-outage, poison. SEED repeats a plan.
Exits with 0 when every promise was kept.
"""

import importlib
import os
import random
import signal
import sys
from types import FrameType

from tests.chaos.campaign import run
from tests.chaos.profile import PROFILES, SHORT

SCENARIOS = ("provider-outage", "database-outage", "poison")
SEEDS = 1_000_000


def main() -> int:
    """The exit code."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    name = os.environ.get("PROFILE", SHORT.name)
    seed = int(os.environ.get("SEED") or random.randrange(SEEDS))  # noqa: S311 - to be repeated, not to be secret
    if name in SCENARIOS:
        scenario = importlib.import_module(f"tests.chaos.scenarios.{name.replace('-', '_')}")
        return 0 if scenario.run(seed=seed, say=_say) else 1
    if name not in PROFILES:
        _say(f"PROFILE is one of {', '.join((*PROFILES, *SCENARIOS))}, not {name!r}")
        return 2
    return 0 if run(PROFILES[name], seed=seed, say=_say) else 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
