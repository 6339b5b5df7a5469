"""PostgreSQL is away for a minute, with 500 messages in the queue: the broker gives none of them up."""

import time
from collections.abc import Callable
from datetime import datetime

from offline.services.management import ask
from offline.services.private import NotHealthy
from tests.chaos.drill import alone
from tests.chaos.fault import World
from tests.chaos.quiet import wait_quiet
from tests.chaos.reading import read_archive
from tests.chaos.scenarios.figures import Figure, at_most, exactly, tell
from tests.chaos.scenarios.waiting_messages import FUNCTION, copies, ends, last_sent_at, read, waiting
from tests.chaos.scene import FOLDER, SETTINGS, whole_system
from tests.chaos.servers import KillServer
from tests.e2e.api import Json, address
from tests.e2e.emulator import mapping

MESSAGES = 500
OUTAGE_S = 60.0
SENT_WITHIN_S = 90.0
LOOK_EVERY_S = 1.0


def run(*, seed: int, say: Callable[[str], None], messages: int = MESSAGES, outage_s: float = OUTAGE_S) -> bool:
    """Whether every figure is as it is wanted."""
    del seed  # there is nothing to draw
    dead_lettered: list[int] = []
    with whole_system(say=say, settings={**SETTINGS, "CIRCUIT_OPEN_S": "30"}) as world:
        with waiting(world, [address() for _ in range(messages)]) as let_go:

            def meanwhile() -> None:
                let_go()
                _watch(world, outage_s, dead_lettered)

            incident = alone(world, KillServer("postgresql", outage_s), while_it_lasts=meanwhile)
        say(f"PostgreSQL is back after {(incident.ended_at - incident.began_at).total_seconds():.0f} s")
        unrest = wait_quiet(world, within_s=2 * SENT_WITHIN_S)
        after, archived, arrived = read(world), read_archive(world.addresses["DATABASE_URL"]), copies(world)
        redelivered = mapping(world.stack, FUNCTION)
    say(f"logs: {FOLDER / 'logs'}")
    say(f"the mapping's counters: {redelivered}")
    states, last = ends(after), last_sent_at(after)
    figures = [
        exactly("quiet", unrest or "yes", "yes"),
        exactly("most messages in failed.queue meanwhile", max(dead_lettered, default=-1), 0),
        exactly("rows in the archive", len(archived), 0),
        exactly("sent", states["sent"], messages),
        exactly("arrived", len(arrived), messages),
        exactly("arrived more than once", sum(count > 1 for count in arrived.values()), 0),
        at_most("last sent, s after PostgreSQL's return", _seconds(incident.ended_at, last), SENT_WITHIN_S),
        Figure("looks at failed.queue", len(dead_lettered)),
    ]
    return tell(figures, say)


def _watch(world: World, for_s: float, dead_lettered: list[int]) -> None:
    """What the broker gave up would stay in failed.queue: its function cannot archive anything either."""
    ends_at_s = time.monotonic() + for_s
    while time.monotonic() < ends_at_s:
        try:
            queue: Json = ask(world.addresses["RABBITMQ_MANAGEMENT_URL"], "/api/queues/%2F/failed.queue")
        except NotHealthy as reason:
            world.say(f"not asked: {reason}")
        else:
            dead_lettered.append(queue.get("messages", 0))
        time.sleep(LOOK_EVERY_S)


def _seconds(since: datetime, moment: datetime | None) -> float:
    return float("inf") if moment is None else round((moment - since).total_seconds(), 1)
