"""The emulator's configuration file, validated: functions, event source mappings, schedules."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, DirectoryPath, Field, JsonValue, field_validator, model_validator

from offline.emulator.filters import FilterCriteria
from offline.emulator.rmq_event import DEFAULT_BROKER_ARN

MAX_FUNCTION_TIMEOUT_S = 900
MAX_MAPPED_FUNCTION_TIMEOUT_S = 14 * 60
PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FunctionSpec(_Strict):
    """A function: `handler` is `module.attribute`, imported from `cwd` or from PYTHONPATH in `environment`.

    `recycle_after` invocations, or `recycle_idle_s` without one, an environment is replaced by a cold one.
    """

    handler: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*\.[A-Za-z_]\w*$")]
    timeout_s: Annotated[float, Field(gt=0, le=MAX_FUNCTION_TIMEOUT_S)] = 3
    environment: dict[str, str] = {}
    cwd: DirectoryPath | None = None
    recycle_after: Annotated[int, Field(gt=0)] | None = None
    recycle_idle_s: Annotated[float, Field(gt=0)] | None = None
    max_concurrency: Annotated[int, Field(gt=0)] = 10


class MappingSpec(_Strict):
    """An event source mapping; the defaults are Lambda's, except the failure back-off, which AWS does not document."""

    name: Name
    function: str
    queue: Annotated[str, Field(min_length=1)]
    broker_url: Annotated[str, Field(pattern=r"^amqps?://", repr=False)]
    virtual_host: str = "/"
    broker_arn: str = DEFAULT_BROKER_ARN
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 100
    window_ms: Annotated[int, Field(ge=0, le=300_000)] = 500
    enabled: bool = True
    filter_criteria: dict[str, JsonValue] | None = None
    payload_limit_bytes: Annotated[int, Field(gt=1024, le=PAYLOAD_LIMIT_BYTES)] = PAYLOAD_LIMIT_BYTES
    heartbeat_s: Annotated[int, Field(ge=1, le=60)] = 10
    failure_backoff_s: Annotated[float, Field(ge=0)] = 0.2
    failure_backoff_max_s: Annotated[float, Field(ge=0)] = 5

    @field_validator("filter_criteria")
    @classmethod
    def _is_supported(cls, criteria: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
        FilterCriteria.parse(criteria or {})
        return criteria


class ScheduleSpec(_Strict):
    """A rule that invokes a function every `every_s`; without `overlap` a tick during an execution is dropped."""

    name: Name
    function: str
    every_s: Annotated[float, Field(gt=0)]
    overlap: bool = True


class EmulatorConfig(_Strict):
    """The whole file. Names are unique, and every mapping and schedule names a function that is there."""

    control_port: Annotated[int, Field(ge=0, le=65_535)] = 0
    functions: dict[Name, FunctionSpec]
    mappings: list[MappingSpec] = []
    schedules: list[ScheduleSpec] = []

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        _require_unique("mapping", [mapping.name for mapping in self.mappings])
        _require_unique("schedule", [schedule.name for schedule in self.schedules])
        for name, function in [
            *((mapping.name, mapping.function) for mapping in self.mappings),
            *((schedule.name, schedule.function) for schedule in self.schedules),
        ]:
            if function not in self.functions:
                raise ValueError(f"{name!r} names the function {function!r}, which is not in 'functions'")
        for mapping in self.mappings:
            if self.functions[mapping.function].timeout_s > MAX_MAPPED_FUNCTION_TIMEOUT_S:
                raise ValueError(f"{mapping.function!r} is mapped to Amazon MQ: its timeout is at most 14 minutes")
        return self


def _require_unique(kind: str, names: list[str]) -> None:
    if len(names) != len(set(names)):
        raise ValueError(f"two {kind}s have the same name")


def load_config(path: Path) -> EmulatorConfig:
    """The configuration in a JSON file. Raises OSError and pydantic's ValidationError."""
    return EmulatorConfig.model_validate_json(path.read_bytes())
