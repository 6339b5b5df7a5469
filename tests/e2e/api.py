"""The whole system as its clients see it: HTTP, and what arrived at the mail sink and at the FCM double."""

import json
import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from tests.e2e.waiting import eventually

Json = Any  # what the interface answers is what these tests are about

ENDED = frozenset({"sent", "partial", "failed", "expired", "cancelled", "skipped"})
EMAIL = {"channel": "email", "locale": "en", "subject": "Hello {{ name }}", "html": "<p>Hello {{ name }}</p>"}
PUSH = {"channel": "push", "locale": "en", "title": "Hello {{ name }}", "body": "From Carillon"}
_RENEW_TOKEN_BEFORE_S = 60.0
_CALL_TIMEOUT_S = 30.0
# Where no name leads to an API, LocalStack reads its id in the path, and the API does not get to see that.
_LOCALSTACK_ROUTING = re.compile(r"^/_aws/execute-api/[^/]+")


def unique(prefix: str = "e2e") -> str:
    """A word that nobody else uses: for codes, tokens, keys, correlation ids, and local parts of addresses."""
    return f"{prefix}-{uuid4().hex}"


def address(script: str = "someone") -> str:
    """An address of its own; the mail sink does what `script` says: defer, defer-twice, reject, slow, drop."""
    return f"{unique(script)}@example.test"


@dataclass(frozen=True, slots=True)
class Credentials:
    """How an API client gets its tokens."""

    client_id: str
    client_secret: str


class Client:
    """One API client of one stack. The methods that are not `call` expect success and show the answer otherwise.

    Several threads may share it; it survives restarts of every part of the stack.
    """

    def __init__(self, addresses: Mapping[str, str], *, credentials: Credentials | None = None) -> None:
        self._http = httpx.Client(timeout=_CALL_TIMEOUT_S)
        self._api_url, self._mail_url, self._fcm_url = (addresses[key] for key in ("API_URL", "MAIL_URL", "FCM_URL"))
        self._mount = _LOCALSTACK_ROUTING.sub("", urlsplit(self._api_url).path)
        self._credentials = credentials or Credentials(addresses["CLIENT_ID"], addresses["CLIENT_SECRET"])
        self._token = ""
        self._renew_at_s = 0.0

    def close(self) -> None:
        self._http.close()

    @property
    def token(self) -> str:
        """An access token that is good for another minute at least."""
        if time.monotonic() >= self._renew_at_s:
            asked = {"client_id": self._credentials.client_id, "client_secret": self._credentials.client_secret}
            answer = succeeded(self._http.post(f"{self._api_url}/v1/auth/token", json=asked))
            self._token = answer["access_token"]
            self._renew_at_s = time.monotonic() + answer["expires_in"] - _RENEW_TOKEN_BEFORE_S
        return self._token

    def call(
        self,
        route: str,
        body: Json = None,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> httpx.Response:
        """One request, `METHOD /path`, with a token, whatever comes of it. A header that is None is left out."""
        method, path = route.split(" ", 1)
        if body is not None:
            content = json.dumps(body).encode()
        sent: dict[str, str | None] = {} if content is None else {"Content-Type": "application/json"}
        sent |= {} if "Authorization" in (headers or {}) else self._authorization
        sent |= headers or {}
        named = [(name.encode(), value.encode("latin-1")) for name, value in sent.items() if value is not None]
        return self._http.request(method, f"{self._api_url}{path}", content=content, headers=named)

    def place(self, answer: httpx.Response) -> str:
        """Where the answer's Location leads, as `call` takes it."""
        location = str(answer.headers["Location"])
        assert location.startswith(f"{self._mount}/"), location
        return location.removeprefix(self._mount)

    @property
    def _authorization(self) -> dict[str, str | None]:
        return {"Authorization": f"Bearer {self.token}"}

    def create_user(self, **fields: Json) -> Json:
        return succeeded(self.call("POST /v1/users", {"email": address(), "name": "Ada Lovelace", **fields}))

    def add_device(self, user_id: str, *, token: str | None = None, platform: str = "android") -> Json:
        device = {"token": token or unique("device"), "platform": platform}
        return succeeded(self.call(f"POST /v1/users/{user_id}/devices", device))

    def devices(self, user_id: str) -> list[Json]:
        """All devices of a person, as long as they fit on one page."""
        return list(succeeded(self.call(f"GET /v1/users/{user_id}/devices?limit=200"))["items"])

    def create_template(self, *contents: Mapping[str, object], **fields: Json) -> str:
        """A draft with an e-mail and a push, or with these contents; its code."""
        template = {"code": unique("template"), "name": "A template", "default_locale": "en", **fields}
        answer = self.call("POST /v1/templates", {**template, "contents": list(contents) or [EMAIL, PUSH]})
        return str(succeeded(answer)["code"])

    def publish_template(self, *contents: Mapping[str, object], **fields: Json) -> str:
        """The same, published."""
        code = self.create_template(*contents, **fields)
        succeeded(self.call(f"POST /v1/templates/{code}/versions/1/publish"))
        return code

    def notify(self, *, headers: Mapping[str, str | None] | None = None, **body: Json) -> Json:
        """The 202 of one notification; variables default to the name that the usual contents need."""
        answer = self.call("POST /v1/notifications", {"variables": {"name": "Ada"}, **body}, headers=headers)
        assert answer.status_code == 202, f"{answer.status_code}: {answer.text}"
        return answer.json()

    def trace(self, notification_id: str) -> Json:
        return succeeded(self.call(f"GET /v1/notifications/{notification_id}"))

    def wait_ended(self, notification_id: str, *, within_s: float = 20) -> Json:
        """One notification's trace, once it has reached its end."""
        return self.wait_all_ended([notification_id], within_s=within_s)[notification_id]

    def wait_all_ended(self, notification_ids: Collection[str], *, within_s: float) -> Mapping[str, Json]:
        """Every notification's trace by its id, once all have reached their ends."""
        ended: dict[str, Json] = {}
        seen: dict[str, Json] = {}

        def all_ended() -> bool:
            for notification_id in [each for each in notification_ids if each not in ended]:
                seen[notification_id] = self.trace(notification_id)
                if seen[notification_id]["status"] in ENDED:
                    ended[notification_id] = seen[notification_id]
            return len(ended) == len(set(notification_ids))

        eventually(
            all_ended,
            within_s=within_s,
            otherwise=lambda: (
                f"{len(seen) - len(ended)} are open, such as "
                + next((told(trace) for each, trace in seen.items() if each not in ended), "none")
            ),
        )
        return ended

    def mails(self, to: str | None = None) -> list[Json]:
        """What the sink has accepted or begun to accept (`answered` tells), oldest first."""
        return list(succeeded(self._http.get(f"{self._mail_url}/messages", params={} if to is None else {"to": to})))

    def pushes(self, token: str | None = None) -> list[Json]:
        """What the double has accepted, oldest first."""
        return list(
            succeeded(self._http.get(f"{self._fcm_url}/messages", params={} if token is None else {"token": token}))
        )


def succeeded(answer: httpx.Response) -> Json:
    """The body of an answer that must not be an error."""
    assert answer.is_success, f"{answer.request.method} {answer.request.url} → {answer.status_code}: {answer.text}"
    return answer.json() if answer.content else None


def delivery_of(trace: Json, channel: str | None = None) -> Json:
    """Its only delivery, or its only one on this channel."""
    found = [each for each in trace["deliveries"] if channel in (None, each["channel"])]
    assert len(found) == 1, told(trace)
    return found[0]


def events_of(delivery: Json) -> Sequence[str]:
    return [event["event"] for event in delivery["events"]]


def told(trace: Json) -> str:
    """A trace, readable: the reason that an assertion gives when it fails."""
    return json.dumps(trace, indent=1)
