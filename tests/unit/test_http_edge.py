"""The edge of a route: what reaches a view, and what is answered when something does not."""

import logging
from datetime import datetime
from http import HTTPStatus

import pytest
from chalice.app import Blueprint, Chalice

from chalicelib import errors
from chalicelib.domain.principal import Principal, Scope
from chalicelib.domain.rate import Standing
from chalicelib.handlers.access import PUBLIC, needs
from chalicelib.handlers.answers import Answer, created, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.fallback import register_fallbacks
from chalicelib.handlers.guards import Guards
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.problems import title_of
from chalicelib.handlers.request import NoBody, NoQuery, Request, RequestModel
from tests.gateway_client import Answered, GatewayClient

TOKENS = {
    "reader": Principal("reader", frozenset({Scope.USERS_READ})),
    "writer": Principal("writer", frozenset({Scope.USERS_WRITE})),
    "admin": Principal("admin", frozenset({Scope.ADMIN})),
}
ITEM = "0192d3f0-0000-7000-8000-000000000001"


class Verifier:
    """Knows three tokens by their names."""

    def verify(self, token: str, *, at: datetime) -> Principal:
        if token not in TOKENS:
            raise errors.Unauthenticated(f"unknown at {at}", code="invalid_token")
        return TOKENS[token]


class Unlimited:
    """Counts nothing."""

    def count(self, caller: Principal | None, *, source_ip: str) -> Standing:
        return Standing(limit=10, remaining=9, reset_s=60, exceeded=False)


def guards() -> Guards:
    return Guards(verifier=Verifier(), limiter=Unlimited())


class Thing(RequestModel):
    name: str


class Shop:
    """An application with a few routes, which remembers what its views saw."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.seen: list[Request[Thing, NoQuery] | Request[NoBody, NoQuery]] = []
        self.app = Chalice("shop", configure_logs=False)
        self.app.log.addHandler(logging.NullHandler())
        self.app.register_blueprint(self._routes())
        register_fallbacks(self.app, guards=guards)

    def client(self, token: str | None = "admin", *, mount: str = "") -> GatewayClient:  # noqa: S107  a name, no secret
        return GatewayClient(self.app, token=token, mount=mount)

    def _routes(self) -> Blueprint:
        routes = Blueprint("shop")

        @endpoint(
            routes,
            "POST /things",
            access=needs(Scope.USERS_WRITE),
            body=Thing,
            query=NoQuery,
            success=Success(HTTPStatus.CREATED),
            guards=guards,
        )
        def add(request: Request[Thing, NoQuery]) -> Answer:
            self.seen.append(request)
            if self.failure is not None:
                raise self.failure
            return created({"name": request.body.name}, location="/things/1", revision=3)

        @endpoint(
            routes,
            "GET /things/{id}",
            access=needs(Scope.USERS_READ),
            body=NoBody,
            query=NoQuery,
            success=Success(HTTPStatus.OK),
            guards=guards,
        )
        def read(request: Request[NoBody, NoQuery]) -> Answer:
            self.seen.append(request)
            return ok({"id": str(request.path_id("id"))})

        @endpoint(
            routes,
            "GET /open",
            access=PUBLIC,
            body=NoBody,
            query=NoQuery,
            success=Success(HTTPStatus.OK),
            guards=guards,
        )
        def read_open(request: Request[NoBody, NoQuery]) -> Answer:
            return ok({"caller": request.client.subject if request.caller else None})

        return routes


@pytest.fixture
def shop() -> Shop:
    return Shop()


def assert_problem(answer: Answered, status: int, code: str) -> None:
    assert (answer.status, answer.json["status"], answer.json["code"]) == (status, status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["title"] == title_of(HTTPStatus(status))
    assert answer.json["type"] == f"urn:carillon:problem:{code}"
    assert answer.json["correlation_id"] == answer.headers["x-correlation-id"]


def test_a_view_sees_who_calls_and_the_body_as_its_model(shop: Shop) -> None:
    answer = shop.client("writer").call("POST /things", {"name": "bell"})
    assert (answer.status, answer.json) == (201, {"name": "bell"})
    assert (answer.headers["location"], answer.headers["etag"]) == ("/things/1", '"3"')
    assert answer.headers["content-type"] == "application/json"
    assert shop.seen[0].client.subject == "writer"


@pytest.mark.parametrize("mount", ["", "/api", "/base/of/a-domain"])
@pytest.mark.parametrize("written", ["/things", "/things/"])
def test_a_location_is_a_path_on_the_host_that_was_called(shop: Shop, mount: str, written: str) -> None:
    answer = shop.client(mount=mount).call(f"POST {written}", {"name": "bell"})
    assert answer.headers["location"] == f"{mount}/things/1"


@pytest.mark.parametrize("route", ["GET /open", "POST /things", "GET /nowhere", "DELETE /open", f"GET /things/{ITEM}"])
def test_every_answer_carries_the_security_headers(shop: Shop, route: str) -> None:
    headers = shop.client(None).call(route).headers
    assert headers["strict-transport-security"].startswith("max-age=")
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("given", ["12345678", "a" * 128, "A.b_c-9.b_c-9"])
def test_a_well_formed_correlation_id_is_kept(shop: Shop, given: str) -> None:
    answer = shop.client().call("POST /things", {"name": "x"}, headers={"X-Correlation-ID": given})
    assert answer.headers["x-correlation-id"] == given
    assert shop.seen[0].correlation_id == given


@pytest.mark.parametrize("given", ["1234567", "a" * 129, "with space", "näme-of-it", "semi;colon", "12345678\t"])
def test_a_malformed_correlation_id_is_replaced(shop: Shop, given: str) -> None:
    answered = shop.client().call("GET /open", headers={"X-Correlation-ID": given}).headers["x-correlation-id"]
    assert answered != given
    assert len(answered) == 32


@pytest.mark.parametrize(
    ("authorization", "challenge"),
    [
        ("", "Bearer"),
        ("admin", "Bearer"),
        ("Basic YTpi", "Bearer"),
        ("Bearer", "Bearer"),
        ("Bearer  ", "Bearer"),
        ("Bearer stranger", 'Bearer error="invalid_token"'),
    ],
)
def test_without_a_token_that_holds_there_is_a_401_with_a_challenge(
    shop: Shop, authorization: str, challenge: str
) -> None:
    answer = shop.client(None).call("POST /things", {"name": "x"}, headers={"Authorization": authorization})
    assert_problem(answer, 401, "invalid_token" if "error" in challenge else "unauthenticated")
    assert answer.headers["www-authenticate"] == challenge
    assert not shop.seen


def test_the_scheme_of_a_token_has_no_case(shop: Shop) -> None:
    answer = shop.client(None).call("POST /things", {"name": "x"}, headers={"authorization": "bEARER writer"})
    assert answer.status == 201


def test_without_the_scope_there_is_a_403_before_the_body_is_looked_at(shop: Shop) -> None:
    answer = shop.client("reader").call("POST /things", content=b"{")
    assert_problem(answer, 403, "insufficient_scope")
    assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'


def test_an_open_route_looks_at_no_token(shop: Shop) -> None:
    assert shop.client("stranger").call("GET /open").json == {"caller": None}


@pytest.mark.parametrize("media_type", ["text/plain", "", "application/x-www-form-urlencoded", "image/png", "json"])
def test_a_body_that_is_not_declared_as_json_is_415(shop: Shop, media_type: str) -> None:
    answer = shop.client().call("POST /things", {"name": "x"}, headers={"Content-Type": media_type})
    assert_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json;"])
def test_json_may_be_declared_with_parameters(shop: Shop, media_type: str) -> None:
    assert shop.client().call("POST /things", {"name": "x"}, headers={"Content-Type": media_type}).status == 201


def test_a_body_of_256_kib_is_read_and_one_byte_more_is_413(shop: Shop) -> None:
    fitting = b'{"name": "%s"}' % (b"x" * (256 * 1024 - 12))
    assert len(fitting) == 256 * 1024
    assert shop.client().call("POST /things", content=fitting).status == 201
    assert_problem(shop.client().call("POST /things", content=fitting + b" "), 413, "body_too_large")


def test_a_body_is_measured_in_bytes(shop: Shop) -> None:
    assert shop.client().call("POST /things", {"name": "x"}, content='{"name": "é"}'.encode()).json == {"name": "é"}
    assert shop.client().call("POST /things", content=b'{"name": "%s"}' % ("é" * 131_072).encode()).status == 413


@pytest.mark.parametrize("content", [b"", b"{", b"[1", b'{"name": NaN}', b'{"name": "a", "name": "b"}'])
def test_what_is_not_json_is_400(shop: Shop, content: bytes) -> None:
    assert_problem(shop.client().call("POST /things", content=content), 400, "malformed_json")


@pytest.mark.parametrize(("status", "title"), [(413, "Request Entity Too Large"), (422, "Unprocessable Entity")])
def test_a_title_is_the_same_on_every_version_of_python(status: int, title: str) -> None:
    assert title_of(HTTPStatus(status)) == title


def test_a_body_of_the_wrong_shape_is_422_with_a_pointer_for_each_flaw(shop: Shop) -> None:
    answer = shop.client().call("POST /things", {"nom": "x"})
    assert_problem(answer, 422, "invalid_request")
    assert answer.pointers == {"/name", "/nom"}


def test_an_unknown_query_parameter_is_422(shop: Shop) -> None:
    answer = shop.client().call("POST /things?dry_run=1", {"name": "x"})
    assert_problem(answer, 422, "invalid_request")
    assert answer.pointers == {"dry_run"}
    assert not shop.seen


@pytest.mark.parametrize(
    "segment", ["7", "null", f"{ITEM}0", f"%7B{ITEM}%7D", f"urn:uuid:{ITEM}", "%ff", "%00", "a%2Fb"]
)
def test_an_id_that_is_none_names_nothing(shop: Shop, segment: str) -> None:
    assert_problem(shop.client().call(f"GET /things/{segment}"), 404, "not_found")


def test_an_id_may_be_percent_encoded_and_in_capitals(shop: Shop) -> None:
    assert shop.client().call(f"GET /things/{ITEM.upper().replace('-', '%2D')}").json == {"id": ITEM}


def test_head_is_get_without_the_body(shop: Shop) -> None:
    answer = shop.client().call(f"HEAD /things/{ITEM}")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"] == "application/json"
    assert shop.client().call("HEAD /things/7").status == 404


def test_a_body_on_a_route_that_takes_none_is_ignored_with_get(shop: Shop) -> None:
    assert shop.client().call(f"GET /things/{ITEM}", {"name": "x"}).status == 200


@pytest.mark.parametrize("route", ["GET /", "GET /v1", "POST /things/1/2/3", "PUT /nowhere", "HEAD /x"])
def test_a_path_that_nobody_knows_is_404(shop: Shop, route: str) -> None:
    answer = shop.client(None).call(route)
    assert answer.status == 404
    assert route.startswith("HEAD") or answer.json["code"] == "not_found"


@pytest.mark.parametrize(
    ("route", "allowed"),
    [
        ("GET /things", "POST"),
        ("DELETE /things", "POST"),
        ("POST /open", "GET, HEAD"),
        ("PATCH /things/7", "GET, HEAD"),
    ],
)
def test_a_known_path_with_another_method_is_405_and_says_which_it_has(shop: Shop, route: str, allowed: str) -> None:
    answer = shop.client(None).call(route)
    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    ("failure", "status", "code", "retry_after_s"),
    [
        (errors.InvalidRequest("no", code="user_not_found"), 422, "user_not_found", None),
        (errors.Conflict("taken"), 409, "conflict", None),
        (errors.NotFound("gone"), 404, "not_found", None),
        (errors.Forbidden("not yours"), 403, "forbidden", None),
        (errors.RequestInProgress("wait", retry_after_s=2), 409, "request_in_progress", "2"),
        (errors.DatabaseUnavailable("host db.internal"), 503, "database_unavailable", "5"),
        (errors.CacheUnavailable("host redis.internal"), 503, "cache_unavailable", "5"),
        (errors.MalformedMessage("internal"), 500, "internal_error", None),
        (errors.InvalidSettings("DATABASE_URL"), 500, "internal_error", None),
        (RuntimeError("password=internal"), 500, "internal_error", None),
        (RecursionError("internal"), 500, "internal_error", None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_each_class_of_error_has_its_status_and_tells_nothing_of_the_inside(
    shop: Shop, failure: Exception, status: int, code: str, retry_after_s: str | None
) -> None:
    shop.failure = failure
    answer = shop.client().call("POST /things", {"name": "x"})
    assert_problem(answer, status, code)
    assert answer.headers.get("retry-after") == retry_after_s
    assert b"internal." not in answer.body
    assert b"password" not in answer.body


def test_requests_that_ask_for_the_same_have_one_fingerprint(shop: Shop) -> None:
    client = shop.client()
    for content in (b'{"name": "\xc3\xa9"}', b' {  "name":"\\u00e9"}', b'{"name": "e"}'):
        client.call("POST /things", content=content)
    same, spelled, other = (request.fingerprint for request in shop.seen)
    assert same == spelled != other
    assert len(same) == 32
