"""What the clients of a crash test post."""

from collections.abc import Callable
from typing import Any

import httpx

from tests.e2e.api import Client, address, unique

Json = Any


def an_email(template_code: str) -> Json:
    return {"template_code": template_code, "recipient": {"email": address()}, "variables": {"name": "Ada"}}


def an_email_and_a_push(template_code: str) -> Json:
    body = an_email(template_code)
    body["recipient"]["device_tokens"] = [{"token": unique("device"), "platform": "android"}]
    return body


def posting(client: Client, compose: Callable[[], Json]) -> Callable[[], httpx.Response]:
    """Each call posts a notification of its own."""
    return lambda: client.call("POST /v1/notifications", compose())
