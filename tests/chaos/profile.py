"""How much load and how many faults: one short enough for every change, one long enough to believe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """Every kind of fault takes place once a round, and `calm_s` lie between two rounds.

    The load lasts until the last fault is over, and on until enough are accepted.
    """

    name: str
    rounds: int
    calm_s: float
    rate_per_s: float
    least_accepted: int
    least_faults: int
    quiet_within_s: float
    cluster: bool = False
    """Three RabbitMQ nodes, of which the leader of email.queue is killed."""
    small_disk: bool = False
    """PostgreSQL on a small file system, which is filled to the brim."""


SHORT = Profile(
    name="short",
    rounds=1,
    calm_s=0.0,
    rate_per_s=20.0,
    least_accepted=500,
    least_faults=25,
    quiet_within_s=60.0,
)
LONG = Profile(
    name="long",
    rounds=6,
    calm_s=45.0,
    rate_per_s=30.0,
    least_accepted=20_000,
    least_faults=150,
    quiet_within_s=180.0,
    cluster=True,
    small_disk=True,
)

PROFILES = {profile.name: profile for profile in (SHORT, LONG)}
