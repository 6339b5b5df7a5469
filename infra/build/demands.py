"""Holds what each package that ships says it needs against what ships beside it.

The lock is made with one version of Python, and the functions may run on another, on which a package needs more: what
it needs where is in its own metadata (PEP 508).
"""

import platform
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.build import left_out
from infra.build.lambda_runtime import LambdaRuntime
from infra.errors import BuildFailed

_LATEST = 99
"""Lambda runs a version's latest patch, whichever that is; the functions of a LocalStack run on ours."""


def check_demands(vendored: Path, runtime: LambdaRuntime) -> None:
    """Raises: BuildFailed, naming each package that needs another on this runtime, neither shipped nor left out."""
    shipped = list(distributions(path=[str(vendored)]))
    known = {canonicalize_name(one.name) for one in shipped} | set(left_out.PROJECTS)
    missing = [
        f"{one.name} {one.version} needs {name}"
        for one in sorted(shipped, key=lambda one: one.name)
        for name in _demanded(one, runtime)
        if name not in known
    ]
    if missing:
        raise BuildFailed(
            f"on {runtime.name} the package lacks what its parts need:\n" + "\n".join(missing),
            remedy="Name it in requirements.in and run make lock; or give a reason in infra/build/left_out.py.",
        )


def _demanded(one: Distribution, runtime: LambdaRuntime) -> Iterator[str]:
    environment = {
        "python_version": runtime.version,
        "python_full_version": platform.python_version() if runtime.is_ours else f"{runtime.version}.{_LATEST}",
        "platform_machine": runtime.machine,
        "extra": "",
    }
    for line in one.requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            yield canonicalize_name(requirement.name)
