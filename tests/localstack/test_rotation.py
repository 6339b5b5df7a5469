"""Secrets change under functions that run: these take them up by themselves, and nobody notices but by the result."""

import contextlib
import json
from collections.abc import Iterator

import httpx
import jwt

from infra.target import Target
from offline.cloud.stack import CloudStack
from tests.configured import signing_key
from tests.e2e.api import Client, Json, address, delivery_of, succeeded
from tests.e2e.waiting import eventually

TAKEN_UP_WITHIN_S = 30.0


@contextlib.contextmanager
def rotated(target: Target, setting: str, change: tuple[str, str]) -> Iterator[None]:
    """Within the block the secret of a setting has one text replaced by another."""
    manager, name = target.client("secretsmanager"), f"carillon/{target.stage}/{setting}"
    before = manager.get_secret_value(SecretId=name)["SecretString"]
    assert change[0] in before
    manager.put_secret_value(SecretId=name, SecretString=before.replace(*change, 1))
    try:
        yield
    finally:
        manager.put_secret_value(SecretId=name, SecretString=before)


def test_an_email_goes_out_by_the_provider_that_the_secret_names_now(
    cloud: CloudStack, client: Client, email_template: str
) -> None:
    sent = []

    def provider_of_one_more() -> str:
        recipient = {"email": address()}
        accepted = client.notify(template_code=email_template, recipient=recipient)
        sent.append(client.wait_ended(accepted["notification_id"]))
        return str(delivery_of(sent[-1])["provider"])

    assert provider_of_one_more() == "mailsink"
    with rotated(cloud.target, "EMAIL_PROVIDERS", ("name=mailsink", "name=another")):
        eventually(lambda: provider_of_one_more() == "another", within_s=TAKEN_UP_WITHIN_S, otherwise=lambda: sent[-1])
    eventually(lambda: provider_of_one_more() == "mailsink", within_s=TAKEN_UP_WITHIN_S, otherwise=lambda: sent[-1])
    assert {trace["status"] for trace in sent} == {"sent"}


def test_tokens_are_signed_with_the_new_key_and_those_of_the_old_one_still_hold(
    cloud: CloudStack, client: Client
) -> None:
    old = client.token
    addition = ("{", f"{{{json.dumps('rotated')}: {json.dumps(signing_key())}, ")
    with rotated(cloud.target, "JWT_PRIVATE_KEYS", addition):
        eventually(
            lambda: kid_of(new_token(cloud)) == "rotated", within_s=TAKEN_UP_WITHIN_S, otherwise=lambda: "the old signs"
        )
        new = new_token(cloud)
        for token in (old, new):
            wait_until_it_holds(client, token)
        published = succeeded(client.call("GET /.well-known/jwks.json", headers={"Authorization": None}))["keys"]
        assert {"rotated", kid_of(old)} == {key["kid"] for key in published}
    wait_until_it_holds(client, old)


def new_token(cloud: CloudStack) -> str:
    another = Client(cloud.addresses)
    try:
        return another.token
    finally:
        another.close()


def kid_of(token: str) -> Json:
    return jwt.get_unverified_header(token)["kid"]


def wait_until_it_holds(client: Client, token: str) -> None:
    """Each environment of the API takes the new keys up by itself, one of them last."""

    def reach() -> httpx.Response:
        return client.call("GET /v1/users?limit=1", headers={"Authorization": f"Bearer {token}"})

    eventually(lambda: reach().is_success, within_s=TAKEN_UP_WITHIN_S, otherwise=lambda: reach().text)
