"""Chalice's configuration for one deployment: the committed one, with what only the platform knows put in."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.errors import BuildFailed
from infra.stage import CONFIG
from infra.target import Platform

Json = dict[str, Any]  # Any: what Chalice defines

_PLACEHOLDER = re.compile(r"\$\{([A-Z]\w*)\}")


def render(source: Path, into: Path, *, stage: str, platform: Platform, architecture: str) -> None:
    """Write `.chalice/` of the project: the stage's configuration alone, and the policies with their names filled in.

    Raises:
        BuildFailed: a policy has a placeholder that nothing answers.
    """
    config = json.loads((source / CONFIG).read_text())
    config["stages"] = {stage: _stage(config["stages"][stage], platform, architecture)}
    chalice = into / CONFIG.parent
    (chalice / "policies").mkdir(parents=True)
    (into / CONFIG).write_text(json.dumps(config, indent=2))
    names = _names(stage, platform)
    for policy in sorted((source / CONFIG.parent / "policies").glob("*.json")):
        (chalice / "policies" / policy.name).write_text(_filled(policy, names))


def _stage(config: Json, platform: Platform, architecture: str) -> Json:
    rendered = {**config, "lambda_architecture": architecture}
    rendered["environment_variables"] = {**config.get("environment_variables", {}), **platform.settings}
    if platform.subnet_ids:
        rendered["subnet_ids"] = list(platform.subnet_ids)
        rendered["security_group_ids"] = list(platform.security_group_ids)
    return rendered


def _names(stage: str, platform: Platform) -> Mapping[str, str]:
    """The account that the broker is in is the one that everything else is in."""
    _, partition, _, region, account, *_ = platform.broker_arn.split(":")
    return {"Partition": partition, "Region": region, "Account": account, "Stage": stage}


def _filled(policy: Path, names: Mapping[str, str]) -> str:
    def answer(found: re.Match[str]) -> str:
        if found[1] not in names:
            raise BuildFailed(
                f"{policy}: nothing answers {found[0]}.", remedy=f"A policy may name {', '.join(sorted(names))}."
            )
        return names[found[1]]

    return _PLACEHOLDER.sub(answer, policy.read_text())
