"""The plan of a chaos run follows from its seed, and holds every kind of fault."""

from collections import Counter
from itertools import pairwise

import pytest

from tests.chaos.plan import draw, told
from tests.chaos.profile import LONG, PROFILES, SHORT, Profile
from tests.chaos.tracks import tracks_of

LEASE_S = 17.0
SERVERS = ("postgresql", "valkey", "rabbitmq")


def plan_of(profile: Profile, seed: int) -> str:
    return told(draw(tracks_of(profile, lease_s=LEASE_S), rounds=profile.rounds, calm_s=profile.calm_s, seed=seed))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_the_same_seed_breaks_the_same_things_at_the_same_times(profile: Profile) -> None:
    assert plan_of(profile, 7) == plan_of(profile, 7)
    assert plan_of(profile, 7) != plan_of(profile, 8)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_every_fault_takes_place_once_a_round(profile: Profile) -> None:
    tracks = tracks_of(profile, lease_s=LEASE_S)
    plan = draw(tracks, rounds=profile.rounds, calm_s=profile.calm_s, seed=7)
    for name, faults in tracks.items():
        assert Counter(each.fault for each in plan[name]) == dict.fromkeys(faults, profile.rounds)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_a_track_never_begins_a_fault_before_its_last_one_is_over(profile: Profile) -> None:
    for track in draw(
        tracks_of(profile, lease_s=LEASE_S), rounds=profile.rounds, calm_s=profile.calm_s, seed=7
    ).values():
        for before, after in pairwise(track):
            gap_s = after.at_s - before.at_s - before.fault.for_s
            assert gap_s > 0


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_every_profile_breaks_every_part_and_as_often_as_it_promises(profile: Profile) -> None:
    faults = [each for track in tracks_of(profile, lease_s=LEASE_S).values() for each in track]
    done = {(each.kind, each.target) for each in faults}
    assert {("kill", name) for name in ("postgresql", "valkey", "front", "deliver_email", "deliver_push")} <= done
    assert ("kill leader" if profile.cluster else "kill", "rabbitmq") in done
    assert {("freeze", name) for name in (*SERVERS, "deliver_email")} <= done
    for mood in ("slow", "refusing", "half_closing", "accepts_then_drops"):
        assert {(mood, "email provider"), (mood, "push provider")} <= done
    assert profile.rounds * len(faults) >= profile.least_faults


def test_the_profiles_are_as_large_as_they_are_said_to_be() -> None:
    assert LONG.least_accepted >= 20_000
    assert LONG.least_faults >= 40
    planned = draw(tracks_of(SHORT, lease_s=LEASE_S), rounds=SHORT.rounds, calm_s=SHORT.calm_s, seed=7)
    assert max(each.at_s + each.fault.for_s for track in planned.values() for each in track) < 60
