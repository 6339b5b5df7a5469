"""Many notifications that wait in a queue, because its mapping stands still while they are posted."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from tests.chaos.fault import World
from tests.chaos.reading import read_arrivals, read_deliveries
from tests.chaos.records import Delivery
from tests.e2e.api import EMAIL, succeeded
from tests.e2e.emulator import paused
from tests.e2e.waiting import eventually

FUNCTION, QUEUE = "deliver_email", "email.queue"
MOST_IN_A_POST = 500
PUBLISHED_WITHIN_S = 60.0
"""A batch publishes what it can within its moment; relay brings the rest."""


@contextlib.contextmanager
def waiting(world: World, addresses: Sequence[str]) -> Iterator[Callable[[], None]]:
    """One e-mail to each address waits in the queue, until what is given is called, or the block ends."""
    with contextlib.ExitStack() as standstill:
        standstill.enter_context(paused(world.stack, FUNCTION))
        code = world.client.publish_template(EMAIL)
        for first in range(0, len(addresses), MOST_IN_A_POST):
            _post(world, code, addresses[first : first + MOST_IN_A_POST])
        eventually(
            lambda: (depth_of(world, QUEUE) or 0) >= len(addresses),
            within_s=PUBLISHED_WITHIN_S,
            otherwise=lambda: f"{depth_of(world, QUEUE)} of {len(addresses)} are in {QUEUE}",
        )
        world.say(f"{len(addresses)} messages wait in {QUEUE}")
        yield standstill.close


def _post(world: World, code: str, addresses: Sequence[str]) -> None:
    items = [{"template_code": code, "recipient": {"email": each}, "variables": {"name": "Ada"}} for each in addresses]
    answer = succeeded(world.client.call("POST /v1/notifications/batch", {"items": items}))
    assert {each["status"] for each in answer["items"]} == {202}, answer


def depth_of(world: World, queue: str) -> int | None:
    """How many messages wait in a queue, as the API tells it; None while nobody can say."""
    items = succeeded(world.client.call("GET /v1/queues"))["items"]
    found: int | None = next(each["depth"] for each in items if each["name"] == queue)
    return found


def read(world: World) -> dict[str, Delivery]:
    """Every delivery by its id."""
    return {each.delivery_id: each for each in read_deliveries(world.addresses["DATABASE_URL"])}


def ends(deliveries: dict[str, Delivery]) -> Counter[str]:
    """How many deliveries are in each state."""
    return Counter(each.status for each in deliveries.values())


def last_sent_at(deliveries: dict[str, Delivery]) -> datetime | None:
    """When the last of them was sent; None when none was."""
    sent = [event.at for each in deliveries.values() for event in each.events if event.name == "sent"]
    return max(sent, default=None)


def copies(world: World) -> Counter[str]:
    """How often each delivery arrived."""
    return Counter(each.delivery_id for each in read_arrivals(world.client))
