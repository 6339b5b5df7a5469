"""One message among 10,000 kills whoever sends it: it alone fails, and every other one is sent."""

import contextlib
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.chaos.fault import World
from tests.chaos.quiet import wait_quiet
from tests.chaos.reading import read_archive
from tests.chaos.scenarios.figures import Figure, at_most, exactly, tell
from tests.chaos.scenarios.waiting_messages import FUNCTION, copies, ends, read, waiting
from tests.chaos.scene import FOLDER, whole_system
from tests.e2e.api import Json, address, succeeded
from tests.e2e.crashes.crashing import running_pid
from tests.e2e.waiting import eventually

MESSAGES = 10_000
QUIET_WITHIN_S = 420.0
LOOK_EVERY_S = 0.05
MOST_CRASHES = 3
MOST_COPIES = 2


def run(*, seed: int, say: Callable[[str], None], messages: int = MESSAGES) -> bool:
    """Whether every figure is as it is wanted. The seed says where among the others the poison lies."""
    recipients = [address() for _ in range(messages)]
    place = random.Random(f"poison {seed}").randrange(messages)  # noqa: S311 - to be repeated, not to be secret
    recipients[place] = address("poison")
    killed: list[int] = []
    with whole_system(say=say) as world:
        say(f"the poison is number {place} of {messages}")
        with _lethal(world, killed), waiting(world, recipients) as let_go:
            let_go()
            unrest = wait_quiet(world, within_s=QUIET_WITHIN_S)
        after, archived, arrived = read(world), read_archive(world.addresses["DATABASE_URL"]), copies(world)
    say(f"logs: {FOLDER / 'logs'}")
    states = ends(after)
    failed = {each.delivery_id for each in after.values() if each.status == "failed"}
    good = {delivery_id: count for delivery_id, count in arrived.items() if delivery_id not in failed}
    figures = [
        exactly("quiet", unrest or "yes", "yes"),
        exactly("sent", states["sent"], messages - 1),
        exactly("reasons in the archive", [row.reason for row in archived], ["crashed"]),
        exactly("archived is what failed", {row.delivery_id for row in archived} == failed, True),
        exactly("processes killed", len(killed), MOST_CRASHES),
        exactly("good mails that arrived", len(good), messages - 1),
        at_most("most copies of a good mail", max(good.values(), default=0), MOST_COPIES),
        Figure("good mails that arrived twice", sum(count > 1 for count in good.values())),
        exactly("poisonous mails that arrived", sum(arrived[each] for each in failed), 0),
    ]
    return tell(figures, say)


@contextlib.contextmanager
def _lethal(world: World, killed: list[int]) -> Iterator[None]:
    """Whoever has told the sink the poisonous recipient dies before it is answered."""
    over = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(_watch, world, killed, over)
        try:
            yield
        finally:
            over.set()
            watching.result()


def _watch(world: World, killed: list[int], over: threading.Event) -> None:
    while not over.wait(LOOK_EVERY_S):
        if _held(world):
            pid = running_pid(world.stack, FUNCTION)
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
            world.say(f"{FUNCTION} died of the poison: process {pid}")
            eventually(lambda: not _held(world), within_s=10, otherwise=lambda: _held(world))


def _held(world: World) -> Json:
    return succeeded(httpx.get(f"{world.addresses['MAIL_URL']}/holding"))
