"""A provider whose refusal of our account casts doubt on the secret that it was built from."""

from collections.abc import Callable

from chalicelib.channels.base import Deadline, Outgoing, Provider, Receipt
from chalicelib.errors import ProviderMisconfigured


class DoubtingProvider:
    """Satisfies the provider's port: as the provider itself, besides telling `doubt`, which any thread may."""

    def __init__(self, provider: Provider, *, doubt: Callable[[], None]) -> None:
        self.name = provider.name
        self._provider = provider
        self._doubt = doubt

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt:
        """As the provider's own."""
        try:
            return self._provider.send(outgoing, deadline=deadline)
        except ProviderMisconfigured:
            self._doubt()
            raise
