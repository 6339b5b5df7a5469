"""Every function of an unpacked package does its work once, each in processes of its own, as after a cold start."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.build.invoking import Invoked, invoke
from tests.packaging.stage import Stage

Json = Any  # events and answers are of many shapes

EVENTS = Path(__file__).parents[1] / "events"
TEMPLATE = {
    "code": "welcome",
    "name": "Welcome",
    "default_locale": "en",
    "contents": [
        {"channel": "email", "locale": "en", "subject": "Hello {{ name }}", "html": "<p>{{ name }}</p>"},
        {"channel": "push", "locale": "en", "title": "Hello", "body": "{{ name }}"},
    ],
}
PERSON = {"email": "ada@example.com", "name": "Ada", "locale": "en-GB", "password": "a password of Ada's own"}


def event_of(name: str) -> Json:
    return json.loads((EVENTS / f"{name}.json").read_text())


def request(route: str, body: Json = None, *, token: str = "", **path: str) -> Json:
    """The gateway's event for `METHOD /resource`, after the one that is kept as an example."""
    method, resource = route.split(" ", 1)
    event = event_of("api_gateway_post")
    headers = {**event["headers"], "Authorization": f"Bearer {token}"}
    return {
        **event,
        "resource": resource,
        "path": resource.format(**path),
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "pathParameters": path or None,
        "requestContext": {**event["requestContext"], "httpMethod": method, "resourcePath": resource},
        "body": None if body is None else json.dumps(body),
    }


def notification(priority: str) -> Json:
    recipient = {"email": "grace@example.com", "device_tokens": [{"token": f"device-{priority}", "platform": "ios"}]}
    return {"template_code": "welcome", "recipient": recipient, "priority": priority, "variables": {"name": "Grace"}}


@dataclass(slots=True)
class Performance:
    """`invoked` is what came of each function's processes, in order."""

    package: Path
    python: Path
    stage: Stage
    invoked: dict[str, list[Invoked]] = field(default_factory=dict)

    def play(self, function: str, *events: Json) -> Sequence[Json]:
        """Invoke a function in a fresh process; its answers. Raises: AssertionError when an invocation failed."""
        outcome = invoke(
            self.package, function, events, environment=self.stage.settings, python=[str(self.python), "-I"]
        )
        self.invoked.setdefault(function, []).append(outcome)
        assert outcome.raised is None, outcome.raised
        return outcome.answers

    def call(self, *events: Json) -> list[Json]:
        """The bodies of the API's answers. Raises: AssertionError for an answer that is no success."""
        answers = self.play("api_handler", *events)
        assert [answer["statusCode"] for answer in answers if answer["statusCode"] >= 300] == [], answers
        return [_body(answer) for answer in answers]

    def modules_of(self, function: str) -> frozenset[str]:
        return frozenset().union(*(each.modules for each in self.invoked[function]))

    def of_runtime(self, function: str) -> frozenset[str]:
        return frozenset().union(*(each.of_runtime for each in self.invoked[function]))


def perform(performance: Performance) -> None:
    """From an empty database to delivered notifications, through the deployed functions alone."""
    migrate = event_of("migrate")
    assert performance.play("migrate", migrate)[0] == {"first_admin": "added", "first_client": "added"}
    credentials = {name: migrate["first_client"][name] for name in ("client_id", "client_secret")}
    (answer,) = performance.call(request("POST /v1/auth/token", credentials))
    token = answer["access_token"]
    performance.call(
        request("POST /v1/templates", TEMPLATE, token=token),
        request("POST /v1/templates/{code}/versions/{number}/publish", token=token, code="welcome", number="1"),
        request("POST /v1/users", PERSON, token=token),
        request("GET /docs/{asset}", asset="swagger-ui-bundle.js"),
        request("GET /openapi.json"),
        request("GET /health/ready"),
    )
    performance.call(*(request("POST /v1/notifications", notification(each), token=token) for each in ("high", "low")))
    for queue, function in _consumers().items():
        performance.play(function, performance.stage.take(queue))
    performance.play("archive_failed", event_of("aws_rmq_foreign_body"))
    for function in ("relay", "measure_queues", "purge"):
        performance.play(function, event_of("scheduled"))


def _consumers() -> Mapping[str, str]:
    lanes: Iterable[str] = ("email", "push", "email.bulk", "push.bulk")
    return {f"{lane}.queue": f"deliver_{lane.replace('.', '_')}" for lane in lanes}


def _body(answer: Json) -> Json:
    is_json = answer["headers"].get("Content-Type") == "application/json"
    return json.loads(answer["body"]) if is_json else answer["body"]
