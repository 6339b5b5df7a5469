"""Sizes that a stage keeps for life: with another one CloudFormation would put a new server in the place of the old.

Both would need the same name at the same time, so it fails half-way, with other sizes changed already. RDS Proxy cannot
change its subnets, Amazon MQ neither its mode nor a cluster's subnets, and a VPC has everything in it (CloudFormation's
reference, "Update requires: Replacement").
"""

from collections.abc import Iterable, Mapping

from infra.errors import StepFailed
from infra.platform.stacks import Stack

LASTING = {"network": ("NetworkPrefix", "Zones"), "broker": ("BrokerMode",)}


def demand_lasting(stacks: Iterable[tuple[str, Stack]], sizes: Mapping[str, str], *, profile: str) -> None:
    """Return when no server that is there would have to be replaced.

    Raises:
        StepFailed: naming each size that differs from the stage's; nothing was changed.
    """
    changes = [
        f"{name} {now[name]} → {sizes[name]}"
        for part, stack in stacks
        if part in LASTING and (now := stack.parameters())
        for name in LASTING[part]
        if now.get(name, sizes[name]) != sizes[name]
    ]
    if changes:
        raise StepFailed(
            f"With the profile {profile!r} servers would be replaced that are in use: {', '.join(changes)}.",
            remedy="Name the profile that the stage was made with (PROFILE=…), or make another stage and move to it.",
        )
