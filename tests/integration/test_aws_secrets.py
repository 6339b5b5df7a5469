"""How Secrets Manager is asked, and what its answers and its silence mean."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from moto import mock_aws

from chalicelib import aws_secrets
from chalicelib.aws_secrets import AwsSecrets
from chalicelib.domain.secret_reference import SecretReference
from chalicelib.errors import InvalidSettings, SecretUnavailable
from tests.scripted_http import Reply, scripted_http

REGION = "eu-central-1"
NAME = "carillon/dev/REDIS_URL"
SOMEWHERE = SecretReference.parse(f"arn:aws:secretsmanager:{REGION}:123456789012:secret:{NAME}-AbCdEf")
SLACK_S = 2.0


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nobody's; and a region that is not the secret's."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return monkeypatch


@pytest.fixture
def manager() -> Iterator[Any]:
    """An operator's client of a mocked Secrets Manager."""
    with mock_aws():
        yield boto3.client("secretsmanager", region_name=REGION)


def made(manager: Any, **value: object) -> SecretReference:
    return SecretReference.parse(manager.create_secret(Name=NAME, **value)["ARN"])


def test_a_secret_s_text_is_read_in_its_own_region(manager: Any) -> None:
    assert AwsSecrets().fetch(made(manager, SecretString="redis://one")) == "redis://one"


def test_the_last_newline_of_a_file_is_no_part_of_the_secret(manager: Any) -> None:
    assert AwsSecrets().fetch(made(manager, SecretString="postgresql://host/db?options=\n")).endswith("options=")


def test_a_rotated_secret_is_read_as_it_is_now(manager: Any) -> None:
    secrets, reference = AwsSecrets(), made(manager, SecretString="redis://one")
    assert secrets.fetch(reference) == "redis://one"
    manager.put_secret_value(SecretId=NAME, SecretString="redis://two")
    assert secrets.fetch(reference) == "redis://two"


def test_a_version_that_is_not_current_yet_is_nobody_s_value(manager: Any) -> None:
    reference = made(manager, SecretString="redis://one")
    manager.put_secret_value(SecretId=NAME, SecretString="redis://two", VersionStages=["AWSPENDING"])
    assert AwsSecrets().fetch(reference) == "redis://one"


def test_a_binary_secret_is_no_value_of_a_setting(manager: Any) -> None:
    with pytest.raises(InvalidSettings, match="binary"):
        AwsSecrets().fetch(made(manager, SecretBinary=b"redis://one"))


@pytest.mark.usefixtures("manager")
def test_a_missing_secret_is_for_a_person() -> None:
    with pytest.raises(InvalidSettings, match="ResourceNotFoundException"):
        AwsSecrets().fetch(SOMEWHERE)


def test_a_secret_that_is_about_to_be_deleted_is_for_a_person(manager: Any) -> None:
    reference = made(manager, SecretString="redis://one")
    manager.delete_secret(SecretId=NAME)
    with pytest.raises(InvalidSettings, match="InvalidRequestException"):
        AwsSecrets().fetch(reference)


def refusal(code: str, status: int = 400) -> Reply:
    body = json.dumps({"__type": code, "Message": "about redis://:hunter2@cache"}).encode()
    return Reply(status, body, {"Content-Type": "application/x-amz-json-1.1"})


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "DecryptionFailure", "UnrecognizedClientException", "ExpiredTokenException"]
)
def test_what_passes_only_by_somebody_s_act_is_told_by_its_code_alone(
    credentials: pytest.MonkeyPatch, code: str
) -> None:
    with scripted_http(lambda _: refusal(code)) as server:
        credentials.setenv("AWS_ENDPOINT_URL", server.url)
        with pytest.raises(InvalidSettings, match=code) as refused:
            AwsSecrets().fetch(SOMEWHERE)
        assert len(server.asked) == 1
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "reply",
    [
        refusal("ThrottlingException"),
        refusal("InternalServiceError", 500),
        Reply(503, b"<html>"),
        Reply(body=b"<html>"),
        Reply(hangs_up=True),
    ],
    ids=["busy", "in trouble", "a gateway's page", "no JSON", "hangs up"],
)
def test_what_passes_by_itself_is_tried_twice_and_is_then_away(credentials: pytest.MonkeyPatch, reply: Reply) -> None:
    with scripted_http(lambda _: reply) as server:
        credentials.setenv("AWS_ENDPOINT_URL", server.url)
        with pytest.raises(SecretUnavailable):
            AwsSecrets().fetch(SOMEWHERE)
        assert 1 <= len(server.asked) <= aws_secrets.MOST_TRIES


def test_a_place_that_nobody_listens_at_is_away(credentials: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    credentials.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    with pytest.raises(SecretUnavailable, match="could not be reached"):
        AwsSecrets().fetch(SOMEWHERE)


def test_one_that_never_answers_holds_nobody_for_longer_than_is_said(credentials: pytest.MonkeyPatch) -> None:
    with scripted_http(lambda _: Reply(after_s=60)) as server:
        credentials.setenv("AWS_ENDPOINT_URL", server.url)
        began_s = time.monotonic()
        with pytest.raises(SecretUnavailable, match="ReadTimeoutError"):
            AwsSecrets().fetch(SOMEWHERE)
    longest_s = aws_secrets.MOST_TRIES * (aws_secrets.CONNECT_TIMEOUT_S + aws_secrets.ANSWER_TIMEOUT_S)
    assert time.monotonic() - began_s < longest_s + SLACK_S


def test_without_credentials_somebody_must_act(credentials: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        credentials.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        credentials.setenv(name, "/nonexistent")
    credentials.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(InvalidSettings, match="NoCredentialsError"):
        AwsSecrets().fetch(SOMEWHERE)
