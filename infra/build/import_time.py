"""How long a cold start imports: as a ratio to what any function like these would import, in the same package and run.

Processor time is measured, which a busy machine changes little; bare Python's is subtracted, and of alternating
runs the median counts. The bare interpreter has the standard library alone.
"""

import os
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from infra.build.rehearsal import bare_python
from infra.errors import BuildFailed

REFERENCE = "import chalice, pydantic, psycopg, redis, pika, jwt"
BUDGET = 1.25
"""How many times the reference `import app` may take."""

ROUNDS = 9
MEASURES = 4
"""Beside other work the ratio moves by 0.05 either way: too much is what each of so many measures finds too much."""


def import_ratios(package: Path, statements: Mapping[str, str], *, rounds: int = ROUNDS) -> dict[str, float]:
    """The ratio of each of these statements, executed in an unpacked package. Takes some seconds."""
    programs = {"": "", "reference": REFERENCE, **statements}
    spent_s: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            spent_s[name].append(_cpu_s(package, program))
    median_s = {name: statistics.median(times_s) for name, times_s in spent_s.items()}
    unit_s = median_s["reference"] - median_s[""]
    return {name: (median_s[name] - median_s[""]) / unit_s for name in statements}


def ratio_of_app(package: Path) -> float:
    """The ratio of `import app`, measured once."""
    return import_ratios(package, {"app": "import app"})["app"]


def check_import_time(package: Path, *, measure: Callable[[Path], float] = ratio_of_app) -> float:
    """The ratio of `import app`. Raises: BuildFailed when every measure is over the budget."""
    ratios: list[float] = []
    for _ in range(MEASURES):
        ratios.append(measure(package))
        if ratios[-1] <= BUDGET:
            return ratios[-1]
    raise BuildFailed(
        f"import app takes {min(ratios):.2f} times as long as {REFERENCE}; {BUDGET} is the budget.",
        remedy="python -X importtime -c 'import app' in the unpacked package tells where the time goes.",
    )


def _cpu_s(package: Path, program: str) -> float:
    command: Sequence[str] = (
        *bare_python(),
        "-c",
        f"import sys; sys.path.insert(0, {str(package.resolve())!r})\n{program}",
    )
    process = subprocess.Popen(command, cwd=package, env={})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise BuildFailed(f"{program!r} fails in the package.", remedy="Its last words stand above.")
    return usage.ru_utime + usage.ru_stime
