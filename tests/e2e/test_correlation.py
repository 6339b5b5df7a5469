"""The correlation id: taken from whoever brings a good one, made for whoever does not, and the same to the very end."""

import re

import pytest

from tests.e2e.api import Client, Json, address, told, unique

WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,128}")


@pytest.mark.parametrize("given", ["12345678", "a" * 128, "AZaz09._-", "01a2045e-c7bf-70dc-a900-7ebcb319bfef"])
def test_a_well_formed_id_is_kept_from_the_request_to_the_mail(given: str, client: Client) -> None:
    recipient: Json = {"email": address(), "device_tokens": [{"token": unique("device"), "platform": "web"}]}
    answer = client.call(
        "POST /v1/notifications",
        {"template_code": client.publish_template(), "recipient": recipient, "variables": {"name": "Ada"}},
        headers={"X-Correlation-ID": given},
    )
    trace = client.wait_ended(answer.json()["notification_id"])
    (mail,), (push,) = client.mails(recipient["email"]), client.pushes(recipient["device_tokens"][0]["token"])
    assert answer.headers["X-Correlation-ID"] == answer.json()["correlation_id"] == trace["correlation_id"] == given
    assert {event["correlation_id"] for each in trace["deliveries"] for event in each["events"]} == {given}, told(trace)
    assert mail["headers"]["X-Correlation-ID"] == given
    assert push["message"]["data"]["correlation_id"] == given


@pytest.mark.parametrize("given", ["short", "a" * 129, "has a blank in it", "colon:colon:colon", "{}{}{}{}{}", ""])
@pytest.mark.parametrize("route", ["GET /health", "GET /v1/nothing", "GET /v1/users/me/devices"])
def test_a_malformed_id_is_replaced_on_every_answer(given: str, route: str, client: Client) -> None:
    answer = client.call(route, headers={"X-Correlation-ID": given})
    assert answer.headers["X-Correlation-ID"] != given
    assert WELL_FORMED.fullmatch(answer.headers["X-Correlation-ID"])
    assert answer.json().get("correlation_id", answer.headers["X-Correlation-ID"]) == answer.headers["X-Correlation-ID"]


def test_requests_without_an_id_get_one_each(client: Client) -> None:
    ids = {client.call("GET /health").headers["X-Correlation-ID"] for _ in range(10)}
    assert len(ids) == 10
    assert all(WELL_FORMED.fullmatch(each) for each in ids)
