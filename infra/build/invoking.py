"""Invokes a function of an unpacked package in a bare interpreter, which has nothing that the package forgot."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.build import in_package
from infra.errors import BuildFailed

Event = Mapping[str, Any]  # Any: what Lambda's invokers make, and what functions answer
Answer = Any

_OVERHEAD_S = 60


@dataclass(frozen=True, slots=True)
class Invoked:
    """What came of a process that was invoked with each of some events. `missing` is the module that it lacked.

    `raised` is the trace of what ended it, `printed` what it said meanwhile. `modules` are the top-level modules that
    it took from the package, our own aside; `of_runtime` those from elsewhere.
    """

    function: str
    answers: Sequence[Answer] = ()
    raised: str | None = field(default=None, repr=False)
    missing: str | None = None
    printed: str = field(default="", repr=False)
    modules: frozenset[str] = frozenset()
    of_runtime: frozenset[str] = frozenset()


def invoke(
    package: Path,
    function: str,
    events: Iterable[Event],
    *,
    environment: Mapping[str, str],
    python: Sequence[str] = (),
    timeout_s: float = 30,
) -> Invoked:
    """Invoke one function in a fresh process, once an event. `package` is an unpacked one.

    `python` is the command of another interpreter than the bare one, which has the standard library alone.

    Raises:
        BuildFailed: the process ended before it could tell.
    """
    answer = subprocess.run(
        [*(python or bare_python()), "-P", in_package.__file__, function],
        input=json.dumps({"events": list(events), "timeout_s": timeout_s}),
        capture_output=True,
        text=True,
        cwd=package.resolve(),
        env=dict(environment),
        timeout=timeout_s + _OVERHEAD_S,
        check=False,
    )
    if answer.returncode != 0:
        raise BuildFailed(
            f"{function} ended with status {answer.returncode}:\n{answer.stderr[-2000:]}", remedy="See what it says."
        )
    told = json.loads(answer.stdout)
    found = {Path(folder): names for folder, names in told["modules"].items()}
    ours = found.pop(package.resolve())
    return Invoked(
        function,
        answers=told["answers"],
        raised=told.get("raised"),
        missing=told.get("missing"),
        printed=answer.stderr,
        modules=_tops(ours) - {"app", "chalicelib"},
        of_runtime=_tops(name for names in found.values() for name in names),
    )


def bare_python() -> Sequence[str]:
    """The command of an interpreter that has the standard library alone."""
    return (str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"), "-I", "-S")


def _tops(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.partition(".")[0] for name in names)
