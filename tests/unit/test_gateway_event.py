"""HTTP requests as API Gateway's proxy events."""

import base64
from dataclasses import replace
from typing import Any, cast

from offline.emulator.gateway_event import HttpRequest, MatchedResource, is_binary_type, proxy_event

REQUEST = HttpRequest(
    method="GET", target="/v1/users", headers=(("Host", "127.0.0.1:3000"),), body=b"", source_ip="127.0.0.9",
    received_at_s=1_767_225_600.25,
)  # fmt: skip
USERS = MatchedResource("/v1/users", {})


def event_of(
    *, binary_types: tuple[str, ...] = (), resource: MatchedResource = USERS, **changes: Any
) -> dict[str, Any]:
    """The event of the plain request with some of its fields changed; looked into as JSON would be."""
    event = proxy_event(replace(REQUEST, **changes), resource, stage="api", binary_types=binary_types)
    return cast(dict[str, Any], event)


def test_what_is_absent_is_null() -> None:
    event = event_of()
    assert event["queryStringParameters"] is None
    assert event["multiValueQueryStringParameters"] is None
    assert event["pathParameters"] is None
    assert event["body"] is None
    assert event["isBase64Encoded"] is False


def test_the_request_context_names_the_request() -> None:
    context = event_of(headers=(("Host", "api.test:3000"), ("User-Agent", "probe/1")))["requestContext"]
    assert context["httpMethod"] == "GET"
    assert context["resourcePath"] == "/v1/users"
    assert context["path"] == "/v1/users"
    assert context["stage"] == "api"
    assert context["requestTimeEpoch"] == 1_767_225_600_250
    assert context["requestTime"] == "01/Jan/2026:00:00:00 +0000"
    assert context["domainName"] == "api.test"
    assert context["identity"]["sourceIp"] == "127.0.0.9"
    assert context["identity"]["userAgent"] == "probe/1"


def test_every_request_has_its_own_id() -> None:
    assert event_of()["requestContext"]["requestId"] != event_of()["requestContext"]["requestId"]


def test_repeated_headers_are_all_kept_and_the_last_one_wins() -> None:
    event = event_of(headers=(("X-Tag", "a"), ("X-Tag", "b")))
    assert event["headers"]["X-Tag"] == "b"
    assert event["multiValueHeaders"]["X-Tag"] == ["a", "b"]


def test_the_peer_is_appended_to_x_forwarded_for() -> None:
    event = event_of(headers=(("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-For", "5.6.7.8")))
    assert event["headers"]["X-Forwarded-For"] == "1.2.3.4, 5.6.7.8, 127.0.0.9"
    assert event_of()["headers"]["X-Forwarded-For"] == "127.0.0.9"


def test_hop_by_hop_headers_stay_at_the_gateway() -> None:
    assert "Connection" not in event_of(headers=(("Connection", "close"),))["headers"]


def test_a_clients_trace_id_is_kept() -> None:
    event = event_of(headers=(("X-Amzn-Trace-Id", "Root=1-a-b"),))
    assert event["multiValueHeaders"]["X-Amzn-Trace-Id"] == ["Root=1-a-b"]


def test_query_parameters_are_decoded_and_may_lack_a_value() -> None:
    event = event_of(target="/v1/users?a=1&a=2&flag&name=%C3%A9+x")
    assert event["queryStringParameters"] == {"a": "2", "flag": "", "name": "é x"}
    assert event["multiValueQueryStringParameters"]["a"] == ["1", "2"]


def test_path_and_path_parameters_stay_percent_encoded() -> None:
    resource = MatchedResource("/v1/users/{id}", {"id": "a%20%C3%A9"})
    event = event_of(target="/v1/users/a%20%C3%A9?x=1", resource=resource)
    assert event["path"] == "/v1/users/a%20%C3%A9"
    assert event["pathParameters"] == {"id": "a%20%C3%A9"}


def test_raw_utf8_in_the_path_is_percent_encoded() -> None:
    assert event_of(target="/v1/é".encode().decode("latin-1"))["path"] == "/v1/%C3%A9"


def test_an_absolute_target_is_read_by_its_path() -> None:
    assert event_of(target="http://127.0.0.1:3000/v1/users?x=1")["path"] == "/v1/users"


def test_a_binary_content_type_makes_the_body_base64() -> None:
    event = event_of(headers=(("Content-Type", "image/png"),), body=b"\x89PNG", binary_types=("image/*",))
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == b"\x89PNG"


def test_bytes_that_are_not_text_are_replaced_unless_the_type_is_binary() -> None:
    event = event_of(headers=(("Content-Type", "application/json"),), body=b'"\xff"', binary_types=("image/*",))
    assert event["isBase64Encoded"] is False
    assert event["body"] == '"\N{REPLACEMENT CHARACTER}"'


def test_binary_types_ignore_case_and_parameters() -> None:
    assert is_binary_type("Image/PNG; q=1", ("image/*",))
    assert is_binary_type("application/zip", ("*/*",))
    assert not is_binary_type(None, ("*/*",))
    assert not is_binary_type("application/json", ("application/zip",))
