"""Queues as the interface shows them."""

from typing import Annotated

from pydantic import Field

from chalicelib.handlers.answers import ResourceModel
from chalicelib.handlers.schemas_health import DependencyStatus
from chalicelib.services.inspect_queues import QueueReport, QueuesReport


class QueueResource(ResourceModel):
    """One queue. `depth` and `consumers` are null while RabbitMQ is away, or has no such queue."""

    name: Annotated[str, Field(examples=["email.queue"])]
    depth: Annotated[
        int | None, Field(ge=0, description="Messages that wait, without those being handled", examples=[12])
    ]
    consumers: Annotated[
        int | None,
        Field(ge=0, description="Null for a queue that holds retries back: nobody consumes it", examples=[1]),
    ]
    oldest_age_s: Annotated[
        float | None,
        Field(
            ge=0,
            description="For how long the lane's oldest published delivery has waited, as PostgreSQL tells it; "
            "null when nothing waits, PostgreSQL is away, or the queue is no lane's",
            examples=[3.2],
        ),
    ]

    @classmethod
    def of(cls, report: QueueReport) -> "QueueResource":
        age_s = report.oldest_age_s
        return cls(
            name=report.queue.name,
            depth=report.depth,
            consumers=report.consumers,
            oldest_age_s=None if age_s is None else round(age_s, 3),
        )


class QueueListResource(ResourceModel):
    """Every queue of the installation: they are few, and not paged."""

    broker: Annotated[DependencyStatus, Field(description="Whether RabbitMQ has answered", examples=["up"])]
    database: Annotated[DependencyStatus, Field(description="Whether PostgreSQL has answered", examples=["up"])]
    items: list[QueueResource]

    @classmethod
    def of(cls, report: QueuesReport) -> "QueueListResource":
        return cls(
            broker=_status(answered=report.broker_answered),
            database=_status(answered=report.database_answered),
            items=[QueueResource.of(queue) for queue in report.queues],
        )


def _status(*, answered: bool) -> DependencyStatus:
    return DependencyStatus.UP if answered else DependencyStatus.DOWN
