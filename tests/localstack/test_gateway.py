"""API Gateway puts its stage before every path: what an answer says of places leads there from outside."""

from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from offline.cloud.stack import CloudStack
from tests.e2e.api import Client, Json, address, succeeded

STAGE = "api"


@pytest.fixture
def gateway(cloud: CloudStack) -> Iterator[httpx.Client]:
    """Calls the API by its own name, as clients of AWS do; where that name leads is said here instead of by DNS."""
    url = urlsplit(cloud.addresses["API_URL"])
    api_id = url.path.split("/")[3]
    name = f"{api_id}.execute-api.localhost.localstack.cloud:{url.port}"
    with httpx.Client(base_url=f"http://{url.netloc}/{STAGE}/", headers={"Host": name}) as client:
        yield client


def bearer(client: Client) -> dict[str, str]:
    return {"Authorization": f"Bearer {client.token}"}


def test_a_location_leads_to_what_was_made(gateway: httpx.Client, client: Client) -> None:
    person: Json = {"email": address(), "name": "Ada"}
    made = gateway.post("v1/users", json=person, headers=bearer(client))
    user = succeeded(made)
    assert made.headers["Location"] == f"/{STAGE}/v1/users/{user['id']}"
    assert succeeded(gateway.get(urljoin(str(made.url), made.headers["Location"]), headers=bearer(client))) == user


def test_a_caller_behind_proxies_that_nobody_trusts_cannot_choose_their_address(
    gateway: httpx.Client, client: Client
) -> None:
    def remaining(forwarded_for: str) -> int:
        answer = gateway.get("v1/users", headers={"X-Forwarded-For": forwarded_for})
        return int(answer.headers["RateLimit-Remaining"])

    assert remaining("203.0.113.7") == remaining("198.51.100.1") + 1


def test_a_body_that_the_gateway_reads_as_binary_is_refused_by_its_type(gateway: httpx.Client, client: Client) -> None:
    headers = {"Content-Type": "application/octet-stream", **bearer(client)}
    answer = gateway.post("v1/users", content=b"\x00\xff{}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
