"""The port of a channel: what goes out, what comes back, how long it may take, and who carries it."""

import time
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from chalicelib.domain.content import Rendered
from chalicelib.domain.recipient import Target


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One rendered delivery. The same `delivery_id` may be sent twice: it names the message to the receiver."""

    delivery_id: UUID
    correlation_id: str
    target: Target
    content: Rendered


@dataclass(frozen=True, slots=True)
class Receipt:
    """A provider's word that it accepted the message: from here on it is the provider's duty."""

    provider: str
    provider_message_id: str | None


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of the monotonic clock by which a send must have ended, however its bytes trickle."""

    at_monotonic_s: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        return cls(time.monotonic() + seconds)

    @property
    def remaining_s(self) -> float:
        return max(0.0, self.at_monotonic_s - time.monotonic())


class Provider(Protocol):
    """Carries messages of one channel. Called from several threads at once.

    `send` returns only when the provider has accepted, and raises a DeliveryError of the class that tells whether
    trying again makes sense. It ends by the deadline. Connections are kept between calls and between invocations, and
    one that died while the function was frozen is replaced without an attempt being lost.
    """

    name: str

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt: ...


class ConnectedProvider(Provider, Protocol):
    """A provider as its adapter is: with connections to be closed."""

    def close(self) -> None:
        """Close what lies idle, within a second or so. A send that is under way is not harmed. Raises nothing."""
        ...
