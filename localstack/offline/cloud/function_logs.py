"""What deployed functions wrote, from LocalStack's CloudWatch Logs."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from infra.functions import ALL, deployed_name
from infra.target import AwsClient, Target

_OVERLAP_MS = 60_000
"""Environments of one function write side by side: a line may be stored after a later one was read."""


@dataclass(slots=True)
class FunctionLogs:
    """Reads on from where it last was: no line twice, and none that is stored a minute after a later one."""

    target: Target
    _last: dict[str, dict[str, int]] = field(default_factory=dict)

    def read(self, function: str | None = None) -> Iterator[tuple[str, str]]:
        """Yield each line written since the last call, of this function or of all: its function, and its text."""
        client = self.target.client("logs")
        written = [event for name in ([function] if function else ALL) for event in self._new(client, name)]
        for _, name, line in sorted(written, key=lambda event: event[0]):
            yield name, line

    def _new(self, client: AwsClient, function: str) -> Iterator[tuple[int, str, str]]:
        group = f"/aws/lambda/{deployed_name(function, self.target.stage)}"
        seen = self._last.get(function, {})
        since = max(seen.values(), default=_OVERLAP_MS) - _OVERLAP_MS
        try:
            pages = list(client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since))
        except client.exceptions.ResourceNotFoundException:
            return
        events = [event for page in pages for event in page["events"]]
        for event in events:
            if event["eventId"] not in seen:
                yield event["timestamp"], function, event["message"].rstrip("\n")
        self._last[function] = {event["eventId"]: event["timestamp"] for event in events}
