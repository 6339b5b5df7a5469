"""The event source mappings: each queue's messages go to its function, by one mapping and never by two.

A mapping's window is left at the default of 500 ms, which cannot be asked for by name: windows are whole seconds
(Lambda Developer Guide, "Event source mapping parameters").
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from chalicelib.broker.topology import LANES, queue_of
from chalicelib.domain.messages import FAILED
from infra.errors import StepFailed
from infra.eventually import Patience
from infra.target import AwsClient, Platform

BATCH_SIZE = 100
ENABLED = "Enabled"
QUEUES = frozenset({*(queue_of(lane) for lane in LANES), queue_of(FAILED)})
"""Every queue that `migrate` declares for a function to consume."""

_ON_THE_WAY = frozenset({"Creating", "Enabling", "Updating", "Disabling", "Deleting"})
_ROLE_IS_KNOWN_WITHIN_S = 60.0
_GONE = "gone"  # ours: Lambda knows no state of what it does not have

MappingAnswer = dict[str, Any]  # Any: boto3's answer, of Lambda's shape


def refuse_unknown_queues(consumers: Mapping[str, str]) -> None:
    """Look at the table before anything is changed.

    Raises:
        StepFailed: a mapping names a queue that nothing declares: Lambda would stop it, and messages would wait unseen.
    """
    for function, queue in consumers.items():
        if queue not in QUEUES:
            raise StepFailed(
                f"The mapping of {function} names the queue {queue!r}, which chalicelib/broker/topology.py does not"
                f" declare: it has {', '.join(sorted(QUEUES))}.",
                remedy="Name one of these in infra/functions.py, or declare it.",
            )


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the queues are, and how to get in: `login` is the ARN of the secret with user and password."""

    arn: str
    login: str
    virtual_host: str

    @classmethod
    def of(cls, platform: Platform) -> "Broker":
        return cls(platform.broker_arn, platform.broker_secret_arn, platform.virtual_host)

    @property
    def access(self) -> Sequence[Mapping[str, str]]:
        """As a mapping names it, in the order of its types."""
        return [{"Type": "BASIC_AUTH", "URI": self.login}, {"Type": "VIRTUAL_HOST", "URI": self.virtual_host}]


@dataclass(frozen=True, slots=True)
class Mappings:
    """Makes the mappings of functions what a table says. Whoever does this holds the stage's lock."""

    client: AwsClient
    patience: Patience = field(default=Patience(longest_s=300.0))

    def ensure(self, consumers: Mapping[str, str], function_arns: Mapping[str, str], *, broker: Broker) -> None:
        """Have one enabled mapping for each function, on its queue, and none on other queues of the broker.

        The queues must exist. A mapping that is right already is not touched: an update would stop its messages for a
        moment. One that was disabled by hand is enabled.

        Raises:
            StepFailed: a mapping was stopped by Lambda, with the reason that it gives, or is not enabled in time.
        """
        refuse_unknown_queues(consumers)
        for function, queue in consumers.items():
            self._ensure_one(function_arns[function], queue, broker)
        for function in consumers:
            self._await_enabled(function, function_arns[function])

    def delete_all(self, function_arns: Mapping[str, str]) -> None:
        """Delete what invokes these functions from a broker; messages stay in their queues."""
        for arn in function_arns.values():
            for mapping in self._mappings_of(arn):
                self._delete(self._settled(mapping))

    def _ensure_one(self, function_arn: str, queue: str, broker: Broker) -> None:
        settled = [self._settled(mapping) for mapping in self._mappings_of(function_arn)]
        existing = [mapping for mapping in settled if mapping["State"] != _GONE]
        right = [mapping for mapping in existing if _is_from(mapping, broker, queue)]
        for mapping in [one for one in existing if one not in right] + right[1:]:
            self._delete(mapping)
        if not right:
            self._create(function_arn, queue, broker)
        elif not _is_as_wanted(right[0], broker):
            self.client.update_event_source_mapping(
                UUID=right[0]["UUID"], BatchSize=BATCH_SIZE, Enabled=True, SourceAccessConfigurations=broker.access
            )

    def _create(self, function_arn: str, queue: str, broker: Broker) -> None:
        """Create it. Lambda looks at what the function's role may do, of which it hears some seconds late."""
        refusals: list[ClientError] = []

        def is_created() -> bool:
            try:
                self.client.create_event_source_mapping(
                    FunctionName=function_arn,
                    EventSourceArn=broker.arn,
                    Queues=[queue],
                    BatchSize=BATCH_SIZE,
                    Enabled=True,
                    SourceAccessConfigurations=broker.access,
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "InvalidParameterValueException":
                    raise
                refusals.append(error)
                return False
            return True

        if not replace(self.patience, longest_s=_ROLE_IS_KNOWN_WITHIN_S).until(is_created):
            raise StepFailed(
                f"Lambda refuses a mapping of {queue}: {refusals[-1]}",
                remedy="Its words name the permission or the value; .chalice/policies has what the function may do.",
            ) from refusals[-1]

    def _delete(self, mapping: MappingAnswer) -> None:
        """Delete it, and wait until it is gone: another one of the same function and broker is refused before."""
        try:
            self.client.delete_event_source_mapping(UUID=mapping["UUID"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
        self.patience.until(lambda: self._look_at(mapping["UUID"]) is None)

    def _mappings_of(self, function_arn: str) -> Iterator[MappingAnswer]:
        """Those of brokers, which are the ones that consume named queues. LocalStack tells of similar names, too."""
        pages = self.client.get_paginator("list_event_source_mappings").paginate(FunctionName=function_arn)
        found = [mapping for page in pages for mapping in page["EventSourceMappings"]]
        yield from [one for one in found if one["FunctionArn"] == function_arn and one.get("Queues")]

    def _settled(self, mapping: MappingAnswer) -> MappingAnswer:
        """The mapping when nothing is under way with it: until then it refuses every change."""
        latest = [mapping]

        def is_settled() -> bool:
            latest[0] = self._look_at(mapping["UUID"]) or {**mapping, "State": _GONE}
            return latest[0]["State"] not in _ON_THE_WAY

        self.patience.until(is_settled)
        return latest[0]

    def _look_at(self, uuid: str) -> MappingAnswer | None:
        try:
            found: MappingAnswer = self.client.get_event_source_mapping(UUID=uuid)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        return found

    def _await_enabled(self, function: str, function_arn: str) -> None:
        for mapping in self._mappings_of(function_arn):
            settled = self._settled(mapping)
            if settled["State"] != ENABLED:
                reason = settled.get("StateTransitionReason") or "no reason was given"
                raise StepFailed(
                    f"The mapping of {function} ({', '.join(settled['Queues'])}) is {settled['State']}: {reason}.",
                    remedy="Its messages wait in the queue. Mend what the reason names, then deploy again.",
                )


def _is_from(mapping: MappingAnswer, broker: Broker, queue: str) -> bool:
    """Neither the broker nor the queue of a mapping can be changed."""
    return mapping["EventSourceArn"] == broker.arn and mapping.get("Queues") == [queue]


def _is_as_wanted(mapping: MappingAnswer, broker: Broker) -> bool:
    access = sorted(mapping.get("SourceAccessConfigurations", []), key=lambda one: str(one["Type"]))
    return bool(mapping["State"] == ENABLED and mapping["BatchSize"] == BATCH_SIZE and access == broker.access)
