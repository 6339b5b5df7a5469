"""What of a stage really exists, told as Chalice records it.

Chalice writes down what it made only when a deployment ends well. After one that did not, it would trip over roles that
it does not know, and would make a second API. So nothing is believed but what AWS itself has: a record only tells which
names to look for besides our own, and which API is ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from infra import functions
from infra.functions import deployed_name
from infra.release.state import FUNCTION, REST_API, Deployed, Resource
from infra.target import AwsClient, Target

_ABSENT = {"ResourceNotFoundException", "NoSuchEntity", "NotFoundException"}


@dataclass(frozen=True, slots=True)
class Finder:
    """Looks with these clients for what belongs to the stage."""

    stage: str
    lambda_: AwsClient
    iam: AwsClient
    apigateway: AwsClient

    @classmethod
    def of(cls, target: Target) -> "Finder":
        return cls(target.stage, target.client("lambda"), target.client("iam"), target.client("apigateway"))

    def find(self, recorded: Deployed) -> Deployed:
        """Return the roles, the functions and the API, as far as they exist: those of the code and those recorded."""
        names = dict.fromkeys((*functions.ALL, *recorded.function_arns))
        roles = [role for name in names for role in self._role(name)]
        made = [function for name in names for function in self._function(name)]
        return Deployed([*roles, *made, *self._api(recorded.rest_api_id)])

    def _role(self, function: str) -> Iterator[Resource]:
        name = f"{functions.APP}-{self.stage}-{function}"
        role = _present(lambda: self.iam.get_role(RoleName=name))
        if role:
            arn = role["Role"]["Arn"]
            yield {"name": f"{function}_role", "resource_type": "iam_role", "role_arn": arn, "role_name": name}

    def _function(self, function: str) -> Iterator[Resource]:
        name = deployed_name(function, self.stage)
        found = _present(lambda: self.lambda_.get_function_configuration(FunctionName=name))
        if found:
            yield {"name": function, "resource_type": FUNCTION, "lambda_arn": found["FunctionArn"]}

    def _api(self, recorded: str | None) -> Iterator[Resource]:
        """The recorded one; else the oldest that calls the stage's function, for all stages' APIs have one name."""
        known = recorded and _present(lambda: self.apigateway.get_rest_api(restApiId=recorded))
        api_id = recorded if known else next(self._calling(), None)
        if api_id:
            yield {"name": REST_API, "resource_type": REST_API, "rest_api_id": api_id}

    def _calling(self) -> Iterator[str]:
        called = f":function:{deployed_name(functions.HTTP, self.stage)}/invocations"
        pages = self.apigateway.get_paginator("get_rest_apis").paginate()
        ours = [api for page in pages for api in page["items"] if api["name"] == functions.APP]
        for api in sorted(ours, key=lambda api: api["createdDate"]):
            if self._calls(api["id"], called):
                yield api["id"]

    def _calls(self, api_id: str, called: str) -> bool:
        paginator = self.apigateway.get_paginator("get_resources")
        return any(
            called in method.get("methodIntegration", {}).get("uri", "")
            for page in paginator.paginate(restApiId=api_id, embed=["methods"])
            for resource in page["items"]
            for method in resource.get("resourceMethods", {}).values()
        )


def _present(ask: Any) -> Any:  # Any: a boto3 call and its answer
    """The answer, or None when there is no such thing."""
    try:
        return ask()
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return None
        raise
