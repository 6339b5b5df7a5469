"""Health as the interface shows it."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from chalicelib.domain.circuit import CircuitState
from chalicelib.handlers.answers import ResourceModel
from chalicelib.services.check_health import Dependency, Health


class AliveResource(ResourceModel):
    """The function runs."""

    status: Annotated[Literal["ok"], Field(examples=["ok"])] = "ok"


class Readiness(StrEnum):
    READY = "ready"
    UNAVAILABLE = "unavailable"


class DependencyStatus(StrEnum):
    UP = "up"
    DOWN = "down"


class DependencyResource(ResourceModel):
    """A service that Carillon stands on, asked within the last second, whatever its circuit says."""

    status: Annotated[DependencyStatus, Field(examples=["up"])]
    latency_ms: Annotated[float, Field(ge=0, examples=[0.42])]

    @classmethod
    def of(cls, dependency: Dependency) -> "DependencyResource":
        status = DependencyStatus.UP if dependency.available else DependencyStatus.DOWN
        return cls(status=status, latency_ms=dependency.latency_ms)


class ReadinessResource(ResourceModel):
    """Whether a notification can be accepted, and how everything behind that fares."""

    status: Annotated[Readiness, Field(examples=["ready"])]
    dependencies: Annotated[
        dict[str, DependencyResource], Field(examples=[{"postgresql": {"status": "up", "latency_ms": 0.42}}])
    ]
    circuits: Annotated[dict[str, CircuitState], Field(examples=[{"postgresql": "closed", "email:smtp": "open"}])]

    @classmethod
    def of(cls, health: Health) -> "ReadinessResource":
        return cls(
            status=Readiness.READY if health.ready else Readiness.UNAVAILABLE,
            dependencies={name: DependencyResource.of(each) for name, each in health.dependencies.items()},
            circuits=dict(health.circuits),
        )
