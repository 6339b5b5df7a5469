"""Lambda's event source mappings in memory: they take their time, and refuse and stop as Lambda's do."""

# ruff: noqa: N803  the arguments have boto3's names

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

Answer = Any  # what boto3 answers has no types


class Died(BaseException):
    """The process ended on that very line."""


@dataclass
class FakeMappings:
    """`queues` are those of the broker. `slowness` is how often a mapping is seen on its way before it arrives.

    `dies_after` is the call, counted from one, after which the process is gone. `refusals` is how often it does not yet
    know what the function's role may do.
    """

    queues: Sequence[str]
    slowness: int = 1
    dies_after: int | None = None
    refusals: int = 0
    mappings: dict[str, Answer] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    _moving: dict[str, tuple[int, str]] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=itertools.count)

    def get_paginator(self, operation: str) -> "FakeMappings":
        assert operation == "list_event_source_mappings"
        return self

    def paginate(self, *, FunctionName: str) -> list[Answer]:
        """As LocalStack, which tells of functions with longer names, too."""
        return [{"EventSourceMappings": [one]} for one in self.mappings.values() if FunctionName in one["FunctionArn"]]

    def create_event_source_mapping(
        self,
        *,
        FunctionName: str,
        EventSourceArn: str,
        Queues: list[str],
        BatchSize: int,
        Enabled: bool,
        SourceAccessConfigurations: Sequence[Mapping[str, str]],
    ) -> None:
        if self.refusals:
            self.refusals -= 1
            raise refused("InvalidParameterValueException")
        for one in self.mappings.values():
            if (one["FunctionArn"], one["EventSourceArn"]) == (FunctionName, EventSourceArn):
                raise refused("ResourceConflictException")
        uuid = f"mapping-{next(self._ids)}"
        self.mappings[uuid] = {
            "UUID": uuid,
            "FunctionArn": FunctionName,
            "EventSourceArn": EventSourceArn,
            "Queues": Queues,
            "BatchSize": BatchSize,
            # Lambda gives them back in an order of its own
            "SourceAccessConfigurations": list(reversed(SourceAccessConfigurations)),
        }
        self._move(uuid, "Creating", "Enabled" if Enabled else "Disabled")
        self._changed("create")

    def update_event_source_mapping(
        self, *, UUID: str, BatchSize: int, Enabled: bool, SourceAccessConfigurations: Sequence[Mapping[str, str]]
    ) -> None:
        mapping = self._settled(UUID)
        mapping["BatchSize"] = BatchSize
        mapping["SourceAccessConfigurations"] = list(SourceAccessConfigurations)
        self._move(UUID, "Updating", "Enabled" if Enabled else "Disabled")
        self._changed("update")

    def delete_event_source_mapping(self, *, UUID: str) -> None:
        self._settled(UUID)
        self._move(UUID, "Deleting", "gone")
        self._changed("delete")

    def get_event_source_mapping(self, *, UUID: str) -> Answer:
        if UUID not in self.mappings:
            raise refused("ResourceNotFoundException")
        left, then = self._moving.get(UUID, (0, self.mappings[UUID]["State"]))
        if left > 0:
            self._moving[UUID] = (left - 1, then)
        elif then == "gone":
            del self.mappings[UUID]
            raise refused("ResourceNotFoundException")
        else:
            self._arrive(UUID, then)
        return dict(self.mappings[UUID])

    def told(self) -> list[tuple[str, list[str], str]]:
        """Function, queues and state of each."""
        return sorted((one["FunctionArn"], one["Queues"], one["State"]) for one in self.mappings.values())

    def _arrive(self, uuid: str, then: str) -> None:
        self._moving.pop(uuid, None)
        mapping = self.mappings[uuid]
        mapping["State"] = then
        if then == "Enabled" and not set(mapping["Queues"]) <= set(self.queues):
            mapping.update(State="Disabled", StateTransitionReason="ESM_CONFIG_NOT_VALID")

    def _settled(self, uuid: str) -> Answer:
        if uuid not in self.mappings:
            raise refused("ResourceNotFoundException")
        if uuid in self._moving:
            raise refused("ResourceInUseException")
        return self.mappings[uuid]

    def _move(self, uuid: str, by_way_of: str, then: str) -> None:
        self.mappings[uuid]["State"] = by_way_of
        self._moving[uuid] = (self.slowness, then)

    def _changed(self, kind: str) -> None:
        self.changes.append(kind)
        if len(self.changes) == self.dies_after:
            raise Died


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "of the fake")
