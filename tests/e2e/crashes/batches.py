"""A batch of e-mails in a function's hands, against a slow sink."""

import contextlib
from collections.abc import Sequence

from tests.e2e.api import Client, Json, address
from tests.e2e.crashes.ledger import arrivals
from tests.e2e.waiting import eventually


def begin_a_batch(
    client: Client, template_code: str, *, paused: contextlib.AbstractContextManager[None], size: int, middle: int
) -> Sequence[Json]:
    """So many notifications that the function takes in one batch; returns in the middle of it.

    While it is `paused`, it takes nothing.
    """
    recipients = [address() for _ in range(size)]
    with paused:
        accepted = [client.notify(template_code=template_code, recipient={"email": each}) for each in recipients]
    eventually(
        lambda: client.mails(recipients[middle]),
        within_s=30,
        otherwise=lambda: f"the sink has {len(arrivals(client, accepted))}",
    )
    return accepted
