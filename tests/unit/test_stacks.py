"""A stack is made what its template says, whatever state it was found in."""

from dataclasses import replace

import pytest

from infra.errors import StepFailed
from infra.eventually import Patience
from infra.platform.stacks import Stack
from tests.fake_cloudformation import Died, FakeCloudFormation, FakeStack

NAME = "carillon-dev-network"
BROKEN = ("NatA", "AWS::EC2::NatGateway", "The maximum number of addresses has been reached.")
PATIENCE = Patience(longest_s=60, every_s=1, pause=lambda _s: None)


@pytest.fixture
def aws() -> FakeCloudFormation:
    return FakeCloudFormation()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def stack(aws: FakeCloudFormation, said: list[str]) -> Stack:
    return Stack(NAME, cloudformation=aws, say=said.append, patience=PATIENCE)


def test_a_stack_that_is_not_there_is_created_and_its_outputs_are_told(aws: FakeCloudFormation, stack: Stack) -> None:
    aws.outputs = lambda _name, _body, parameters: {"Told": parameters["Size"]}
    assert stack.ensure("a template", {"Size": "small"}) == {"Told": "small"}
    assert aws.stacks[NAME].status == "CREATE_COMPLETE"


def test_a_stack_that_is_as_it_should_be_is_left_alone(aws: FakeCloudFormation, stack: Stack) -> None:
    stack.ensure("a template", {})
    stack.ensure("a template", {})
    assert aws.called("execute_change_set") == [NAME]
    assert aws.change_sets == {}


def test_another_template_or_parameter_is_an_update(aws: FakeCloudFormation, stack: Stack) -> None:
    stack.ensure("a template", {"Size": "small"})
    stack.ensure("a template", {"Size": "large"})
    stack.ensure("another", {"Size": "large"})
    assert aws.stacks[NAME].status == "UPDATE_COMPLETE"
    assert aws.called("execute_change_set") == [NAME] * 3


def test_a_failed_creation_says_which_resource_failed_and_why(aws: FakeCloudFormation, stack: Stack) -> None:
    aws.failing[NAME] = BROKEN
    with pytest.raises(StepFailed, match=r"ROLLBACK_COMPLETE:\n  NatA \(AWS::EC2::NatGateway\): The maximum number"):
        stack.ensure("a template", {})


def test_what_was_only_cancelled_is_no_cause(aws: FakeCloudFormation, stack: Stack) -> None:
    aws.failing[NAME] = BROKEN
    with pytest.raises(StepFailed) as failure:
        stack.ensure("a template", {})
    assert "cancelled" not in str(failure.value)


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED"])
def test_a_stack_that_never_worked_is_deleted_first_and_that_is_said(
    aws: FakeCloudFormation, stack: Stack, said: list[str], status: str
) -> None:
    aws.stacks[NAME] = FakeStack(status)
    stack.ensure("a template", {})
    assert aws.stacks[NAME].status == "CREATE_COMPLETE"
    assert status in said[0]


def test_after_a_failed_update_the_old_stays_and_the_next_run_updates(aws: FakeCloudFormation, stack: Stack) -> None:
    stack.ensure("a template", {})
    aws.failing[NAME] = BROKEN
    with pytest.raises(StepFailed, match="UPDATE_ROLLBACK_COMPLETE"):
        stack.ensure("another", {})
    del aws.failing[NAME]
    stack.ensure("another", {})
    assert (aws.stacks[NAME].body, aws.called("delete_stack")) == ("another", [])


@pytest.mark.parametrize("status", ["DELETE_FAILED", "CREATE_FAILED", "UPDATE_ROLLBACK_FAILED"])
def test_a_stack_that_may_hold_data_is_never_deleted_unasked(
    aws: FakeCloudFormation, stack: Stack, status: str
) -> None:
    aws.stacks[NAME] = FakeStack(status)
    with pytest.raises(StepFailed, match=status):
        stack.ensure("a template", {})
    assert aws.calls == []


@pytest.mark.parametrize("step", ["create_change_set", "execute_change_set"])
def test_whoever_died_on_the_way_leaves_nothing_that_stops_the_next(
    aws: FakeCloudFormation, stack: Stack, step: str
) -> None:
    aws.dies_before = step
    with pytest.raises(Died):
        stack.ensure("a template", {})
    stack.ensure("a template", {})
    assert aws.stacks[NAME].status == "CREATE_COMPLETE"


def test_a_change_that_somebody_else_began_is_waited_for(aws: FakeCloudFormation, stack: Stack) -> None:
    aws.stacks[NAME] = FakeStack("CREATE_IN_PROGRESS", "a template", moving_for=5, next_status="CREATE_COMPLETE")
    stack.ensure("a template", {})
    assert aws.called("execute_change_set") == []


def test_one_that_never_comes_to_rest_is_given_up(aws: FakeCloudFormation, stack: Stack) -> None:
    aws.stacks[NAME] = FakeStack("UPDATE_IN_PROGRESS")
    with pytest.raises(StepFailed, match="run again"):
        replace(stack, patience=Patience(longest_s=0, every_s=0)).ensure("a template", {})


def test_deleting_may_be_repeated(aws: FakeCloudFormation, stack: Stack) -> None:
    stack.ensure("a template", {})
    stack.delete()
    stack.delete()
    assert (aws.stacks, aws.called("delete_stack")) == ({}, [NAME])


def test_what_cannot_be_deleted_is_named(aws: FakeCloudFormation, stack: Stack) -> None:
    stack.ensure("a template", {})
    aws.failing[NAME] = ("PrivateA", "AWS::EC2::Subnet", "The subnet has dependencies.")
    with pytest.raises(StepFailed, match=r"PrivateA \(AWS::EC2::Subnet\): The subnet has dependencies"):
        stack.delete()
