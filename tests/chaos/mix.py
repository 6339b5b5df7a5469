"""What the clients post: both channels, every priority, keys, schedules, people who opted out, refused recipients.

The sequence follows from the seed; names are unique all the same, so that nothing of another run is in the way.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.chaos.records import Kind
from tests.e2e.api import EMAIL, PUSH, Client, address, succeeded, unique

Json = Any  # a request's body

CHANNELS, CHANNEL_WEIGHTS = (("email",), ("push",), ("email", "push")), (50, 25, 25)
PRIORITIES, PRIORITY_WEIGHTS = ("high", "normal", "low"), (10, 70, 20)
KINDS = (Kind.ORDINARY, Kind.SCHEDULED, Kind.OPTED_OUT, Kind.REJECTED)
KIND_WEIGHTS = (85, 7, 4, 4)
# One slow recipient holds its batch for two seconds: more of them, and the lanes could not catch up between the faults.
WITH_KEY, TO_A_PERSON, SLOW, TWICE_DEFERRED = 0.3, 0.1, 0.01, 0.02
LONGEST_AHEAD_S = 5.0
PERSONS = 10


@dataclass(frozen=True, slots=True)
class Request:
    """One post to be made. With a key it is made twice, and again while it is not answered by a 202."""

    kind: Kind
    body: Json
    key: str | None


@dataclass(frozen=True, slots=True)
class Audience:
    """A template for both channels, people who want everything, and people who want nothing."""

    template_code: str
    reachable: Sequence[str]
    opted_out: Sequence[str]


def gather_audience(client: Client) -> Audience:
    """Publish the template and register the people."""
    silent = {"channels": {"email": False, "push": False}, "categories": {}, "quiet_hours": None}
    opted_out = [_person(client) for _ in range(PERSONS)]
    for user_id in opted_out:
        succeeded(client.call(f"PUT /v1/users/{user_id}/preferences", silent))
    return Audience(client.publish_template(EMAIL, PUSH), [_person(client) for _ in range(PERSONS)], opted_out)


def _person(client: Client) -> str:
    user_id = str(client.create_user()["id"])
    client.add_device(user_id)
    return user_id


class Mix:
    """An endless sequence of requests. Not for several threads."""

    def __init__(self, audience: Audience, *, seed: int) -> None:
        self._audience = audience
        self._random = random.Random(f"mix {seed}")  # noqa: S311 - to be repeated, not to be secret

    def next(self) -> Request:
        """The next request; a schedule counts from now."""
        draw = self._random
        kind = draw.choices(KINDS, KIND_WEIGHTS)[0]
        body: dict[str, Json] = {
            "template_code": self._audience.template_code,
            "variables": {"name": "Ada"},
            "channels": list(draw.choices(CHANNELS, CHANNEL_WEIGHTS)[0]),
            "priority": draw.choices(PRIORITIES, PRIORITY_WEIGHTS)[0],
            **self._recipient(kind),
        }
        ahead_s = draw.uniform(1.0, LONGEST_AHEAD_S)
        if kind is Kind.SCHEDULED:
            body["send_at"] = (datetime.now(UTC) + timedelta(seconds=ahead_s)).isoformat()
        key = unique("key") if draw.random() < WITH_KEY else None
        return Request(kind, body, key)

    def _recipient(self, kind: Kind) -> Mapping[str, Json]:
        draw = self._random
        if kind is Kind.OPTED_OUT:
            return {"user_id": draw.choice(self._audience.opted_out)}
        if kind is Kind.REJECTED:
            return _anonymous("reject", "unregistered")
        if draw.random() < TO_A_PERSON:
            return {"user_id": draw.choice(self._audience.reachable)}
        fate = draw.random()
        if fate < SLOW:
            return _anonymous("slow", "slow")
        if fate < SLOW + TWICE_DEFERRED:
            return _anonymous("defer-twice", "unavailable", "-twice")
        return _anonymous("someone", "device")


def _anonymous(mail: str, push: str, push_end: str = "") -> Mapping[str, Json]:
    """A recipient who is an address and a device; the doubles do what their beginnings say."""
    device = {"token": unique(push) + push_end, "platform": "android"}
    return {"recipient": {"email": address(mail), "device_tokens": [device]}}
