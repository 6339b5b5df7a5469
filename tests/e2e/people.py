"""A person in their own session: no scope, only what is theirs."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from tests.e2e.api import Client, Json, address, succeeded

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A registered person who has logged in."""

    client: Client
    user: Json
    access_token: str
    refresh_token: str

    def call(self, route: str, body: Json = None, *, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """One request with the person's own token, whatever comes of it."""
        return self.client.call(
            route, body, headers={"Authorization": f"Bearer {self.access_token}", **(headers or {})}
        )


def log_in(client: Client, email: str, password: str = PASSWORD) -> httpx.Response:
    return client.call("POST /v1/auth/login", {"email": email, "password": password}, headers={"Authorization": None})


def signed_in(client: Client, **fields: Json) -> SignedIn:
    """A new person, logged in."""
    user = client.create_user(**{"email": address("person"), "password": PASSWORD, **fields})
    tokens = succeeded(log_in(client, user["email"]))
    return SignedIn(client, user, tokens["access_token"], tokens["refresh_token"])
