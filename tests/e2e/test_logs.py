"""The last test of a session: what everything before it has left in the logs, read by somebody who looks for more."""

import json
from urllib.parse import urlsplit

import pytest

from offline.stack.stack import Stack
from tests.e2e.api import PUSH, Client, address, unique
from tests.log_scanner import scan


@pytest.mark.last
def test_no_log_holds_an_address_a_token_a_secret_or_a_body(stack: Stack, client: Client) -> None:
    """Also when it is the only test: then the logs hold a delivery, a refusal, and a violated constraint."""
    email = address()
    person = client.create_user(email=email, name="Lovelace of the logs", password="correct horse battery")
    assert client.call("POST /v1/users", {"email": email, "name": "Ada"}).status_code == 409
    client.add_device(person["id"], token=unique("device"))
    accepted = client.notify(template_code=client.publish_template(PUSH), user_id=person["id"])
    client.wait_ended(accepted["notification_id"])
    client.call(
        "POST /v1/auth/token", {"client_id": unique(), "client_secret": "hush"}, headers={"Authorization": None}
    )

    leaks = scan(stack.layout.logs, secrets=secrets_of(stack))
    assert not leaks, "\n".join(["", *map(str, leaks[:40]), f"{len(leaks)} in all"])


def secrets_of(stack: Stack) -> dict[str, str]:
    """What the stack and its tests know and nobody else may, by what it is."""
    addresses = stack.addresses
    secrets = {name: addresses[name] for name in ("CLIENT_SECRET", "ADMIN_PASSWORD") if addresses.get(name)}
    for name, url in addresses.items():
        password = urlsplit(url).password if "://" in url else None
        if password:
            secrets[f"the password of {name}"] = password
    plan = json.loads(stack.layout.plan.read_text())
    secrets["the signing key"] = plan["signing_key"].splitlines()[1]
    return {**secrets, "a person's password": "correct horse", "a person's name": "Lovelace"}
