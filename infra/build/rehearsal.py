"""Invokes the functions of an unpacked package in a bare interpreter, which has nothing that the package forgot."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.build import in_package
from infra.build.rehearsal_settings import complete_settings
from infra.errors import BuildFailed
from infra.functions import ALL, HTTP

Event = Mapping[str, Any]  # Any: what Lambda's invokers make, and what functions answer
Answer = Any

_OVERHEAD_S = 60
_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Invoked:
    """What came of a process that was invoked with each of some events. `missing` is the module that it lacked.

    `modules` are the top-level modules that it took from the package, our own aside; `of_runtime` those from elsewhere.
    """

    function: str
    answers: Sequence[Answer] = ()
    raised: str | None = field(default=None, repr=False)
    missing: str | None = None
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
        modules=_tops(ours) - {"app", "chalicelib"},
        of_runtime=_tops(name for names in found.values() for name in names),
    )


def rehearse(package: Path) -> None:
    """Invoke every function where nobody listens, and import every module of ours besides. Takes seconds.

    Raises:
        BuildFailed: naming each function that needs a module which the package lacks, the module, and who wanted it.
    """
    events = {HTTP: _REQUEST}
    settings = complete_settings()

    def play(function: str) -> Invoked:
        return invoke(package, function, [events.get(function, {})], environment=settings, timeout_s=3)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        played = pool.map(play, (*ALL, in_package.EVERYTHING))
        failures = [_told(each) for each in played if each.missing]
    if failures:
        raise BuildFailed(
            "the package lacks what its functions import:\n" + "\n".join(failures),
            remedy="Name it in requirements.in and run make lock; or take it out of infra/build/left_out.py.",
        )


def _told(failed: Invoked) -> str:
    """The function, the module, and the innermost line of the trace that is not the import system's."""
    lines = [line.strip() for line in (failed.raised or "").splitlines() if line.strip().startswith('File "/')]
    name = "a module of chalicelib" if failed.function == in_package.EVERYTHING else failed.function
    return f"{name} needs the module {failed.missing}: {lines[-1] if lines else 'nobody says where'}"


def _tops(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.partition(".")[0] for name in names)


def bare_python() -> Sequence[str]:
    """The command of an interpreter that has the standard library alone."""
    return (str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"), "-I", "-S")


_REQUEST: Event = {
    "resource": "/health",
    "path": "/health",
    "httpMethod": "GET",
    "headers": {},
    "multiValueHeaders": {},
    "queryStringParameters": None,
    "multiValueQueryStringParameters": None,
    "pathParameters": None,
    "stageVariables": None,
    "requestContext": {"httpMethod": "GET", "resourcePath": "/health", "identity": {"sourceIp": "203.0.113.7"}},
    "body": None,
    "isBase64Encoded": False,
}
