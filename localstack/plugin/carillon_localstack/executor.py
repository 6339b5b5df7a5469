"""LocalStack's executor of Lambda functions, with processes in the place of containers.

Configured by CARILLON_RUNTIME_PYTHON: the interpreter of an environment that has what Lambda's runtime brings
(awslambdaric and boto3) and nothing else, so that a package which lacks a dependency fails here as it does there.
"""

import base64
import os
from functools import cache
from pathlib import Path

from localstack import config
from localstack.aws.connect import connect_to
from localstack.constants import AWS_REGION_US_EAST_1
from localstack.runtime import events
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from carillon_localstack.code_store import CodeStore
from carillon_localstack.environment import Environment, Request
from carillon_localstack.interpreter import SETTING, choose_interpreter
from carillon_localstack.runtime import FunctionSpec
from carillon_localstack.variables import function_variables


class ProcessExecutor(RuntimeExecutor):
    """One execution environment. LocalStack calls `start` once, `invoke` one at a time, `stop` from any thread."""

    _environment: Environment

    def start(self, env_vars: dict[str, object]) -> None:
        """Begin the process and give its initialisation the time that is free; a failure is told by `invoke`."""
        self._environment = Environment(_specify(self.function_version, env_vars))
        self._environment.await_init()

    def stop(self) -> None:
        """End the process: at once when LocalStack stops, else after the invocation it is in, as Lambda does."""
        if events.infra_stopping.is_set():
            self._environment.kill()
        else:
            self._environment.drain()

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Wait for the function."""
        request = Request(
            request_id=payload["invoke-id"],
            function_arn=payload["invoked-function-arn"],
            payload=payload["payload"].encode(),
            trace_id=payload["trace-id"],
        )
        outcome = self._environment.invoke(request)
        return InvocationResult(request.request_id, outcome.payload, is_error=outcome.is_error, logs=outcome.logs)

    def get_address(self) -> str:
        """Where it would be found, if anybody looked."""
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        """LocalStack's host, as the function sees it."""
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        """Nothing calls LocalStack back; the Runtime API has a port of its own."""
        return ""

    def get_logs(self) -> str:
        """All there is has gone with the invocations' results."""
        return ""

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpack the code; what this raises becomes the function's StateReason."""
        _interpreter(function_version)
        _unpack(function_version)

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """The version's environments are gone."""
        _store().release(holder=_holder(function_version), digest=_digest(function_version))


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    """LAMBDA_RUNTIME_EXECUTOR=process."""

    name = "process"

    def load(self, *_: object, **__: object) -> type[ProcessExecutor]:
        """The class, as LocalStack wants it."""
        return ProcessExecutor


def _specify(version: FunctionVersion, env_vars: dict[str, object]) -> FunctionSpec:
    settings = version.config
    code = _unpack(version)
    return FunctionSpec(
        name=version.id.function_name,
        version=version.id.qualifier,
        handler=settings.handler,
        timeout_s=settings.timeout,
        memory_mb=settings.memory_size,
        interpreter=_interpreter(version),
        code=code,
        variables=function_variables(
            given=env_vars, own=settings.environment or {}, code=code, runtime=settings.runtime
        ),
    )


def _interpreter(version: FunctionVersion) -> Path:
    return choose_interpreter(setting=os.environ.get(SETTING), runtime=version.config.runtime)


@cache
def _store() -> CodeStore:
    return CodeStore(Path(config.dirs.tmp) / "function-code")


def _unpack(version: FunctionVersion) -> Path:
    code = version.config.code

    def fetch() -> bytes:
        client = connect_to(region_name=AWS_REGION_US_EAST_1, aws_access_key_id=config.INTERNAL_RESOURCE_ACCOUNT).s3
        content: bytes = client.get_object(Bucket=code.s3_bucket, Key=code.s3_key)["Body"].read()
        return content

    return _store().hold(holder=_holder(version), digest=_digest(version), fetch=fetch)


def _holder(version: FunctionVersion) -> tuple[str, str]:
    return version.qualified_arn, version.config.internal_revision


def _digest(version: FunctionVersion) -> str:
    return base64.b64decode(version.config.code.code_sha256).hex()
