"""What runs by the clock: an EventBridge rule a function, with permission to invoke it, and no second try of its own.

A run that failed is made good by the next one. So an event that could not be delivered at once is worth nothing a
minute later, and is dropped then instead of being retried for six hours (Lambda Developer Guide, "Asynchronous
invocation").
"""

from collections.abc import Mapping
from dataclasses import dataclass

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from infra.errors import StepFailed
from infra.functions import APP, Schedule
from infra.target import AwsClient

LONGEST_EVENT_AGE_S = 60  # the least that Lambda takes
_TARGET = "function"


@dataclass(frozen=True, slots=True)
class Schedules:
    """Makes the rules of one stage what the table says."""

    events: AwsClient
    lambda_: AwsClient
    stage: str

    def ensure(self, schedules: Mapping[str, Schedule], function_arns: Mapping[str, str]) -> None:
        """Have one enabled rule for each function, and none of this stage for any other.

        Raises:
            StepFailed: EventBridge does not take a target.
        """
        for function, schedule in schedules.items():
            self._ensure_one(self._rule_name(function), schedule.expression, function_arns[function])
        for rule in self._rules() - {self._rule_name(function) for function in schedules}:
            self._delete(rule)

    def delete_all(self) -> None:
        """Delete every rule of the stage."""
        for rule in self._rules():
            self._delete(rule)

    def _ensure_one(self, rule: str, expression: str, function_arn: str) -> None:
        self.lambda_.put_function_event_invoke_config(
            FunctionName=function_arn, MaximumRetryAttempts=0, MaximumEventAgeInSeconds=LONGEST_EVENT_AGE_S
        )
        rule_arn = self.events.put_rule(Name=rule, ScheduleExpression=expression, State="ENABLED")["RuleArn"]
        self._permit(rule, rule_arn, function_arn)
        answer = self.events.put_targets(Rule=rule, Targets=[{"Id": _TARGET, "Arn": function_arn}])
        if answer["FailedEntryCount"]:
            raise StepFailed(
                f"EventBridge does not take {function_arn} as the target of {rule}: "
                f"{answer['FailedEntries'][0].get('ErrorMessage')}.",
                remedy="Deploy again; without this rule the function never runs.",
            )

    def _permit(self, rule: str, rule_arn: str, function_arn: str) -> None:
        try:
            self.lambda_.add_permission(
                FunctionName=function_arn,
                StatementId=rule,
                Action="lambda:InvokeFunction",
                Principal="events.amazonaws.com",
                SourceArn=rule_arn,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceConflictException":  # it has the permission already
                raise

    def _delete(self, rule: str) -> None:
        targets = self.events.list_targets_by_rule(Rule=rule)["Targets"]
        if targets:
            self.events.remove_targets(Rule=rule, Ids=[target["Id"] for target in targets])
        self.events.delete_rule(Name=rule)

    def _rules(self) -> set[str]:
        """By their names; no stage's name has a hyphen, so that none begins like another."""
        pages = self.events.get_paginator("list_rules").paginate(NamePrefix=self._rule_name(""))
        return {rule["Name"] for page in pages for rule in page["Rules"]}

    def _rule_name(self, function: str) -> str:
        return f"{APP}-{self.stage}-{function}"
