"""Reads secrets from AWS Secrets Manager: their current version, as text, without white space around it.

Importing this module loads boto3: only a function with a setting that names a secret does.

Sources: AWS Secrets Manager API Reference, "GetSecretValue" and "Common Errors". Of its errors some pass by themselves;
all others are for a person: a missing secret or right, one that is about to be deleted, a key that may not decrypt it.
"""

from collections.abc import Mapping
from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore import exceptions  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]

from chalicelib.domain.secret_reference import SecretReference
from chalicelib.errors import InvalidSettings, SecretUnavailable

CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 2.0
MOST_TRIES = 2
"""So whoever asks gives up after some nine seconds: within the shortest timeout of any function."""

SERVER_ERROR = 500
_PASSING = {
    "InternalServiceError",
    "InternalFailure",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_UNREACHED = (
    exceptions.ConnectionError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    exceptions.CredentialRetrievalError,
    ResponseParserError,
)


class AwsSecrets:
    """One client for each region that a secret lies in, made when it is first needed and kept."""

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}  # Any: boto3 has no types

    def fetch(self, reference: SecretReference) -> str:
        """What the secret says now.

        Raises:
            SecretUnavailable: Secrets Manager is away or busy.
            InvalidSettings: the secret is not there, is not text, or may not be read; told by AWS's own code.
        """
        try:
            answer = self._client_in(reference.region).get_secret_value(SecretId=reference.arn)
        except exceptions.ClientError as error:
            raise _meaning_of(error) from error
        except _UNREACHED as error:
            raise SecretUnavailable(f"could not be reached ({type(error).__name__})") from error
        except exceptions.BotoCoreError as error:
            raise InvalidSettings(f"cannot be read ({type(error).__name__})") from error
        return _text_of(answer)

    def _client_in(self, region: str) -> Any:  # Any: boto3 has no types
        if region not in self._clients:
            config = Config(
                connect_timeout=CONNECT_TIMEOUT_S,
                read_timeout=ANSWER_TIMEOUT_S,
                retries={"total_max_attempts": MOST_TRIES, "mode": "standard"},
            )
            self._clients[region] = boto3.Session(region_name=region).client("secretsmanager", config=config)
        return self._clients[region]


def _text_of(answer: Mapping[str, Any]) -> str:  # Any: boto3 has no types
    if "SecretBinary" in answer:
        raise InvalidSettings("is binary, and must be text")
    if "SecretString" not in answer:
        raise SecretUnavailable("said nothing that could be read")  # some page of something in between
    return str(answer["SecretString"]).strip()  # a file that was put as a secret ends in a newline


def _meaning_of(error: exceptions.ClientError) -> SecretUnavailable | InvalidSettings:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _PASSING or status >= SERVER_ERROR:
        return SecretUnavailable(f"could not be had ({code or status})")
    return InvalidSettings(f"cannot be read ({code or status})")
