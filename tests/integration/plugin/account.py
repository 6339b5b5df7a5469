"""An account on a LocalStack: functions made from source text, and mappings of a queue to them."""

import base64
import io
import json
import secrets
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]

from tests.integration.emulator.workbench import TestQueue, eventually

BROKER_ARN = "arn:aws:mq:eu-central-1:000000000000:broker:test:b-00000000-0000-0000-0000-000000000000"
ROLE_ARN = "arn:aws:iam::000000000000:role/test"
RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
"""The only one there is: functions run on the version of Python that the tests run on."""
_ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=60)

# boto3 has no types, and answers JSON.
Json = Any


@dataclass(frozen=True, slots=True)
class Answered:
    """What an invocation answered: `error` is Lambda's word for a failure, `logs` the last 4 KB of its lines."""

    payload: Json
    error: str | None
    logs: str


class Account:
    """boto3 against one LocalStack, with credentials that open nothing anywhere else."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.port = int(environment["AWS_ENDPOINT_URL"].rpartition(":")[2])
        self._session = boto3.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_DEFAULT_REGION"],
        )
        self._endpoint = environment["AWS_ENDPOINT_URL"]
        self.functions = self.client("lambda")

    def client(self, service: str) -> Any:
        """A client that asks once."""
        return self._session.client(service, endpoint_url=self._endpoint, config=_ONCE)

    def create_function(
        self, source: str, *, handler: str = "code.handle", timeout_s: int = 20, **variables: str
    ) -> str:
        """The name of a new function that is ready."""
        name = f"function-{secrets.token_hex(4)}"
        self.functions.create_function(
            FunctionName=name,
            Runtime=RUNTIME,
            Role=ROLE_ARN,
            Handler=handler,
            Timeout=timeout_s,
            Code={"ZipFile": package(source)},
            Environment={"Variables": variables},
        )
        assert eventually(lambda: self.function(name)["State"] == "Active")
        return name

    def update_function(self, name: str, source: str) -> None:
        """Give it other code, and wait until that is used."""
        self.functions.update_function_code(FunctionName=name, ZipFile=package(source))
        assert eventually(lambda: self.function(name)["LastUpdateStatus"] == "Successful")

    def invoke(self, name: str, event: Json = None) -> Answered:
        """Invoke it and wait."""
        answer = self.functions.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
        return Answered(
            payload=json.load(answer["Payload"]), error=answer.get("FunctionError"), logs=_text(answer.get("LogResult"))
        )

    def create_secret(self, *, username: str, password: str) -> str:
        """The ARN of a new secret as a mapping wants it."""
        content = json.dumps({"username": username, "password": password})
        answer = self.client("secretsmanager").create_secret(
            Name=f"secret-{secrets.token_hex(4)}", SecretString=content
        )
        return str(answer["ARN"])

    def map_queue(self, function: str, queue: TestQueue, secret_arn: str, **more: object) -> str:
        """The id of a new mapping."""
        answer = self.functions.create_event_source_mapping(
            **{
                "FunctionName": function,
                "EventSourceArn": BROKER_ARN,
                "Queues": [queue.name],
                "SourceAccessConfigurations": [
                    {"Type": "BASIC_AUTH", "URI": secret_arn},
                    {"Type": "VIRTUAL_HOST", "URI": queue.virtual_host},
                ],
                **more,
            }
        )
        return str(answer["UUID"])

    def function(self, name: str) -> Json:
        """What Lambda tells of a function."""
        return self.functions.get_function_configuration(FunctionName=name)

    def mapping(self, uuid: str) -> Json:
        """What Lambda tells of a mapping."""
        return self.functions.get_event_source_mapping(UUID=uuid)

    def becomes(self, uuid: str, state: str) -> bool:
        """Whether a mapping reaches this state in time."""
        return eventually(lambda: self.mapping(uuid)["State"] == state)


def package(source: str) -> bytes:
    """A deployment package of one module, `code`."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("code.py", source)
    return content.getvalue()


def _text(encoded: str | None) -> str:
    return base64.b64decode(encoded or "").decode()
