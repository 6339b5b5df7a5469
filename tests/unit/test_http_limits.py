"""Rates, addresses and origins: what every answer says of them, and whom they stop."""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from ipaddress import ip_address

import pytest
from chalice.app import Blueprint, Chalice
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import errors
from chalicelib.domain.principal import Principal, Scope
from chalicelib.domain.rate import Rate, Standing
from chalicelib.handlers.access import PUBLIC, SESSION, needs
from chalicelib.handlers.answers import Answer, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.fallback import register_fallbacks
from chalicelib.handlers.guards import Guards, source_ip_of
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.request import NoBody, NoQuery, Request
from chalicelib.services.limit_rate import RateLimiter, network_of, site_of
from chalicelib.stores.rate_counters import ProcessRateCounters
from tests.gateway_client import Answered, GatewayClient

PERSON = "0192d3f0-0000-7000-8000-000000000001"
PEER = "203.0.113.7"
OURS = "https://app.example.com"
PRINCIPALS = {
    "one": Principal("one", frozenset({Scope.ADMIN})),
    "other": Principal("other", frozenset()),
    "own rate": Principal("own-rate", frozenset({Scope.ADMIN}), rate=Rate(amount=7, window_s=60)),
    "person": Principal(PERSON, frozenset(), session_id="session"),
}
ADDRESSES = st.ip_addresses().map(str)
ROUTES = ("GET /scoped", "GET /open", "GET /own", "POST /scoped", "GET /nowhere", "POST /boom")


class Verifier:
    """Knows four tokens by their names, and one that cannot be checked."""

    def verify(self, token: str, *, at: datetime) -> Principal:
        if token == "unchecked":
            raise errors.CacheUnavailable(f"at {at}")
        if token not in PRINCIPALS:
            raise errors.Unauthenticated("unknown", code="invalid_token")
        return PRINCIPALS[token]


class Shop:
    """An application that lets a client have five requests, and an address three."""

    def __init__(self, *, hops: int = 0, origins: frozenset[str] = frozenset({OURS})) -> None:
        counters = ProcessRateCounters(clock_s=lambda: 1_000_000.0)
        limiter = RateLimiter(counters=counters, per_client=Rate(5, 60), per_address=Rate(3, 60))
        guards = Guards(verifier=Verifier(), limiter=limiter, allowed_origins=origins, trusted_proxy_hops=hops)
        self.app = Chalice("shop", configure_logs=False)
        self.app.log.addHandler(logging.NullHandler())
        self.app.register_blueprint(routes_of(lambda: guards))
        register_fallbacks(self.app, guards=lambda: guards)

    def call(self, route: str, *, token: str | None = None, **headers: str) -> Answered:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return GatewayClient(self.app, token=token).call(route, headers=named)

    def exhaust_address(self, **headers: str) -> None:
        while self.call("GET /open", **headers).status != 429:
            pass


def routes_of(guards: Callable[[], Guards]) -> Blueprint:
    routes = Blueprint("shop")

    def answer(_request: Request[NoBody, NoQuery]) -> Answer:
        return ok({"is": "well"})

    def break_down(_request: Request[NoBody, NoQuery]) -> Answer:
        raise RuntimeError("boom")

    for route, access, view in (
        ("GET /scoped", needs(Scope.ADMIN), answer),
        ("GET /own", SESSION, answer),
        ("GET /open", PUBLIC, answer),
        ("POST /boom", PUBLIC, break_down),
        ("GET /health", PUBLIC, answer),
        ("GET /odd", PUBLIC, lambda _request: ok({"not": object()})),
        ("GET /cached", PUBLIC, lambda _request: Answer(HTTPStatus.OK, "x", {"Cache-Control": "max-age=60"})),
    ):
        endpoint(
            routes,
            route,
            access=access,
            body=NoBody,
            query=NoQuery,
            success=Success(HTTPStatus.OK),
            limited=route != "GET /health",
            guards=guards,
        )(_named(view, route))
    return routes


def _named(view: Callable[[Request[NoBody, NoQuery]], Answer], name: str) -> Callable[..., Answer]:
    def view_of_its_own(request: Request[NoBody, NoQuery]) -> Answer:
        return view(request)

    view_of_its_own.__name__ = name.lower().replace(" /", "_")
    return view_of_its_own


def rate_of(answer: Answered) -> tuple[str | None, ...]:
    return tuple(answer.headers.get(f"ratelimit-{name}") for name in ("limit", "remaining"))


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("token", [None, "one", "other", "person", "stranger", "unchecked"])
def test_every_answer_says_where_the_caller_stands(route: str, token: str | None) -> None:
    answer = Shop().call(route, token=token)
    assert rate_of(answer) == (("5", "4") if token in ("one", "other") else ("3", "2")), answer
    assert 1 <= int(answer.headers["ratelimit-reset"]) <= 60


def test_a_used_up_rate_is_429_and_says_when_to_come_back() -> None:
    shop = Shop()
    shop.exhaust_address()
    for route in ROUTES:
        answer = shop.call(route)
        assert (answer.status, answer.json["code"]) == (429, "too_many_requests")
        assert rate_of(answer) == ("3", "0")
        assert answer.headers["retry-after"] == answer.headers["ratelimit-reset"]
        assert answer.headers["cache-control"] == "no-store"


def test_an_exhausted_address_stops_no_verified_client_not_even_on_an_open_route() -> None:
    shop = Shop()
    shop.exhaust_address()
    assert [shop.call(route, token="one").status for route in ("GET /scoped", "GET /open")] == [200, 200]
    assert shop.call("GET /nowhere", token="other").status == 404
    assert shop.call("GET /scoped", token="person").status == 429
    assert shop.call("GET /scoped", token="stranger").status == 429


def test_a_client_has_its_own_rate_whatever_the_address() -> None:
    shop = Shop()
    statuses = Counter(shop.call("GET /scoped", token="one").status for _ in range(10))
    assert statuses == {200: 5, 429: 5}
    assert shop.call("GET /open").status == 200
    assert rate_of(shop.call("GET /scoped", token="own rate")) == ("7", "6")


def test_refused_requests_are_counted() -> None:
    shop = Shop()
    statuses = [shop.call("GET /scoped", token="stranger").status for _ in range(4)]
    assert statuses == [401, 401, 401, 429]


def test_what_cannot_be_checked_is_counted_and_then_503() -> None:
    shop = Shop()
    statuses = [shop.call("GET /own", token="unchecked").status for _ in range(4)]
    assert statuses == [503, 503, 503, 429]


def test_health_is_never_limited_and_says_nothing_of_rates() -> None:
    shop = Shop()
    shop.exhaust_address()
    answer = shop.call("GET /health")
    assert (answer.status, rate_of(answer)) == (200, (None, None))


def test_behind_a_proxy_of_ours_everybody_behind_it_has_their_own_rate() -> None:
    shop = Shop(hops=1)
    shop.exhaust_address(X_Forwarded_For="198.51.100.1")
    assert shop.call("GET /open", X_Forwarded_For="198.51.100.2").status == 200
    assert shop.call("GET /open", X_Forwarded_For="198.51.100.2, 198.51.100.1").status == 429


@given(spoofed=st.lists(ADDRESSES | st.text("0123456789abcdef:., \t", max_size=20)), client=ADDRESSES, data=st.data())
def test_whatever_a_caller_writes_only_the_outermost_proxy_of_ours_is_believed(
    spoofed: list[str], client: str, data: st.DataObject
) -> None:
    proxies = data.draw(st.lists(ADDRESSES, min_size=1, max_size=4))
    headers = {"x-forwarded-for": ", ".join([*spoofed, client, *proxies])}
    context = {"identity": {"sourceIp": proxies[-1]}}
    assert source_ip_of(headers, context, trusted_hops=len(proxies)) == client
    assert source_ip_of(headers, context, trusted_hops=0) == proxies[-1]


@given(header=st.text(max_size=60), hops=st.integers(0, 10))
def test_the_source_is_an_address_whatever_the_header_holds(header: str, hops: int) -> None:
    found = source_ip_of({"x-forwarded-for": header}, {"identity": {"sourceIp": PEER}}, trusted_hops=hops)
    assert ip_address(found)


@pytest.mark.parametrize(
    ("header", "hops"),
    [("", 1), (PEER, 1), (f"unknown, {PEER}", 1), (f", {PEER}", 1), (f"198.51.100.1:80, {PEER}", 1), ("a,b", 9)],
)
def test_where_no_proxy_of_ours_can_have_written_the_gateways_peer_counts(header: str, hops: int) -> None:
    assert source_ip_of({"x-forwarded-for": header}, {"identity": {"sourceIp": PEER}}, trusted_hops=hops) == PEER


@pytest.mark.parametrize("context", [{}, {"identity": None}, {"identity": {}}, {"identity": {"sourceIp": None}}])
def test_a_gateway_that_names_no_peer_makes_all_one(context: dict[str, object]) -> None:
    assert source_ip_of({}, context, trusted_hops=0) == ""


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("no address", "no address"),
    ],
)
def test_a_subscribers_addresses_are_counted_as_one(address: str, counted: str) -> None:
    assert network_of(address) == counted


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("2001:db8:2::", "2001:db8:2::/48"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("no address", "no address"),
    ],
)
def test_logins_count_a_whole_site_as_one(address: str, counted: str) -> None:
    assert site_of(address) == counted


def test_a_client_and_an_address_of_one_spelling_are_two() -> None:
    limiter = RateLimiter(counters=ProcessRateCounters(), per_client=Rate(5, 60), per_address=Rate(3, 60))
    limiter.count(Principal("198.51.100.1", frozenset()), source_ip="")
    standing: Standing = limiter.count(None, source_ip="198.51.100.1")
    assert standing.remaining == 2


@pytest.mark.parametrize("route", [*ROUTES, "GET /health"])
def test_an_allowed_origin_may_read_every_answer(route: str) -> None:
    headers = Shop().call(route, Origin=OURS).headers
    assert headers["access-control-allow-origin"] == OURS
    assert headers["vary"] == "Origin"
    assert "RateLimit-Remaining" in headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize("origin", ["https://evil.example.com", "null", "*", f"{OURS}.evil.com", f"{OURS}/", ""])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_any_other_origin_is_told_nothing(origin: str, method: str) -> None:
    headers = Shop().call(f"{method} /open", Origin=origin).headers
    assert not [name for name in headers if name.startswith("access-control")]
    assert headers["vary"] == "Origin"


def test_without_configured_origins_nothing_is_said_of_them() -> None:
    headers = Shop(origins=frozenset()).call("GET /open", Origin=OURS).headers
    assert not [name for name in headers if name.startswith("access-control") or name == "vary"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [("/scoped", "GET, HEAD"), ("/boom", "POST"), ("/nowhere", "DELETE, GET, HEAD, PATCH, POST, PUT")],
)
def test_a_preflight_tells_what_the_path_takes(path: str, methods: str) -> None:
    answer = Shop().call(f"OPTIONS {path}", Origin=OURS, Access_Control_Request_Method="GET")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == OURS
    assert answer.headers["access-control-allow-methods"] == methods
    for name in ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "X-Correlation-ID"):
        assert name in answer.headers["access-control-allow-headers"].split(", ")
    assert int(answer.headers["access-control-max-age"]) > 0
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_preflights_cost_nobodys_rate_and_are_never_refused() -> None:
    shop = Shop()
    for _ in range(10):
        answer = shop.call("OPTIONS /open", Origin=OURS)
        assert (answer.status, rate_of(answer)) == (204, (None, None))
    assert rate_of(shop.call("GET /open")) == ("3", "2")


def test_an_answer_may_say_itself_how_long_it_keeps() -> None:
    assert Shop().call("GET /cached").headers["cache-control"] == "max-age=60"


def test_an_answer_that_cannot_be_written_is_a_500_like_any_other() -> None:
    answer = Shop().call("GET /odd")
    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert answer.headers["x-content-type-options"] == "nosniff"
