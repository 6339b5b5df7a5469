"""One good request for each route, and what a refusal looks like."""

from collections.abc import Mapping
from datetime import UTC, datetime

from chalice.app import Chalice

from chalicelib.domain.principal import Principal, Scope
from chalicelib.wiring import auth as wiring
from tests.gateway_client import Answered, GatewayClient

SOMEBODY = "0192d3f0-0000-7000-8000-000000000001"
DEVICES = f"/v1/users/{SOMEBODY}/devices"
SCOPES = {
    "POST /v1/users": Scope.USERS_WRITE,
    f"GET {DEVICES}": Scope.USERS_READ,
    f"POST {DEVICES}": Scope.USERS_WRITE,
    f"DELETE {DEVICES}/{SOMEBODY}": Scope.USERS_WRITE,
    "POST /v1/templates": Scope.TEMPLATES_WRITE,
    "POST /v1/templates/welcome/versions/1/publish": Scope.TEMPLATES_WRITE,
    "GET /v1/templates": Scope.TEMPLATES_READ,
    "GET /v1/templates/welcome": Scope.TEMPLATES_READ,
    "PATCH /v1/templates/welcome": Scope.TEMPLATES_WRITE,
    "DELETE /v1/templates/welcome": Scope.TEMPLATES_WRITE,
    "POST /v1/templates/welcome/preview": Scope.TEMPLATES_READ,
    "GET /v1/templates/welcome/missing-translations": Scope.TEMPLATES_READ,
    "GET /v1/templates/welcome/versions": Scope.TEMPLATES_READ,
    "POST /v1/templates/welcome/versions": Scope.TEMPLATES_WRITE,
    "GET /v1/templates/welcome/versions/1": Scope.TEMPLATES_READ,
    "POST /v1/notifications": Scope.NOTIFICATIONS_SEND,
    "POST /v1/notifications/batch": Scope.NOTIFICATIONS_SEND,
    "GET /v1/notifications": Scope.NOTIFICATIONS_READ,
    f"GET /v1/notifications/{SOMEBODY}": Scope.NOTIFICATIONS_READ,
    f"POST /v1/notifications/{SOMEBODY}/cancel": Scope.NOTIFICATIONS_SEND,
    "POST /v1/clients": Scope.ADMIN,
    "GET /v1/clients": Scope.ADMIN,
    f"GET /v1/clients/{SOMEBODY}": Scope.ADMIN,
    f"POST /v1/clients/{SOMEBODY}/rotate": Scope.ADMIN,
    f"DELETE /v1/clients/{SOMEBODY}": Scope.ADMIN,
}
OPEN = ("POST /v1/auth/login", "POST /v1/auth/refresh", "POST /v1/auth/token")
USER = {"email": "ada@example.com", "name": "Ada"}
DEVICE = {"token": "phone", "platform": "ios"}
EMAIL = {"channel": "email", "locale": "en", "subject": "Hello", "html": "<p>Hello</p>"}
PUSH = {"channel": "push", "locale": "en", "title": "Hi", "body": "There"}
TEMPLATE = {"code": "welcome", "name": "Welcome", "default_locale": "en", "contents": [EMAIL, PUSH]}
NOTIFICATION = {"template_code": "welcome", "user_id": SOMEBODY}
CREDENTIALS = {"client_id": "billing", "client_secret": "secret"}
BODIES: Mapping[str, Mapping[str, object]] = {
    "POST /v1/auth/login": {"email": "ada@example.com", "password": "correct horse"},
    "POST /v1/auth/refresh": {"refresh_token": "session.secret"},
    "POST /v1/auth/token": CREDENTIALS,
    "POST /v1/clients": {"name": "Billing", "scopes": ["notifications:send"], "rate_limit": "100/minute"},
    "POST /v1/users": USER,
    f"POST {DEVICES}": DEVICE,
    "POST /v1/templates": TEMPLATE,
    "PATCH /v1/templates/welcome": {"name": "Another"},
    "POST /v1/templates/welcome/versions": {"contents": [EMAIL, PUSH]},
    "POST /v1/templates/welcome/preview": {"channel": "email"},
    "POST /v1/notifications": NOTIFICATION,
    "POST /v1/notifications/batch": {"items": [NOTIFICATION]},
}


def with_scopes(app: Chalice, *scopes: Scope) -> GatewayClient:
    principal = Principal(subject="billing", scopes=frozenset(scopes))
    return GatewayClient(app, token=wiring.access_tokens().issue(principal, at=datetime.now(UTC)))


def assert_problem(answer: Answered, status: int) -> None:
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "code", "correlation_id"} <= answer.json.keys()
