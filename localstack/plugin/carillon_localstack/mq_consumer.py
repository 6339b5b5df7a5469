"""Opens the consumer of a mapping: LocalStack has the secret with its credentials, and the function."""

import json
import os
from typing import Any

import botocore.config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from localstack.services.lambda_.event_source_mapping.pipe_utils import get_internal_client
from localstack.services.lambda_.provider_utils import get_function_version_from_arn
from localstack.utils.aws.client_types import ServicePrincipal

from carillon_localstack.mq_credentials import SETTING, broker_url
from carillon_localstack.mq_request import MappingSettings
from carillon_localstack.mq_worker import MAX_EXECUTION_S
from offline.emulator.config import MappingSpec
from offline.emulator.errors import FunctionError, FunctionThrottled, SourceUnusable
from offline.emulator.mapping import Mapping

# An event, and what a function answers.
Json = Any


def open_consumer(settings: MappingSettings) -> Mapping:
    """A mapping that has not begun. Raises SourceUnusable for a secret that is missing or of no use."""
    spec = MappingSpec(
        name=settings.uuid,
        function=settings.function_arn,
        queue=settings.queue,
        virtual_host=settings.virtual_host,
        broker_url=broker_url(address=os.environ.get(SETTING), secret=_fetch_secret(settings)),
        broker_arn=settings.broker_arn,
        batch_size=settings.batch_size,
        window_ms=int(settings.window_s * 1000),
        filter_criteria=dict(settings.filter_criteria) if settings.filter_criteria else None,
    )
    return Mapping(spec=spec, function=DeployedFunction(settings.function_arn))


class DeployedFunction:
    """A function of LocalStack's Lambda, invoked as a mapping does: synchronously, and never twice by itself."""

    def __init__(self, arn: str) -> None:
        self._arn = arn
        once = botocore.config.Config(
            retries={"total_max_attempts": 1}, read_timeout=MAX_EXECUTION_S, max_pool_connections=1
        )
        self._client = get_internal_client(arn=arn, client_config=once)

    def invoke(self, event: Json, /) -> Json:
        """The result. Raises FunctionError; FunctionThrottled when Lambda would not take the invocation."""
        try:
            answer = self._client.invoke(FunctionName=self._arn, Payload=json.dumps(event))
            result = json.load(answer["Payload"])
        except (BotoCoreError, ClientError) as error:
            raise FunctionThrottled(f"not invoked: {error}") from error
        if "FunctionError" in answer:
            raise FunctionError(
                error_type=result.get("errorType", "Unhandled"),
                error_message=result.get("errorMessage", ""),
                stack_trace=result.get("stackTrace", []),
            )
        return result


def _fetch_secret(settings: MappingSettings) -> str:
    """As the function's role, whose policy must allow it on AWS; LocalStack does not ask."""
    client = get_internal_client(
        arn=settings.secret_arn,
        role_arn=get_function_version_from_arn(settings.function_arn).config.role,
        service_principal=ServicePrincipal.lambda_,
    )
    try:
        secret: str = client.get_secret_value(SecretId=settings.secret_arn)["SecretString"]
    except (BotoCoreError, ClientError, KeyError) as error:
        raise SourceUnusable(
            reason_code="ESM_CONFIG_NOT_VALID", detail=f"the secret cannot be read: {error}"
        ) from error
    return secret
