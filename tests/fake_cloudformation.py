"""A CloudFormation in memory: stacks move through its states, and a resource fails when a test says so."""

# ruff: noqa: N803  the arguments have boto3's names

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

Answer = Any  # what boto3 answers has no types
Resource = tuple[str, str, str]
"""Its logical name, its type, and why it cannot be made."""


class Died(BaseException):
    """The process ended on that very line."""


@dataclass
class FakeStack:
    status: str = "REVIEW_IN_PROGRESS"
    body: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    moving_for: int = 0
    next_status: str = ""
    events: list[Answer] = field(default_factory=list)


@dataclass
class FakeChangeSet:
    body: str
    parameters: Mapping[str, str]
    has_changes: bool
    is_creation: bool


@dataclass
class FakeCloudFormation:
    """`slowness` is how often a stack is seen moving before it comes to rest. `outputs` makes a stack's outputs."""

    outputs: Callable[[str, str, Mapping[str, str]], Mapping[str, str]] = lambda _name, _body, _parameters: {}
    slowness: int = 2
    failing: dict[str, Resource] = field(default_factory=dict)
    dies_before: str | None = None
    stacks: dict[str, FakeStack] = field(default_factory=dict)
    change_sets: dict[str, FakeChangeSet] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)

    def describe_stacks(self, *, StackName: str) -> Answer:
        stack = self._existing(StackName)
        stack.moving_for -= 1
        if stack.moving_for <= 0 and stack.next_status:
            stack.status, stack.next_status = stack.next_status, ""
        told = self.outputs(StackName, stack.body, stack.parameters)
        described = {
            "StackName": StackName,
            "StackStatus": stack.status,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in stack.parameters.items()],
            "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in told.items()],
        }
        if stack.status == "DELETE_COMPLETE":
            del self.stacks[StackName]
        return {"Stacks": [described]}

    def create_change_set(
        self,
        *,
        StackName: str,
        ChangeSetName: str,
        ChangeSetType: str,
        TemplateBody: str,
        Parameters: list[Mapping[str, str]],
        Capabilities: list[str],
    ) -> Answer:
        self._call("create_change_set", StackName)
        parameters = {one["ParameterKey"]: one["ParameterValue"] for one in Parameters}
        is_creation = ChangeSetType == "CREATE"
        if is_creation:
            self.stacks.setdefault(StackName, FakeStack())
        stack = self.stacks[StackName]
        assert is_creation == (stack.status == "REVIEW_IN_PROGRESS"), "CloudFormation refuses this kind"
        changes = is_creation or (stack.body, stack.parameters) != (TemplateBody, parameters)
        self.change_sets[ChangeSetName] = FakeChangeSet(TemplateBody, parameters, changes, is_creation)
        return {"Id": ChangeSetName}

    def describe_change_set(self, *, StackName: str, ChangeSetName: str) -> Answer:
        if self.change_sets[ChangeSetName].has_changes:
            return {"Status": "CREATE_COMPLETE"}
        reason = (
            "The submitted information didn't contain changes. Submit different information to create a change set."
        )
        return {"Status": "FAILED", "StatusReason": reason}

    def delete_change_set(self, *, StackName: str, ChangeSetName: str) -> None:
        self._call("delete_change_set", StackName)
        del self.change_sets[ChangeSetName]

    def execute_change_set(self, *, StackName: str, ChangeSetName: str) -> None:
        self._call("execute_change_set", StackName)
        change_set, stack = self.change_sets.pop(ChangeSetName), self.stacks[StackName]
        kind = "CREATE" if change_set.is_creation else "UPDATE"
        stack.events.append(_event(StackName, "AWS::CloudFormation::Stack", f"{kind}_IN_PROGRESS", "User Initiated"))
        stack.status, stack.moving_for = f"{kind}_IN_PROGRESS", self.slowness
        if StackName in self.failing:
            logical, kind_of_resource, reason = self.failing[StackName]
            stack.events.append(_event(logical, kind_of_resource, f"{kind}_FAILED", reason))
            stack.events.append(
                _event("Other", "AWS::SNS::Topic", f"{kind}_FAILED", f"Resource {_NOUNS[kind]} cancelled")
            )
            stack.next_status = "ROLLBACK_COMPLETE" if change_set.is_creation else "UPDATE_ROLLBACK_COMPLETE"
        else:
            stack.body, stack.parameters = change_set.body, change_set.parameters
            stack.next_status = f"{kind}_COMPLETE"

    def delete_stack(self, *, StackName: str) -> None:
        self._call("delete_stack", StackName)
        stack = self.stacks[StackName]
        stack.events.append(_event(StackName, "AWS::CloudFormation::Stack", "DELETE_IN_PROGRESS", "User Initiated"))
        stack.status, stack.moving_for, stack.next_status = "DELETE_IN_PROGRESS", self.slowness, "DELETE_COMPLETE"
        if StackName in self.failing:
            stack.events.append(_event(*self.failing[StackName][:2], "DELETE_FAILED", self.failing[StackName][2]))
            stack.next_status = "DELETE_FAILED"

    def get_paginator(self, operation: str) -> "FakeEvents":
        assert operation == "describe_stack_events"
        return FakeEvents(self.stacks)

    def called(self, operation: str) -> list[str]:
        """The stacks for which this was asked."""
        return [stack for each, stack in self.calls if each == operation]

    def _call(self, operation: str, stack: str) -> None:
        if self.dies_before == operation:
            self.dies_before = None
            raise Died
        self.calls.append((operation, stack))

    def _existing(self, name: str) -> FakeStack:
        if name not in self.stacks:
            error = {"Error": {"Code": "ValidationError", "Message": f"Stack with id {name} does not exist"}}
            raise ClientError(error, "DescribeStacks")
        return self.stacks[name]


@dataclass
class FakeEvents:
    stacks: dict[str, FakeStack]

    def paginate(self, *, StackName: str) -> Iterator[Answer]:
        for event in reversed(self.stacks[StackName].events):
            yield {"StackEvents": [event]}


_NOUNS = {"CREATE": "creation", "UPDATE": "update"}


def _event(logical: str, kind: str, status: str, reason: str) -> Answer:
    return {
        "LogicalResourceId": logical,
        "ResourceType": kind,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }
