"""The Lambda Runtime API of one execution environment, over HTTP."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from carillon_localstack.runtime_api import RuntimeApi
from carillon_localstack.runtime_messages import Answer, Ended, Invocation

_PREFIX = "/2018-06-01/runtime"
INVOCATION = Invocation("id-1", "arn:of:function", b'{"a": 1}', timeout_s=5, trace_id="Root=1")


class Runtime:
    """The other side: what a runtime client does."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=10)

    def next(self) -> tuple[http.client.HTTPResponse, bytes]:
        """Ask for work and wait for it."""
        return self.ask("GET", "invocation/next")

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        """One request on the one connection."""
        self._connection.request(method, f"{_PREFIX}/{path}", body, headers)
        response = self._connection.getresponse()
        return response, response.read()

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    api = RuntimeApi()
    yield api
    api.close()


@pytest.fixture
def runtime(api: RuntimeApi) -> Iterator[Runtime]:
    runtime = Runtime(api.address)
    yield runtime
    runtime.close()


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


def _soon() -> float:
    return time.monotonic() + 5


def test_an_invocation_reaches_the_runtime_with_the_documented_headers(
    api: RuntimeApi, runtime: Runtime, beside: ThreadPoolExecutor
) -> None:
    asked = beside.submit(runtime.next)
    assert api.await_idle(_soon()) is None
    before_ms = time.time() * 1000
    answer = beside.submit(api.submit, INVOCATION)
    response, payload = asked.result()
    assert payload == b'{"a": 1}'
    assert response.headers["Lambda-Runtime-Aws-Request-Id"] == "id-1"
    assert response.headers["Lambda-Runtime-Invoked-Function-Arn"] == "arn:of:function"
    assert response.headers["Lambda-Runtime-Trace-Id"] == "Root=1"
    assert before_ms + 4_999 <= int(response.headers["Lambda-Runtime-Deadline-Ms"]) <= time.time() * 1000 + 5_000
    assert runtime.ask("POST", "invocation/id-1/response", b"42")[0].status == 202
    assert answer.result() == Answer(b"42", is_error=False)


def test_an_error_is_an_answer_too_however_long_its_headers(
    api: RuntimeApi, runtime: Runtime, beside: ThreadPoolExecutor
) -> None:
    asked = beside.submit(runtime.next)
    assert api.await_idle(_soon()) is None
    answer = beside.submit(api.submit, INVOCATION)
    asked.result()
    cause = {"Lambda-Runtime-Function-XRay-Error-Cause": "x" * 500_000}
    assert runtime.ask("POST", "invocation/id-1/error", b'{"errorType": "E"}', **cause)[0].status == 202
    assert answer.result() == Answer(b'{"errorType": "E"}', is_error=True)


def test_an_answer_to_another_invocation_is_refused(
    api: RuntimeApi, runtime: Runtime, beside: ThreadPoolExecutor
) -> None:
    asked = beside.submit(runtime.next)
    assert api.await_idle(_soon()) is None
    answer = beside.submit(api.submit, INVOCATION)
    asked.result()
    response, body = runtime.ask("POST", "invocation/id-0/response", b"1")
    assert (response.status, json.loads(body)["errorType"]) == (400, "InvalidRequestID")
    runtime.ask("POST", "invocation/id-1/response", b"2")
    assert answer.result() == Answer(b"2", is_error=False)


def test_a_failed_initialisation_is_told(api: RuntimeApi, runtime: Runtime) -> None:
    assert runtime.ask("POST", "init/error", b'{"errorType": "E"}')[0].status == 202
    assert api.await_idle(_soon()) == Answer(b'{"errorType": "E"}', is_error=True)


def test_the_end_of_the_runtime_ends_an_invocation(
    api: RuntimeApi, runtime: Runtime, beside: ThreadPoolExecutor
) -> None:
    asked = beside.submit(runtime.next)
    assert api.await_idle(_soon()) is None
    answer = beside.submit(api.submit, INVOCATION)
    asked.result()
    api.end(7)
    assert answer.result() == Ended(7)
    assert api.await_idle(_soon()) == Ended(7)


def test_an_invocation_without_an_answer_times_out(
    api: RuntimeApi, runtime: Runtime, beside: ThreadPoolExecutor
) -> None:
    beside.submit(runtime.next)
    assert api.await_idle(_soon()) is None
    with pytest.raises(TimeoutError):
        api.submit(Invocation("id-1", "arn", b"", timeout_s=0.05))


def test_other_paths_are_not_there(runtime: Runtime) -> None:
    assert runtime.ask("GET", "elsewhere")[0].status == 404
    assert runtime.ask("GET", "elsewhere")[0].status == 404


def test_waiting_for_work_and_getting_it_are_told(beside: ThreadPoolExecutor) -> None:
    told: list[str] = []
    idle = threading.Event()

    def tell_idle() -> None:
        told.append("idle")
        idle.set()

    api = RuntimeApi(on_idle=tell_idle, on_work=lambda: told.append("work"))
    runtime = Runtime(api.address)
    asked = beside.submit(runtime.next)
    assert idle.wait(5)
    beside.submit(api.submit, INVOCATION)
    asked.result()
    assert told == ["idle", "work"]
    api.close()
    runtime.close()
