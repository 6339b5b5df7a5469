"""What an event source mapping tells about itself."""

from dataclasses import dataclass
from enum import StrEnum

USER_INITIATED = "USER_INITIATED"


class MappingState(StrEnum):
    """Lambda's own names; a mapping that stopped by itself is DISABLED with a reason that is not USER_INITIATED."""

    CREATING = "Creating"
    ENABLING = "Enabling"
    ENABLED = "Enabled"
    DISABLING = "Disabling"
    DISABLED = "Disabled"


@dataclass(slots=True)
class MappingCounters:
    """Since the emulator's start: batches by outcome, messages dropped, acknowledgements that did not arrive."""

    batches_ok: int = 0
    batches_failed: int = 0
    messages_filtered: int = 0
    messages_oversize: int = 0
    acknowledgements_lost: int = 0


@dataclass(frozen=True, slots=True)
class MappingReport:
    """What `GET /mappings` tells; `in_flight` counts unacknowledged messages, waiting or being processed."""

    name: str
    function: str
    queue: str
    state: MappingState
    state_transition_reason: str
    in_flight: int
    counters: MappingCounters
