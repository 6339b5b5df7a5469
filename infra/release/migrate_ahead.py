"""Gives the deployed `migrate` function the new release before all others, so that the schema is there when they come.

Releases are made so that the code before them works with their schema, and not the other way round.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalice.config import Config

from infra import functions
from infra.build.lambda_runtime import our_runtime
from infra.build.zipping import zip_project
from infra.errors import StepFailed
from infra.eventually import Patience
from infra.functions import deployed_name
from infra.stage import CONFIG
from infra.target import AwsClient


@dataclass(frozen=True, slots=True)
class MigrateFunction:
    """The one function, as the project folder has it. Chalice sets the same once more with all the others."""

    lambda_: AwsClient
    iam: AwsClient
    stage: str
    patience: Patience = field(default=Patience(longest_s=300.0))

    def update(self, project: Path, *, architecture: str) -> None:
        """Set its policy, its configuration and its code, in this order: what the code needs is there before it.

        Raises:
            StepFailed: Lambda does not take it, or not in time.
        """
        config = Config(self.stage, functions.BY_HAND, config_from_disk=json.loads((project / CONFIG).read_text()))
        role = f"{functions.APP}-{self.stage}-{functions.BY_HAND}"
        policy = (project / CONFIG.parent / config.iam_policy_file).read_text()
        self.iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=policy)
        self._settle()  # whoever died before us may have left a change under way
        self.lambda_.update_function_configuration(
            FunctionName=self._name,
            Runtime=our_runtime(architecture).name,
            Environment={"Variables": config.environment_variables},
            Timeout=config.lambda_timeout,
            MemorySize=config.lambda_memory_size,
            **_network(config),
        )
        self._await()
        archive = zip_project(project, architecture=architecture).read_bytes()
        self.lambda_.update_function_code(FunctionName=self._name, ZipFile=archive, Architectures=[architecture])
        self._await()

    @property
    def _name(self) -> str:
        return deployed_name(functions.BY_HAND, self.stage)

    def _await(self) -> None:
        found = self._settle()
        if _is_busy(found) or found.get("LastUpdateStatus") == "Failed":
            raise StepFailed(
                f"{self._name} was not updated: {found.get('LastUpdateStatusReason', 'Lambda is still busy with it')}.",
                remedy="No other function was changed. Deploy again.",
            )

    def _settle(self) -> Mapping[str, Any]:  # Any: boto3's answer
        """Wait as long as Lambda refuses every change, and return the function's configuration then."""
        seen: list[Mapping[str, Any]] = []

        def is_settled() -> bool:
            seen.append(self.lambda_.get_function_configuration(FunctionName=self._name))
            return not _is_busy(seen[-1])

        self.patience.until(is_settled)
        return seen[-1]


def _is_busy(function: Mapping[str, Any]) -> bool:
    return function.get("State") == "Pending" or function.get("LastUpdateStatus") == "InProgress"


def _network(config: Config) -> dict[str, dict[str, list[str]]]:
    if not config.subnet_ids:
        return {}
    return {"VpcConfig": {"SubnetIds": config.subnet_ids, "SecurityGroupIds": config.security_group_ids}}
