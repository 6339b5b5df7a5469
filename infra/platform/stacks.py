"""Makes a CloudFormation stack what a template says, by change sets, and says why when it cannot.

Whoever dies on the way leaves a change set that nobody executes, or a stack that is still being changed: the next run
waits for such a stack and goes on from where it comes to rest.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from infra.errors import StepFailed
from infra.eventually import Patience
from infra.target import AwsClient

ABSENT = None
NOT_YET_MADE = "REVIEW_IN_PROGRESS"
NEVER_WORKED = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"})
"""Its creation failed: it holds nothing that ever served, and CloudFormation can only delete it."""

GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
UPDATABLE = GOOD | {"UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
_WITHOUT_CHANGES = ("didn't contain changes", "no updates are to be performed", "no changes to deploy")
_IN_ITS_WAKE = ("Resource creation cancelled", "Resource update cancelled")
_MOST_REASONS = 5

AN_HOUR = Patience(longest_s=3600, every_s=5)


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack by its name. `say` hears what a person would wonder about."""

    name: str
    cloudformation: AwsClient
    say: Callable[[str], None]
    patience: Patience = AN_HOUR

    def ensure(self, body: str, parameters: Mapping[str, str]) -> Mapping[str, str]:
        """Create or update it, and return its outputs; it is left alone when nothing would change.

        Raises:
            StepFailed: with each resource that could not be made, and why.
        """
        status = self._at_rest()
        if status in NEVER_WORKED:
            self.say(f"{self.name}: its creation had failed ({status}); deleting what is left of it")
            self.delete()
            status = ABSENT
        if status not in UPDATABLE | {ABSENT, NOT_YET_MADE}:
            raise self._stuck(status)
        exists = status in UPDATABLE
        change_set = self._plan(body, parameters, kind="UPDATE" if exists else "CREATE")
        if change_set is not None:
            self.say(f"{self.name}: {'updating' if exists else 'creating, which may take half an hour'}")
            self.cloudformation.execute_change_set(StackName=self.name, ChangeSetName=change_set)
            self._demand(GOOD)
        return self.outputs()

    def outputs(self) -> Mapping[str, str]:
        """What it tells the others; nothing when there is no such stack."""
        described = self._describe()
        return {one["OutputKey"]: one["OutputValue"] for one in (described or {}).get("Outputs", ())}

    def parameters(self) -> Mapping[str, str]:
        """What it was made with; nothing when there is no such stack, or one that never worked."""
        described = self._describe()
        if described is None or described["StackStatus"] in NEVER_WORKED | {NOT_YET_MADE}:
            return {}
        return {one["ParameterKey"]: one["ParameterValue"] for one in described.get("Parameters", ())}

    def delete(self) -> None:
        """Delete it, if it is there.

        Raises:
            StepFailed: with each resource that could not be deleted, and why.
        """
        if self._at_rest() is ABSENT:
            return
        self.cloudformation.delete_stack(StackName=self.name)
        self._demand({ABSENT})

    def _plan(self, body: str, parameters: Mapping[str, str], *, kind: str) -> str | None:
        """Return the ARN of a change set to execute, or None when it would change nothing."""
        made = self.cloudformation.create_change_set(
            StackName=self.name,
            ChangeSetName=f"carillon-{uuid.uuid4().hex}",
            ChangeSetType=kind,
            TemplateBody=body,
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        change_set: str = made["Id"]
        if not self.patience.until(lambda: not self._planned(change_set)["Status"].endswith(("PENDING", "PROGRESS"))):
            raise self._slow()
        planned = self._planned(change_set)
        if planned["Status"] != "FAILED":
            return change_set
        self.cloudformation.delete_change_set(StackName=self.name, ChangeSetName=change_set)
        reason = planned.get("StatusReason", "no reason given")
        if any(phrase in reason.lower() for phrase in _WITHOUT_CHANGES):
            return None
        raise StepFailed(f"{self.name}: CloudFormation refuses the template: {reason}", remedy="Mend it and run again.")

    def _planned(self, change_set: str) -> Any:  # Any: boto3 has no types
        return self.cloudformation.describe_change_set(StackName=self.name, ChangeSetName=change_set)

    def _demand(self, wanted: frozenset[str] | set[None]) -> None:
        status = self._at_rest()
        if status not in wanted:
            reasons = "\n".join(f"  {reason}" for reason in self._reasons()) or "  no reason given"
            raise StepFailed(
                f"{self.name}: it ended as {status}:\n{reasons}",
                remedy="Mend the cause and run again: what was made stays, what failed is made anew.",
            )

    def _at_rest(self) -> str | None:
        """The status once nothing is under way any more; None is a stack that does not exist."""
        if not self.patience.until(lambda: not self._moving(self._status())):
            raise self._slow()
        return self._status()

    def _status(self) -> str | None:
        described = self._describe()
        return ABSENT if described is None else str(described["StackStatus"])

    def _describe(self) -> Any:  # Any: boto3 has no types
        try:
            described = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return next((one for one in described if one["StackStatus"] != "DELETE_COMPLETE"), None)

    @staticmethod
    def _moving(status: str | None) -> bool:
        return status is not ABSENT and status.endswith("_IN_PROGRESS") and status != NOT_YET_MADE

    def _reasons(self) -> list[str]:
        """What failed since somebody last asked for something, the first failure first."""
        failed = [event for event in self._latest_events() if event["ResourceStatus"].endswith("FAILED")]
        told = [
            f"{event['LogicalResourceId']} ({event['ResourceType']}): {event['ResourceStatusReason']}"
            for event in failed
            if event.get("ResourceStatusReason") and not event["ResourceStatusReason"].startswith(_IN_ITS_WAKE)
        ]
        return told[::-1][:_MOST_REASONS]

    def _latest_events(self) -> Iterator[Any]:  # Any: boto3 has no types
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=self.name)
        for event in (event for page in pages for event in page["StackEvents"]):
            yield event
            if event.get("ResourceStatusReason") == "User Initiated":
                return

    def _slow(self) -> StepFailed:
        minutes = round(self.patience.longest_s / 60)
        return StepFailed(
            f"{self.name}: still not at rest after {minutes} minutes.",
            remedy="CloudFormation goes on by itself; run again, and this waits for it.",
        )

    def _stuck(self, status: str | None) -> StepFailed:
        if status == "UPDATE_ROLLBACK_FAILED":
            remedy = f"Run: aws cloudformation continue-update-rollback --stack-name {self.name}"
        else:
            remedy = f"See what was begun: aws cloudformation describe-stack-events --stack-name {self.name}"
        return StepFailed(f"{self.name}: {status}, which nothing can be deployed over.", remedy=remedy)
