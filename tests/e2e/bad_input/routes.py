"""The routes that bad input is sent to, and what there is before it comes."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from tests.e2e.api import Client, Json

TOKEN, USERS, DEVICES, TEMPLATES, NOTIFICATIONS = (
    "POST /v1/auth/token",
    "POST /v1/users",
    "POST /v1/users/{user}/devices",
    "POST /v1/templates",
    "POST /v1/notifications",
)
PUBLISH = "POST /v1/templates/{draft}/versions/1/publish"
WITH_BODY = (TOKEN, USERS, DEVICES, TEMPLATES, NOTIFICATIONS)
ALL = (
    *(*WITH_BODY, PUBLISH, "GET /health", "GET /health/ready", "GET /v1/notifications/{notification}"),
    *("GET /v1/users/{user}/devices", "DELETE /v1/users/{user}/devices/{device}"),
)


@dataclass(frozen=True, slots=True)
class World:
    """What there is before any bad input comes."""

    names: Mapping[str, str]
    good: Mapping[str, Json]

    def route(self, pattern: str) -> str:
        return pattern.format_map(self.names)


def send(client: Client, world: World, pattern: str, *, body: Json = None, **request: Json) -> httpx.Response:
    return client.call(world.route(pattern), body, **request)
