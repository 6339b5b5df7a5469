"""What deployed functions wrote, from LocalStack's CloudWatch Logs."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from infra.functions import ALL, deployed_name
from infra.target import AwsClient, Target


@dataclass(slots=True)
class FunctionLogs:
    """Reads on from where it last was; a line is read once."""

    target: Target
    _read: dict[str, set[str]] = field(default_factory=dict)

    def read(self, function: str | None = None) -> Iterator[tuple[str, str]]:
        """Yield each line written since the last call, of this function or of all: its function, and its text."""
        client = self.target.client("logs")
        written = [event for name in ([function] if function else ALL) for event in self._new(client, name)]
        for _, name, line in sorted(written, key=lambda event: event[0]):
            yield name, line

    def _new(self, client: AwsClient, function: str) -> Iterator[tuple[int, str, str]]:
        group = f"/aws/lambda/{deployed_name(function, self.target.stage)}"
        seen = self._read.setdefault(function, set())
        try:
            pages = list(client.get_paginator("filter_log_events").paginate(logGroupName=group))
        except client.exceptions.ResourceNotFoundException:
            return
        for event in (event for page in pages for event in page["events"]):
            if event["eventId"] not in seen:
                seen.add(event["eventId"])
                yield event["timestamp"], function, event["message"].rstrip("\n")
