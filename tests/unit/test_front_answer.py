"""A function's result as the HTTP answer that API Gateway would give."""

import base64

import pytest

from offline.emulator.front_answer import (
    MAX_FUNCTION_ANSWER_BYTES,
    NO_SUCH_RESOURCE,
    MalformedProxyAnswer,
    function_answer,
)
from offline.emulator.gateway_event import HttpRequest


def request_accepting(accept: str) -> HttpRequest:
    return HttpRequest("GET", "/", (("Accept", accept),), b"", "127.0.0.1", 0.0)


ANY_REQUEST = request_accepting("*/*")


def test_multi_value_headers_win_over_single_ones() -> None:
    result = {
        "statusCode": 201,
        "headers": {"Content-Type": "text/plain", "x-one": "lost"},
        "multiValueHeaders": {"X-One": ["a", "b"]},
        "body": "é",
    }
    answer = function_answer(result, ANY_REQUEST)
    assert answer.status == 201
    assert answer.headers == (("Content-Type", "text/plain"), ("X-One", "a"), ("X-One", "b"))
    assert answer.body == "é".encode()


def test_an_answer_without_content_type_is_json() -> None:
    assert function_answer({"statusCode": 204}, ANY_REQUEST).headers == (("Content-Type", "application/json"),)


def test_base64_is_decoded_only_for_a_client_that_accepts_the_type_first() -> None:
    result = {"statusCode": 200, "isBase64Encoded": True, "body": base64.b64encode(b"\x00\xff").decode()}
    types = ("image/*",)
    assert function_answer(result, request_accepting("image/png, */*"), binary_types=types).body == b"\x00\xff"
    assert function_answer(result, request_accepting("text/html, image/png"), binary_types=types).body == b"AP8="


@pytest.mark.parametrize(
    "result",
    [
        None,
        "text",
        {},
        {"statusCode": 99},
        {"statusCode": "x"},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "headers": ["not", "an", "object"]},
        {"statusCode": 200, "body": "x" * (MAX_FUNCTION_ANSWER_BYTES + 1)},
    ],
)
def test_what_a_proxy_integration_refuses_is_malformed(result: object) -> None:
    with pytest.raises(MalformedProxyAnswer):
        function_answer(result, ANY_REQUEST)


def test_a_gateway_error_has_the_gateways_own_words() -> None:
    assert NO_SUCH_RESOURCE.body == b'{"message":"Missing Authentication Token"}'
    assert NO_SUCH_RESOURCE.status_line == "403 Forbidden"
    assert NO_SUCH_RESOURCE.to_bytes().startswith(b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n")
