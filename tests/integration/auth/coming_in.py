"""The application over the real servers, for those who come in, and for what they may say."""

import pytest

from chalicelib.wiring import environment as servers_of
from tests.configured import forget_wiring
from tests.gateway_client import Answered, GatewayClient

ADMIN = {"email": "Root@Example.com", "password": "battery staple"}
SECRET = "a secret that only the backend knows"
CREDENTIALS = {"client_id": "local", "client_secret": SECRET}
LOGIN, REFRESH, LOGOUT, TOKEN = (f"POST /v1/auth/{name}" for name in ("login", "refresh", "logout", "token"))
CLIENTS = "POST /v1/clients"
NEEDS_ADMIN = "GET /v1/clients"


def start_anew(patch: pytest.MonkeyPatch, **settings: str) -> None:
    """Let the next request find a fresh Lambda environment, with these settings changed."""
    end()
    for name, value in settings.items():
        patch.setenv(name, value)


def end() -> None:
    """Close what the wiring holds open, and forget it."""
    servers_of.redis_cache().close()
    servers_of.database("users").close()
    forget_wiring()


def reach(client: GatewayClient, token: str) -> Answered:
    """Ask for what administrators alone may see."""
    return client.call(NEEDS_ADMIN, headers={"Authorization": f"Bearer {token}"})


def refused(answer: Answered, code: str, status: int = 401) -> bool:
    return bool((answer.status, answer.json["code"]) == (status, code))
