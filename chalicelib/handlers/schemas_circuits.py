"""Circuits as the interface shows them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from chalicelib.domain.circuit import CircuitState
from chalicelib.handlers.answers import ResourceModel
from chalicelib.services.breaker import CircuitScope
from chalicelib.services.list_circuits import CircuitReport


class CircuitResource(ResourceModel):
    """One circuit breaker. `failures` are those in a row that count now; it opens at `CIRCUIT_FAILURE_THRESHOLD`."""

    name: Annotated[str, Field(description="What stands behind it", examples=["email:smtp"])]
    state: Annotated[CircuitState, Field(examples=["open"])]
    scope: Annotated[
        CircuitScope,
        Field(
            description="`shared` by all environments; while Redis is away, that of the answering `environment` alone",
            examples=["shared"],
        ),
    ]
    failures: Annotated[int, Field(ge=0, examples=[5])]
    opened_at: Annotated[datetime | None, Field(examples=["2026-11-22T12:00:00.123Z"])]
    retry_at: Annotated[
        datetime | None,
        Field(description="When an open circuit admits one call as a probe", examples=["2026-11-22T12:00:30.123Z"]),
    ]
    probe_until: Annotated[
        datetime | None,
        Field(description="When the probe of a half-open circuit is given up for lost", examples=[None]),
    ]

    @classmethod
    def of(cls, report: CircuitReport) -> "CircuitResource":
        return cls.model_validate(report, from_attributes=True)


class CircuitListResource(ResourceModel):
    """Every circuit of the installation: they are few, and not paged."""

    items: list[CircuitResource]
