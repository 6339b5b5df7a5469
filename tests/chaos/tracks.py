"""Every kind of fault, by track: what befalls servers, functions and providers goes on side by side."""

from collections.abc import Mapping, Sequence

from tests.chaos.alarms import MemoryAlarm
from tests.chaos.fault import Fault
from tests.chaos.full_disk import FullDisk
from tests.chaos.functions import FreezeFunction, KillFunction, KillHttpWorker
from tests.chaos.leader import ClusterMemoryAlarm
from tests.chaos.moods import Mood
from tests.chaos.profile import Profile
from tests.chaos.scene import PROVIDER_TIMEOUT_S
from tests.chaos.servers import FreezeServer, KillServer

Tracks = Mapping[str, Sequence[Fault]]


def server_faults(profile: Profile) -> Sequence[Fault]:
    """Every server crashes, and stands still for a while; of a cluster, the node crashes that leads a queue."""
    return [
        KillServer("postgresql", 2.0),
        KillServer("valkey", 2.0),
        KillServer("rabbitmq", 1.0, kind="kill leader" if profile.cluster else "kill"),
        ClusterMemoryAlarm(3.0) if profile.cluster else MemoryAlarm(3.0),
        *([FullDisk(4.0)] if profile.small_disk else []),
        FreezeServer("postgresql", 4.0),
        FreezeServer("valkey", 3.0),
        FreezeServer("rabbitmq", 4.0),
    ]


def function_faults(*, lease_s: float) -> Sequence[Fault]:
    """Every function dies in the middle of its work, and one stands still until its leases have ended."""
    killed = ("deliver_email", "deliver_push", "deliver_email_bulk", "archive_failed", "relay")
    return [
        *(KillFunction(name) for name in killed),
        KillHttpWorker(),
        FreezeFunction("deliver_email", for_s=lease_s + 2.0),
    ]


def provider_faults() -> Sequence[Fault]:
    """Every mood of the providers of both channels; `slow` and `trickling` take longer than they are waited for."""
    return [mood for channel in ("email", "push") for mood in _moods(channel)]


def _moods(channel: str) -> Sequence[Fault]:
    return [
        Mood("slow", channel, 3.0, after_s=1.5 * PROVIDER_TIMEOUT_S),
        Mood("refusing", channel, 4.0),
        Mood("half_closing", channel, 2.0),
        Mood("accepts_then_drops", channel, 2.0),
        Mood("trickling", channel, 2.0, after_s=1.0),
        Mood("misconfigured", channel, 2.0),
    ]


def tracks_of(profile: Profile, *, lease_s: float) -> Tracks:
    """What a profile breaks."""
    return {
        "servers": server_faults(profile),
        "functions": function_faults(lease_s=lease_s),
        "providers": provider_faults(),
    }
