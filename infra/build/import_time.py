"""How long a cold start imports: as a ratio to what any function like these would import, in the same package.

Never are the times of two processes held against each other. One imports the application and then the reference, and
tells which share of its processor time the first took; another imports them the other way round. The whole is the same,
so the ratio of the shares is that of the times; and what slows a process slows both parts of its share.

On two cores with a load of 2 to 5 the ratio of one pair varies by 0.03 (standard deviation), that of two processes'
times by 0.13. Forty checks found 1.19 to 1.25, 1.23 in the middle, and failed never; half of them ran beside a process
that took a core. Six checks of an application with Jinja2 on top found 1.28 to 1.30, and failed. Resampled from 145
pairs, the check passes 99.9 % of what is truly 1.23 and 0.3 % of what is truly 1.28.
"""

import statistics
import subprocess
from collections.abc import Callable
from pathlib import Path

from infra.build.invoking import bare_python
from infra.errors import BuildFailed

APPLICATION = "import app"
REFERENCE = "import chalice, pydantic, psycopg, redis, pika, jwt"
BUDGET = 1.25
"""How many times the reference the application may take."""

PAIRS = 9
"""Of processes: of their ratios the median counts."""

MEASURES = 3
"""What is over the budget is measured on: it is too much when it stays so among all ratios of so many measures."""

_TIMEOUT_S = 60
_SHARE = """
import sys, time
sys.path.insert(0, {package!r})
began_s = time.process_time()
{first}
between_s = time.process_time()
{second}
print((between_s - began_s) / (time.process_time() - began_s))
"""


def import_ratio(package: Path, program: str = APPLICATION) -> float:
    """The ratio of a program, executed in an unpacked package, as one pair of processes finds it."""
    return _share(package, program, REFERENCE) / _share(package, REFERENCE, program)


def check_import_time(package: Path, *, measure: Callable[[Path], float] = import_ratio) -> float:
    """The ratio of the application. Takes some seconds. Raises: BuildFailed when it is over the budget."""
    ratios: list[float] = []
    for _ in range(MEASURES):
        ratios.extend(measure(package) for _ in range(PAIRS))
        if (ratio := statistics.median(ratios)) <= BUDGET:
            return ratio
    raise BuildFailed(
        f"{APPLICATION} takes {ratio:.2f} times as long as {REFERENCE}; {BUDGET} is the budget.",
        remedy="python -X importtime -c 'import app' in the unpacked package tells where the time goes.",
    )


def _share(package: Path, first: str, second: str) -> float:
    """Of the time that both take. What the first imported, the second finds."""
    program = _SHARE.format(package=str(package.resolve()), first=first, second=second)
    command = (*bare_python(), "-c", program)
    done = subprocess.run(command, cwd=package, env={}, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise BuildFailed(f"{first!r} fails in the package:\n{done.stderr[-2000:]}", remedy="See what it says.")
    return float(done.stdout)
