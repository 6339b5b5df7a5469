"""What of an account can be known before anything is changed: that we may act in it, and that it has room."""

from collections.abc import Iterable

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from infra.errors import StepFailed
from infra.stage import CONFIG, Stage
from infra.target import AwsClient

LEFT_UNRESERVED = 100
"""Lambda keeps as many executions for functions that reserve none (Developer Guide, "Reserved concurrency")."""


def confirm_caller(*, sts: AwsClient) -> str:
    """Return the account and who we are in it. Raises: StepFailed."""
    try:
        caller = sts.get_caller_identity()
    except (ClientError, BotoCoreError) as error:
        raise StepFailed(
            f"AWS does not know us: {error}",
            remedy="Give credentials in the environment: AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        ) from error
    return f"account {caller['Account']}, as {caller['Arn']}"


def confirm_room(stage: Stage, *, client: AwsClient, functions: Iterable[str]) -> None:
    """Hold the stage's reserved concurrency against the account's; what `functions` reserve today is the stage's too.

    Raises:
        StepFailed: the account's limit is too low: Chalice would stop half-way.
    """
    limits = client.get_account_settings()["AccountLimit"]
    reserved_today = sum(
        client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions", 0) for name in functions
    )
    free = limits["UnreservedConcurrentExecutions"] + reserved_today - LEFT_UNRESERVED
    if stage.reserved_in_all > free:
        raise StepFailed(
            f"The stage reserves {stage.reserved_in_all} concurrent executions; of the account's"
            f" {limits['ConcurrentExecutions']}, {max(0, free)} can be reserved.",
            remedy="Ask AWS for a higher quota (Service Quotas, Lambda, Concurrent executions; new accounts begin with"
            f" few), or reserve less in {CONFIG}: docs/capacity.md tells what follows from each number.",
        )
