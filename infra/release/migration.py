"""Calls the deployed `migrate` function: schemas, queues, and the first people of a fresh installation."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError  # type: ignore[import-untyped]

from infra import functions
from infra.errors import StepFailed
from infra.eventually import Patience
from infra.functions import deployed_name
from infra.target import AwsClient

LONGEST_S = 900
"""The function's own timeout, the most that Lambda has."""

NETWORK_IS_BACK = Patience(longest_s=300, every_s=5)

Founders = Mapping[str, object]
"""The event of `migrate`: `first_admin`, `first_client`, or nothing."""


def migrate(
    *, client: AwsClient, stage: str, founders: Founders, patience: Patience = NETWORK_IS_BACK
) -> Mapping[str, str | None]:
    """Bring schemas and topology to what the deployed code expects; return what was added for the founders.

    Repeating it changes nothing. `client` waits for LONGEST_S, and calls once. A function that nobody called for weeks
    has lost its place in the network: Lambda refuses the call, and makes it a new one (Developer Guide, "Function
    states").

    Raises:
        StepFailed: the function failed; the message ends with its log.
    """
    name = deployed_name(functions.BY_HAND, stage)
    answer = _called(client, name, json.dumps(founders).encode(), patience)
    said = answer["Payload"].read().decode()
    if "FunctionError" in answer:
        log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace").replace("\r", "\n")
        raise StepFailed(
            f"{name} failed: {_error_in(said)}\n{log.strip()}".rstrip(),
            remedy="Each schema is changed whole or not at all. Mend what the log names, then deploy again.",
        )
    told: Mapping[str, str | None] = json.loads(said)
    return told


def _called(client: AwsClient, name: str, payload: bytes, patience: Patience) -> Any:  # Any: boto3's answer
    answers: list[Any] = []
    refusals: list[ClientError] = []

    def is_called() -> bool:
        try:
            answers.append(client.invoke(FunctionName=name, LogType="Tail", Payload=payload))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotReadyException":
                raise
            refusals.append(error)
        return bool(answers)

    try:
        if not patience.until(is_called):
            raise refusals[-1]
    except (ClientError, ReadTimeoutError) as error:
        raise StepFailed(
            f"{name} could not be called: {error}", remedy="Deploy again: migrating may be repeated."
        ) from error
    return answers[0]


def _error_in(said: str) -> str:
    try:
        error = json.loads(said)
        return f"{error.get('errorType', 'error')}: {error.get('errorMessage', said)}"
    except (ValueError, AttributeError):
        return said
