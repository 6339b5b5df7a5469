"""moto's account: clients that are made once, for making one takes long, and find it empty in each `mock_aws`."""

from dataclasses import dataclass
from functools import cache

from infra.target import AwsClient, Target

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


@cache
def rehearsed_client(service: str) -> AwsClient:
    return Target("dev", ENVIRONMENT).client(service)


@dataclass(frozen=True, slots=True)
class RehearsedTarget(Target):
    """A target in that account."""

    def client(self, service: str) -> AwsClient:
        return rehearsed_client(service)
