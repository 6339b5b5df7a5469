"""One run: a load, a plan of faults, quiet, and the comparison of what the clients, the database and the sinks say."""

import contextlib
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.drill import Drill
from tests.chaos.fault import World
from tests.chaos.journal import Journal, read_journal
from tests.chaos.judge import Verdict, judge
from tests.chaos.leader import cluster_in_place
from tests.chaos.load import Load
from tests.chaos.mix import Mix, gather_audience
from tests.chaos.plan import Plan, draw, told
from tests.chaos.profile import Profile
from tests.chaos.quiet import wait_quiet
from tests.chaos.reading import read_archive, read_arrivals, read_deliveries
from tests.chaos.records import Incident, Records
from tests.chaos.report import Report, draw_up
from tests.chaos.scene import BOUNDS, FOLDER, RESULT, SETTINGS, whole_system
from tests.chaos.tracks import tracks_of

JOURNAL, RECORDS = FOLDER / "journal.jsonl", FOLDER / "records.jsonl"
CATCH_UP_S = 300.0


def run(profile: Profile, *, seed: int, say: Callable[[str], None]) -> bool:
    """Whether the system kept every promise. Leaves the report, the journal and the logs under .local."""
    began_at_s = time.monotonic()
    plan = draw(tracks_of(profile, lease_s=BOUNDS.lease_s), rounds=profile.rounds, calm_s=profile.calm_s, seed=seed)
    say(f"profile {profile.name}, SEED={seed}: the same seed repeats these faults\n{told(plan)}\n")
    with contextlib.ExitStack() as scene:
        world = _enter(scene, profile, say)
        drill = Drill(world)
        _load(world, profile, drill, plan, seed)
        ended_at_s = time.monotonic()
        say(f"the load has ended after {ended_at_s - began_at_s:.0f} s; waiting for quiet")
        unrest = wait_quiet(world, within_s=profile.quiet_within_s)
        quiet_after_s = time.monotonic() - ended_at_s
        verdict = _compare(world, JOURNAL, drill.incidents)
    more = {"profile": profile.name, "seed": seed, "quiet_after_s": round(quiet_after_s, 1)}
    more["took_s"] = round(time.monotonic() - began_at_s, 1)
    shortfalls = _shortfalls(profile, verdict, drill.incidents, unrest)
    return _publish(draw_up(verdict, drill.incidents, more=more, shortfalls=shortfalls), say)


def _enter(scene: contextlib.ExitStack, profile: Profile, say: Callable[[str], None]) -> World:
    settings, guests = scene.enter_context(cluster_in_place()) if profile.cluster else ({}, {})
    return scene.enter_context(
        whole_system(say=say, settings={**SETTINGS, **settings}, guests=guests, on_small_disk=profile.small_disk)
    )


def _load(world: World, profile: Profile, drill: Drill, plan: Plan, seed: int) -> None:
    mix = Mix(gather_audience(world.client), seed=seed)
    with (
        Journal(JOURNAL) as journal,
        Load(client=world.client, next_request=mix.next, rate_per_s=profile.rate_per_s, journal=journal) as load,
    ):
        drill.carry_out(plan)
        load.wait_accepted(profile.least_accepted, within_s=CATCH_UP_S)


def _compare(world: World, journal: Path, incidents: Sequence[Incident]) -> Verdict:
    database_url = world.addresses["DATABASE_URL"]
    read_at = datetime.now(UTC)
    records = Records(
        posts=read_journal(journal),
        deliveries=read_deliveries(database_url),
        archive=read_archive(database_url),
        arrivals=read_arrivals(world.client),
        incidents=incidents,
    )
    records.save(RECORDS)
    return judge(records, bounds=BOUNDS, read_at=read_at)


def _shortfalls(profile: Profile, verdict: Verdict, incidents: Sequence[Incident], unrest: str | None) -> Sequence[str]:
    short = [] if unrest is None else [f"no quiet: {unrest}"]
    if verdict.accepted < profile.least_accepted:
        short.append(f"{verdict.accepted} accepted of {profile.least_accepted}")
    if len(incidents) < profile.least_faults:
        short.append(f"{len(incidents)} faults of {profile.least_faults}")
    return short


def _publish(report: Report, say: Callable[[str], None]) -> bool:
    report.save(RESULT)
    report.tell(say)
    return report.passed
