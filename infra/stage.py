"""What `.chalice/config.json` says of a stage: the same file that Chalice reads, for what Chalice does not do."""

import json
import platform as machine
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.errors import StepFailed

CONFIG = Path(".chalice") / "config.json"
STAGE_NAME = re.compile(r"[a-z][a-z0-9]{0,15}")
"""Without a hyphen, so that the names of one stage's resources never begin like those of another's."""

_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class Stage:
    """`reserved` is the reserved concurrency of each function, `architecture` as Lambda names it."""

    name: str
    architecture: str
    gateway_stage: str
    log_retention_days: int
    reserved: Mapping[str, int]

    @property
    def reserved_in_all(self) -> int:
        return sum(self.reserved.values())


def read_stage(source: Path, name: str) -> Stage:
    """Return the stage `name` of the source tree's configuration.

    A stage that names no architecture runs on this very machine.

    Raises:
        StepFailed: there is no such stage.
    """
    config = json.loads((source / CONFIG).read_text())
    stages = config["stages"]
    if name not in stages or not STAGE_NAME.fullmatch(name):
        raise StepFailed(
            f"{name!r} is not a stage: {source / CONFIG} knows {', '.join(sorted(stages))}.",
            remedy="Name one of these with STAGE=…, or describe another there: at most 16 small letters and digits.",
        )
    return _stage(name, config, stages[name])


def _stage(name: str, config: Mapping[str, Any], stage: Mapping[str, Any]) -> Stage:  # Any: JSON that Chalice defines
    return Stage(
        name=name,
        architecture=stage.get("lambda_architecture") or _ARCHITECTURES[machine.machine().lower()],
        gateway_stage=stage.get("api_gateway_stage", config["api_gateway_stage"]),
        log_retention_days=stage["log_retention_in_days"],
        reserved={function: limits["reserved_concurrency"] for function, limits in stage["lambda_functions"].items()},
    )
