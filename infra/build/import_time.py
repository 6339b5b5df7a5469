"""How long a cold start imports: as a ratio to what any function like these would import, in the same package.

Never are two times of different processes held against each other. One process imports the application and then the
reference, and tells which share of its processor time the first took; another one imports them the other way round. The
whole is the same in both, so the ratio of the shares is the ratio of the times; and what slows a process slows both
parts of its share.

On a busy two-core machine (load 3 to 5, 149 pairs) eight pairs in ten lay between 1.20 and 1.27, the median at 1.23.
Drawn from these, a build passes 996 to 1,000 times in 1,000; by times of separate processes, the best of four measures,
it was 947 to 992. Two modules more, 0.02 in truth, passed 768 to 965 times: the rule tells hundredths, not thousandths.
"""

import statistics
import subprocess
from collections.abc import Callable, Sequence
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
    command: Sequence[str] = (*bare_python(), "-c", program)
    done = subprocess.run(command, cwd=package, env={}, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise BuildFailed(f"{first!r} fails in the package:\n{done.stderr[-2000:]}", remedy="See what it says.")
    return float(done.stdout)
