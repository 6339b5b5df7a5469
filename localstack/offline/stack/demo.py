"""One e-mail and one push through the public API, as a client sends them; then each one's way, step by step."""

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from offline.stack.demo_template import CODE_PREFIX, contents

_DEADLINE_S = 60.0
_POLL_S = 0.2
_OPEN = {"scheduled", "accepted", "queued", "sending", "retrying", "deferred", "processing"}
# What the API answers is JSON, whose shape the contract fixes and the reader of this page knows.
Json = Any


class DemoFailed(Exception):
    """The demonstration did not show a delivered e-mail and a delivered push."""


def demonstrate(stack_env: Mapping[str, str]) -> None:
    """Send, wait until both are sent, print the timelines and where to look. Every run makes a person of its own.

    Raises:
        DemoFailed: the API refused a step, or a delivery did not end as `sent` before the deadline.
    """
    run = secrets.token_hex(4)
    with httpx.Client(base_url=stack_env["API_URL"], timeout=30) as api:
        token = _post(api, "/v1/auth/token", _credentials(stack_env))["access_token"]
        api.headers.update({"Authorization": f"Bearer {token}", "X-Correlation-ID": f"demo-{run}"})
        user = _make_user(api, run)
        template = _make_template(api, run)
        accepted = _send(api, user, template, run)
        notification = _wait(api, accepted["notification_id"])
    _show(notification, stack_env)
    if notification["status"] != "sent":
        raise DemoFailed(f"the notification ended as {notification['status']}, not as sent")


def _credentials(stack_env: Mapping[str, str]) -> Json:
    return {"client_id": stack_env["CLIENT_ID"], "client_secret": stack_env["CLIENT_SECRET"]}


def _make_user(api: httpx.Client, run: str) -> str:
    address = f"ada-{run}@example.com"
    user = _post(
        api, "/v1/users", {"email": address, "name": "Ada Lovelace", "locale": "en", "timezone": "Europe/London"}
    )
    _post(api, f"/v1/users/{user['id']}/devices", {"token": f"demo-{secrets.token_urlsafe(48)}", "platform": "android"})
    print(f"  user           {address}, with one Android device")
    return str(user["id"])


def _make_template(api: httpx.Client, run: str) -> str:
    code = f"{CODE_PREFIX}-{run}"
    template = {
        "code": code,
        "name": "Order shipped",
        "category": "orders",
        "default_locale": "en",
        "contents": contents(),
    }
    _post(api, "/v1/templates", template)
    _post(api, f"/v1/templates/{code}/versions/1/publish", None)
    print(f"  template       {code}, version 1 published: an e-mail and a push")
    return code


def _send(api: httpx.Client, user_id: str, template_code: str, run: str) -> Json:
    variables = {"name": "Ada", "order": f"#{int(run, 16) % 90000 + 10000}", "carrier": "Analytical Express", "days": 2}
    request = {"template_code": template_code, "user_id": user_id, "variables": variables, "priority": "high"}
    began_at = time.perf_counter()
    accepted = _post(api, "/v1/notifications", request, {"Idempotency-Key": f"demo-{run}"})
    took_ms = (time.perf_counter() - began_at) * 1000
    print(f"  notification   {accepted['notification_id']} accepted with 202 in {took_ms:.0f} ms")
    return accepted


def _wait(api: httpx.Client, notification_id: str) -> Json:
    ends_at = time.monotonic() + _DEADLINE_S
    while True:
        notification = _checked(api.get(f"/v1/notifications/{notification_id}"))
        if notification["status"] not in _OPEN or time.monotonic() > ends_at:
            return notification
        time.sleep(_POLL_S)


def _show(notification: Json, stack_env: Mapping[str, str]) -> None:
    for delivery in notification["deliveries"]:
        print(f"\n  {delivery['channel']}: {delivery['status']}")
        _show_timeline(delivery["events"])
    print(f"\n  Look at the e-mail   {stack_env['MAIL_URL']}")
    print(f"  Look at the push     {stack_env['FCM_URL']}")


def _show_timeline(events: Sequence[Json]) -> None:
    print(f"    {'time':<17}{'event':<11}{'attempt':>7}  provider")
    for event in events:
        clock = str(event["at"]).partition("T")[2].rstrip("Z")[:15]
        attempt = "" if event.get("attempt") is None else event["attempt"]
        print(f"    {clock:<17}{event['event']:<11}{attempt:>7}  {event.get('provider') or ''}".rstrip())


def _post(api: httpx.Client, path: str, body: Json, headers: Mapping[str, str] | None = None) -> Json:
    return _checked(api.post(path, json=body, headers=dict(headers or {})))


def _checked(answer: httpx.Response) -> Json:
    if answer.is_error:
        raise DemoFailed(
            f"{answer.request.method} {answer.request.url.path} answered {answer.status_code}: {answer.text}"
        )
    return answer.json() if answer.content else None
