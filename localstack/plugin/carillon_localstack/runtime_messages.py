"""The messages of the Lambda Runtime API, and which request is which."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from carillon_localstack.runtime_http import HttpAnswer, HttpRequest

MAX_RESULT_BYTES = 6 * 1024 * 1024 + 100

_PREFIX = "/2018-06-01/runtime/"
_OF_INVOCATION = re.compile(rf"{_PREFIX}invocation/([^/]+)/(response|error)")


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the runtime gets, and the time it has from then on."""

    request_id: str
    function_arn: str
    payload: bytes
    timeout_s: float
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A result, or the JSON that describes an error."""

    payload: bytes
    is_error: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """The process is gone; negative for a signal, None when it was ended on purpose."""

    exit_code: int | None


def route(
    request: HttpRequest,
    *,
    next_invocation: Callable[[], Invocation | None],
    fail_init: Callable[[Answer], None],
    answer: Callable[[str, Answer], bool],
) -> HttpAnswer | None:
    """The response to one request; None closes the connection, because there is nothing more to say."""
    if (request.method, request.path) == ("GET", f"{_PREFIX}invocation/next"):
        invocation = next_invocation()
        return None if invocation is None else _hand_over(invocation)
    if (request.method, request.path) == ("POST", f"{_PREFIX}init/error"):
        fail_init(Answer(payload=request.body, is_error=True))
        return HttpAnswer(HTTPStatus.ACCEPTED)
    if request.method == "POST" and (match := _OF_INVOCATION.fullmatch(request.path)):
        request_id, kind = match.groups()
        return _accept_answer(request_id, Answer(payload=request.body, is_error=kind == "error"), answer)
    return _refuse(HTTPStatus.NOT_FOUND, "UnknownPath", f"{request.method} {request.path}")


def describe_error(error_type: str, message: str) -> bytes:
    """The JSON of an error that the function could not tell itself."""
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()


def _hand_over(invocation: Invocation) -> HttpAnswer:
    headers = {
        "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
        "Lambda-Runtime-Deadline-Ms": str(int((time.time() + invocation.timeout_s) * 1000)),
        "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
    }
    if invocation.trace_id:
        headers["Lambda-Runtime-Trace-Id"] = invocation.trace_id
    return HttpAnswer(HTTPStatus.OK, invocation.payload, headers)


def _accept_answer(request_id: str, given: Answer, answer: Callable[[str, Answer], bool]) -> HttpAnswer:
    too_large = len(given.payload) > MAX_RESULT_BYTES
    if too_large:
        message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESULT_BYTES} bytes)."
        given = Answer(describe_error("Function.ResponseSizeTooLarge", message), is_error=True)
    if not answer(request_id, given):
        return _refuse(HTTPStatus.BAD_REQUEST, "InvalidRequestID", "not the invocation that is being processed")
    if too_large:
        return _refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestEntityTooLarge", "the response is too large")
    return HttpAnswer(HTTPStatus.ACCEPTED)


def _refuse(status: HTTPStatus, error_type: str, message: str) -> HttpAnswer:
    return HttpAnswer(status, describe_error(error_type, message))
