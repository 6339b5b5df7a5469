"""`make chaos` as it is typed: every part is broken once while the system accepts, and it keeps every promise."""

import json
import os
import subprocess
import sys
from collections.abc import Callable

from offline.stack.layout import REPOSITORY
from tests.chaos.profile import SHORT
from tests.chaos.scene import RESULT

SEED = "1"
LONGEST_S = 240
PROMISED_KEYS = (
    *("accepted", "sent", "failed", "skipped", "lost", "duplicated", "explained_duplicates", "faults"),
    "longest_to_terminal_s",
)


def test_the_short_profile_keeps_every_promise(record_property: Callable[[str, object], None]) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "PYTHONPATH": f"{REPOSITORY / 'localstack'}{os.pathsep}{REPOSITORY}",
        "SEED": SEED,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos"],
        env=environment,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    figures = json.loads(RESULT.read_text("utf-8"))
    for key in PROMISED_KEYS:
        record_property(key, figures[key])
    assert figures["lost"] == 0
    assert figures["duplicated"] == figures["explained_duplicates"]
    assert figures["accepted"] >= SHORT.least_accepted
    assert figures["faults"] >= SHORT.least_faults
    assert f"| accepted | {figures['accepted']} |" in done.stdout
