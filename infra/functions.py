"""Which Lambda functions a deployment has, and what invokes each.

The one table that mappings, schedules, alarms and the local stack are made from.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.broker.topology import LANES, queue_of
from chalicelib.domain.messages import FAILED

APP = "carillon"


@dataclass(frozen=True, slots=True)
class Schedule:
    """`expression` is EventBridge's, such as `rate(1 minute)`. `overlaps`: a second run beside the first is of use."""

    expression: str
    overlaps: bool = False


HTTP = "api_handler"
BY_HAND = "migrate"

CONSUMERS: Mapping[str, str] = {
    **{f"deliver_{lane.replace('.', '_')}": queue_of(lane) for lane in LANES},
    "archive_failed": queue_of(FAILED),
}
"""Which function consumes which queue: each queue has a function of its own, each function one mapping."""

SCHEDULES: Mapping[str, Schedule] = {
    "relay": Schedule("rate(1 minute)", overlaps=True),
    "measure_queues": Schedule("rate(1 minute)"),
    "purge": Schedule("cron(17 3 * * ? *)"),
}

ALL = (HTTP, *CONSUMERS, *SCHEDULES, BY_HAND)


def deployed_name(function: str, stage: str) -> str:
    """The function's name in Lambda, as Chalice forms it."""
    return f"{APP}-{stage}" if function == HTTP else f"{APP}-{stage}-{function}"
