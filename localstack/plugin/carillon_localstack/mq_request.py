"""An event source mapping for RabbitMQ, as CreateEventSourceMapping and UpdateEventSourceMapping configure it.

Limits are those of the Lambda API reference and of "Using Lambda with Amazon MQ".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from offline.emulator.filter_rules import InvalidPattern
from offline.emulator.filters import FilterCriteria

DEFAULT_BATCH_SIZE = 100
DEFAULT_WINDOW_S = 0.5
MAX_BATCH_SIZE = 10_000
MAX_WINDOW_S = 300
MAX_FUNCTION_TIMEOUT_S = 14 * 60

_OF_OTHER_SOURCES = (
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "FunctionResponseTypes",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "ScalingConfig",
    "SelfManagedEventSource",
    "StartingPosition",
    "Topics",
    "TumblingWindowInSeconds",
)

# A request or a stored configuration: JSON of boto3's making.
Config = Mapping[str, Any]


class InvalidMapping(ValueError):
    """Lambda would refuse this configuration; the message is for its author."""


@dataclass(frozen=True, slots=True)
class MappingSettings:
    """What a consumer needs to know, but for the credentials behind `secret_arn`."""

    uuid: str
    function_arn: str
    broker_arn: str
    queue: str
    virtual_host: str
    secret_arn: str
    batch_size: int
    window_s: float
    filter_criteria: Config | None

    @classmethod
    def parse(cls, config: Config) -> Self:
        """From a stored configuration that `check_mapping` has let pass."""
        access = _access(config)
        return cls(
            uuid=config["UUID"],
            function_arn=config["FunctionArn"],
            broker_arn=config["EventSourceArn"],
            queue=config["Queues"][0],
            virtual_host=access.get("VIRTUAL_HOST", "/"),
            secret_arn=access["BASIC_AUTH"],
            batch_size=config.get("BatchSize") or DEFAULT_BATCH_SIZE,
            window_s=config.get("MaximumBatchingWindowInSeconds", DEFAULT_WINDOW_S),
            filter_criteria=config.get("FilterCriteria"),
        )


def check_mapping(config: Config) -> None:
    """Raises InvalidMapping for what Lambda refuses before anything is connected."""
    for name in _OF_OTHER_SOURCES:
        if config.get(name):
            raise InvalidMapping(f"{name} is not supported for event source mappings of Amazon MQ")
    _check_queues(config.get("Queues"))
    _check_access(config)
    _check_range("BatchSize", config.get("BatchSize"), 1, MAX_BATCH_SIZE)
    _check_range("MaximumBatchingWindowInSeconds", config.get("MaximumBatchingWindowInSeconds"), 0, MAX_WINDOW_S)
    try:
        FilterCriteria.parse(config.get("FilterCriteria") or {})
    except InvalidPattern as error:
        raise InvalidMapping(f"Invalid filter pattern definition: {error}") from error


def check_timeout(timeout_s: int) -> None:
    """Raises InvalidMapping for a function that Lambda does not map to Amazon MQ."""
    if timeout_s > MAX_FUNCTION_TIMEOUT_S:
        raise InvalidMapping("a function that is mapped to Amazon MQ has a timeout of at most 14 minutes")


def _check_queues(queues: object) -> None:
    if not isinstance(queues, list) or len(queues) != 1 or not isinstance(queues[0], str):
        raise InvalidMapping("Queues: one queue, and only one, is required for event source mappings of Amazon MQ")
    if not 1 <= len(queues[0]) <= 1000:
        raise InvalidMapping("Queues: a name has 1 to 1000 characters")


def _check_access(config: Config) -> None:
    given = [one["Type"] for one in config.get("SourceAccessConfigurations") or []]
    if given.count("BASIC_AUTH") != 1:
        raise InvalidMapping(
            "SourceAccessConfigurations: one BASIC_AUTH is required for event source mappings of Amazon MQ"
        )
    if given.count("VIRTUAL_HOST") > 1 or set(given) - {"BASIC_AUTH", "VIRTUAL_HOST"}:
        raise InvalidMapping("SourceAccessConfigurations: Amazon MQ takes one BASIC_AUTH and at most one VIRTUAL_HOST")
    if not _access(config)["BASIC_AUTH"].startswith("arn:aws:secretsmanager:"):
        raise InvalidMapping("SourceAccessConfigurations: BASIC_AUTH is the ARN of a secret in Secrets Manager")


def _check_range(name: str, value: int | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise InvalidMapping(f"{name}: {value} is not between {least} and {most}")


def _access(config: Config) -> dict[str, str]:
    return {one["Type"]: one["URI"] for one in config["SourceAccessConfigurations"]}
