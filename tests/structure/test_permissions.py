"""Each function may do in AWS what its code calls and what Lambda does for it, and nothing else.

What the code calls is read from its source: a call that no policy allows, and a permission that nobody uses, are errors
that name function, action and file. Which secrets a function really reads is held against its policy by running it, in
tests/integration/test_permissions_in_use.py.
"""

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest

from infra.functions import ALL, CONSUMERS
from tests.policies import NAMES, POLICIES, REGION, ROOT, STAGE, Policy, listed, secret_arn

E_MAIL = ("deliver_email", "deliver_email_bulk")
CALLS: Mapping[tuple[str, str], Collection[str]] = {
    ("chalicelib/aws_secrets.py", "secretsmanager:GetSecretValue"): ALL,
    ("chalicelib/channels/email/ses.py", "ses:SendRawEmail"): E_MAIL,
}
"""Every call of our code: where, which action, and the functions that come there."""

LOGGING = {"logs:CreateLogStream", "logs:PutLogEvents"}
NETWORK = {
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
}
MAPPING = {"mq:DescribeBroker", "secretsmanager:GetSecretValue", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs"}
"""What Lambda does with the function's role: "Giving Lambda functions access to resources in an Amazon VPC" and
"Configure Amazon MQ event source mappings" in its Developer Guide."""

SERVICES = ("secretsmanager", "ses")


def modules_with_boto3() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / "chalicelib").rglob("*.py")):
        tree = ast.parse(path.read_text())
        if any(name.partition(".")[0] in ("boto3", "botocore") for name in imported(tree)):
            yield path, tree


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def called(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """The name of every method that is called, with the call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, node


@cache
def operations() -> Mapping[str, str]:
    """The action of each method of the clients that our code makes, as botocore's own models have it."""
    found: dict[str, str] = {}
    for service in SERVICES:
        client: Any = boto3.Session("-", "-", region_name=REGION).client(service)
        found |= {method: f"{service}:{operation}" for method, operation in client.meta.method_to_api_mapping.items()}
    return found


def calls_in_source() -> set[tuple[str, str]]:
    return {
        (str(path.relative_to(ROOT)), operations()[method])
        for path, tree in modules_with_boto3()
        for method, _ in called(tree)
        if method in operations()
    }


def flaws(policy: Policy) -> list[str]:
    """What is wrong with a function's policy, in sentences."""
    calling = {action: file for (file, action), functions in CALLS.items() if policy.function in functions}
    own = LOGGING | NETWORK | (MAPPING if policy.function in CONSUMERS else set())
    file = f".chalice/policies/{policy.function}.json"
    return [
        *(
            f"{file} lacks {action}: {policy.function} calls it in {calling.get(action, 'Lambda itself')}"
            for action in sorted((calling.keys() | own) - policy.allowed)
        ),
        *(
            f"{file} allows {action}, which nothing in {policy.function} calls"
            for action in sorted(policy.allowed - calling.keys() - own)
        ),
    ]


def test_every_client_of_aws_is_of_a_service_that_this_test_knows() -> None:
    services = {
        ast.literal_eval(call.args[0])
        for _, tree in modules_with_boto3()
        for method, call in called(tree)
        if method in ("client", "resource")
    }
    assert services == set(SERVICES)


def test_every_call_of_aws_is_known_with_the_functions_that_make_it() -> None:
    unknown = calls_in_source() - CALLS.keys()
    assert not unknown, f"say in CALLS which functions call {sorted(unknown)}, and allow it in their policies"
    idle = CALLS.keys() - calls_in_source()
    assert not idle, f"nothing calls {sorted(idle)} any more: strike it out of CALLS and of the policies"


def test_every_function_has_a_policy_and_every_policy_a_function() -> None:
    assert {path.stem for path in POLICIES.glob("*")} == set(ALL)


@pytest.mark.parametrize("function", ALL)
def test_a_function_may_do_what_it_does_and_nothing_else(function: str) -> None:
    assert flaws(Policy.of(function)) == []


@pytest.mark.parametrize("function", ALL)
def test_a_policy_that_lacks_an_action_is_an_error_that_names_it(function: str) -> None:
    policy = Policy.of(function)
    for action in policy.allowed:
        [flaw] = flaws(policy.without(action))
        assert flaw.startswith(f".chalice/policies/{function}.json lacks {action}: {function} calls it in ")


def test_the_message_says_where_the_call_is() -> None:
    file, caller = ".chalice/policies/deliver_email.json", "chalicelib/channels/email/ses.py"
    message = f"{file} lacks ses:SendRawEmail: deliver_email calls it in {caller}"
    assert flaws(Policy.of("deliver_email").without("ses:SendRawEmail")) == [message]


def test_an_action_that_nobody_needs_is_an_error_that_names_it() -> None:
    policy = Policy.of("deliver_push")
    wider = replace(policy, statements=(*policy.statements, *Policy.of("deliver_email").statements))
    assert flaws(wider) == [
        ".chalice/policies/deliver_push.json allows ses:SendRawEmail, which nothing in deliver_push calls"
    ]


@pytest.mark.parametrize("function", ALL)
def test_only_what_has_no_narrower_resource_is_allowed_on_all(function: str) -> None:
    for statement in Policy.of(function).statements:
        if statement["Effect"] == "Allow" and "*" in listed(statement["Resource"]):
            assert set(listed(statement["Action"])) <= NETWORK | MAPPING, "EC2 wants these on every resource"
            assert all(action.startswith("ec2:") for action in listed(statement["Action"]))


@pytest.mark.parametrize("function", ALL)
def test_what_lambda_may_do_in_a_function_s_name_its_code_may_not(function: str) -> None:
    policy = Policy.of(function)
    broker = f"arn:aws:mq:{REGION}:{NAMES['Account']}:broker:carillon-{STAGE}:b-1"
    for action in sorted(NETWORK | {"mq:DescribeBroker"}):
        resource = broker if action.startswith("mq:") else "*"
        assert not policy.allows(action, resource)
        assert policy.allows(action, resource, by_our_code=False) is (action in policy.allowed)


@pytest.mark.parametrize("function", ALL)
def test_lambda_logs_in_to_the_broker_for_those_that_have_a_mapping_and_for_no_other(function: str) -> None:
    login = ("secretsmanager:GetSecretValue", secret_arn("broker-login"))
    assert Policy.of(function).allows(*login, by_our_code=False) is (function in CONSUMERS)


@pytest.mark.parametrize("function", ALL)
def test_a_function_writes_to_its_own_log_alone(function: str) -> None:
    policy = Policy.of(function)
    for other in ALL:
        name = f"carillon-{STAGE}" if other == "api_handler" else f"carillon-{STAGE}-{other}"
        group = f"arn:aws:logs:{REGION}:{NAMES['Account']}:log-group:/aws/lambda/{name}:log-stream:2026/11/23/a"
        assert policy.allows("logs:PutLogEvents", group) is (other == function)


@pytest.mark.parametrize("function", ALL)
def test_a_function_reads_no_secret_of_another_stage_and_none_of_a_longer_name(function: str) -> None:
    policy = Policy.of(function)
    assert policy.allows("secretsmanager:GetSecretValue", secret_arn("DATABASE_URL"))
    assert not policy.allows("secretsmanager:GetSecretValue", secret_arn("DATABASE_URL").replace(STAGE, "prod"))
    assert not policy.allows("secretsmanager:GetSecretValue", secret_arn("DATABASE_URL-OF-OTHERS"))


def test_only_the_interface_reads_the_signing_keys_and_only_the_push_functions_firebase_s() -> None:
    def readers(name: str) -> set[str]:
        return {
            function
            for function in ALL
            if Policy.of(function).allows("secretsmanager:GetSecretValue", secret_arn(name))
        }

    assert readers("JWT_PRIVATE_KEYS") == {"api_handler"}
    assert readers("FCM_CREDENTIALS") == {"deliver_push", "deliver_push_bulk"}
    assert readers("EMAIL_PROVIDERS") == {"api_handler", *E_MAIL, "relay"}
