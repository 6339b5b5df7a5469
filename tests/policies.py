"""The policies of the functions, and what AWS would answer to a request under one: the part of IAM that they use.

An action and a resource may hold `*` and `?`; an explicit Deny wins; a condition is `ArnEquals` of one key.
Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements".
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from infra.functions import deployed_name

ROOT = Path(__file__).parents[1]
POLICIES = ROOT / ".chalice" / "policies"
STAGE, REGION, ACCOUNT = "dev", "eu-central-1", "123456789012"
NAMES = {"Partition": "aws", "Region": REGION, "Account": ACCOUNT, "Stage": STAGE}
SUFFIX = "AbCdEf"
"""Secrets Manager ends the ARN of every secret with six characters of its own."""

Statement = Mapping[str, Any]  # Any: JSON of IAM's making


def secret_arn(name: str) -> str:
    """The ARN of the stage's secret of that name."""
    return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:carillon/{STAGE}/{name}-{SUFFIX}"


@dataclass(frozen=True, slots=True)
class Policy:
    """One function's, as it is deployed: its placeholders filled in."""

    function: str
    statements: tuple[Statement, ...]

    @classmethod
    def of(cls, function: str) -> "Policy":
        text = Template((POLICIES / f"{function}.json").read_text()).substitute(NAMES)
        return cls(function, tuple(json.loads(text)["Statement"]))

    @property
    def allowed(self) -> set[str]:
        """Every action that some statement allows."""
        return {action for one in self.statements if one["Effect"] == "Allow" for action in listed(one["Action"])}

    def without(self, action: str) -> "Policy":
        """The policy with this action struck out."""
        kept = (
            {**one, "Action": [each for each in listed(one["Action"]) if each != action]} for one in self.statements
        )
        return Policy(self.function, tuple(kept))

    def allows(self, action: str, resource: str, *, by_our_code: bool = True) -> bool:
        """Whether the request passes; `by_our_code`, or by Lambda itself in the name of the function."""
        code = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{deployed_name(self.function, STAGE)}"
        context = {"lambda:SourceFunctionArn": code} if by_our_code else {}
        effects = {one["Effect"] for one in self.statements if _matches(one, action, resource, context)}
        return effects == {"Allow"}


def listed(value: str | list[str]) -> list[str]:
    """IAM writes a list of one as the one."""
    return [value] if isinstance(value, str) else value


def _matches(statement: Statement, action: str, resource: str, context: Mapping[str, str]) -> bool:
    return (
        _fits(action.lower(), (each.lower() for each in listed(statement["Action"])))
        and _fits(resource, listed(statement["Resource"]))
        and all(
            _fits(context.get(key, ""), listed(wanted))
            for key, wanted in statement.get("Condition", {}).get("ArnEquals", {}).items()
        )
    )


def _fits(text: str, patterns: Iterable[str]) -> bool:
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.DOTALL)
        for pattern in patterns
    )
