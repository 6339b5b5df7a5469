"""The front as a process: real sockets, real environments, a Chalice application written for it."""

import concurrent.futures
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

APPLICATION = """
import os, pathlib, time
from chalice import Chalice, CORSConfig, Response

app = Chalice(app_name="probe")

@app.route("/echo/{name}", methods=["GET", "POST"], content_types=["application/json", "text/plain"])
def echo(name):
    request = app.current_request
    return {"event": request.to_original_event(), "name": name}

@app.route("/length", methods=["POST"], content_types=["text/plain"])
def length():
    return {"bytes": len(app.current_request.raw_body)}

@app.route("/pid", methods=["GET", "HEAD"])
def pid():
    return {"pid": os.getpid(), "remaining_ms": app.lambda_context.get_remaining_time_in_millis()}

@app.route("/busy/{seconds}")
def busy(seconds):
    before_ms = app.lambda_context.get_remaining_time_in_millis()
    started = time.monotonic()
    while time.monotonic() - started < float(seconds):
        pass
    return {"pid": os.getpid(), "spent_ms": before_ms - app.lambda_context.get_remaining_time_in_millis()}

@app.route("/hold")
def hold():
    pathlib.Path("holding").write_text(str(os.getpid()))
    while not pathlib.Path("release").exists():
        time.sleep(0.01)
    return {"pid": os.getpid()}

@app.route("/cookies")
def cookies():
    return Response(body="", headers={"Set-Cookie": ["a=1", "b=2"]}, status_code=204)

@app.route("/image")
def image():
    return Response(body=bytes([0, 255]), headers={"Content-Type": "image/png"})

@app.route("/open", cors=CORSConfig(allow_origin="https://one.test"))
def open_to_one_origin():
    return {}

def broken(event, context):
    raise RuntimeError("not handled")

broken.routes = {"/broken": {"GET": type("Route", (), {"cors": None})}}
broken.api = app.api
"""


@dataclass(frozen=True, slots=True)
class RunningFront:
    """A front of this test run."""

    url: str
    process: subprocess.Popen[str]
    folder: Path

    def environments(self) -> set[int]:
        """The worker processes' ids, from the kernel."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(child) for child in children.read_text().split()}


@contextmanager
def running_front(folder: Path, *options: str, app: str = "app:app") -> Iterator[RunningFront]:
    (folder / "app.py").write_text(APPLICATION)
    command = [sys.executable, "-m", "offline.emulator.front", "--app", app, "--bind", "127.0.0.1:0", *options]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            assert ready.startswith("front ready: http://127.0.0.1:")
            yield RunningFront(ready.split()[2], process, folder)
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFront]:
    with running_front(tmp_path_factory.mktemp("front")) as running:
        yield running


def eventually(condition: Callable[[], bool], *, within_s: float = 5.0) -> bool:
    """Whether the condition holds before the time is over."""
    until = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > until:
            return False
        os.sched_yield()
    return True


def is_gone(pid: int) -> bool:
    """Whether a process has ended, a zombie that nobody has reaped included."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_request_reaches_the_application_whole(front: RunningFront) -> None:
    response = httpx.post(
        f"{front.url}/echo/a%20%C3%A9?tag=1&tag=2&flag",
        headers=[("X-Tag", "a"), ("X-Tag", "b"), ("X-Forwarded-For", "9.9.9.9"), ("Content-Type", "application/json")],
        content='{"name": "é"}'.encode(),
    )
    assert response.status_code == 200
    answer = response.json()
    event = answer["event"]
    assert answer["name"] == "a%20%C3%A9"
    assert event["body"] == '{"name": "é"}'
    assert event["multiValueHeaders"]["X-Tag"] == ["a", "b"]
    assert event["headers"]["X-Forwarded-For"] == "9.9.9.9, 127.0.0.1"
    assert event["multiValueQueryStringParameters"] == {"tag": ["1", "2"], "flag": [""]}
    assert event["requestContext"]["requestId"] == response.headers["x-amzn-requestid"]


def test_an_unknown_path_or_method_is_the_gateways_403(front: RunningFront) -> None:
    for response in (httpx.get(f"{front.url}/nowhere"), httpx.delete(f"{front.url}/pid")):
        assert response.status_code == 403
        assert response.json() == {"message": "Missing Authentication Token"}


def test_a_head_answer_has_no_body(front: RunningFront) -> None:
    response = httpx.head(f"{front.url}/pid")
    assert response.status_code == 200
    assert int(response.headers["content-length"]) > 0
    assert response.content == b""


def test_repeated_answer_headers_stay_apart(front: RunningFront) -> None:
    assert httpx.get(f"{front.url}/cookies").headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_binary_goes_out_as_bytes_to_a_client_that_accepts_it(front: RunningFront) -> None:
    assert httpx.get(f"{front.url}/image", headers={"Accept": "image/png"}).content == b"\x00\xff"


def test_a_preflight_is_answered_by_the_gateway(front: RunningFront) -> None:
    response = httpx.options(f"{front.url}/open")
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "https://one.test"
    assert response.headers["access-control-allow-methods"] == "GET,OPTIONS"


def test_ten_mebibytes_pass_and_one_byte_more_does_not(front: RunningFront) -> None:
    limit = 10 * 1024 * 1024
    with httpx.Client(timeout=30, headers={"Content-Type": "text/plain"}) as client:
        assert client.post(f"{front.url}/length", content=b"x" * limit).json() == {"bytes": limit}
        refused = client.post(f"{front.url}/length", content=b"x" * (limit + 1))
    assert refused.status_code == 413
    assert refused.json() == {"message": "Request Too Long"}


def test_an_answer_over_lambdas_limit_is_a_502(front: RunningFront) -> None:
    response = httpx.post(
        f"{front.url}/echo/x", headers={"Content-Type": "text/plain"}, content=b"x" * 6 * 1024 * 1024, timeout=30
    )
    assert response.status_code == 502


def test_the_time_that_remains_counts_down(front: RunningFront) -> None:
    assert 29_000 < httpx.get(f"{front.url}/pid").json()["remaining_ms"] <= 30_000
    assert httpx.get(f"{front.url}/busy/0.05").json()["spent_ms"] >= 50


def test_a_busy_environment_takes_no_second_request(front: RunningFront) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        held = threads.submit(httpx.get, f"{front.url}/hold", timeout=20)
        assert eventually((front.folder / "holding").exists)
        others = {httpx.get(f"{front.url}/pid").json()["pid"] for _ in range(5)}
        (front.folder / "release").touch()
        assert held.result().json()["pid"] not in others
    assert len(others) == 1


def test_a_connection_without_a_request_occupies_no_environment(front: RunningFront) -> None:
    host, port = front.url.removeprefix("http://").split(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(4)]
    assert httpx.get(f"{front.url}/pid", timeout=3).status_code == 200
    for connection in idle:
        connection.close()


def test_a_killed_environment_is_replaced(front: RunningFront) -> None:
    killed = httpx.get(f"{front.url}/pid").json()["pid"]
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: killed not in front.environments() and len(front.environments()) == 2)
    assert httpx.get(f"{front.url}/pid").json()["pid"] != killed


def test_a_function_that_raises_is_a_502_and_its_environment_lives_on(tmp_path: Path) -> None:
    with running_front(tmp_path, "--workers", "1", app="app:broken") as front:
        before = front.environments()
        response = httpx.get(f"{front.url}/broken")
        assert (response.status_code, response.json()) == (502, {"message": "Internal server error"})
        assert front.environments() == before


def test_a_function_over_its_timeout_is_answered_and_its_environment_replaced(tmp_path: Path) -> None:
    with running_front(tmp_path, "--workers", "1", "--timeout-s", "1") as front:
        late = httpx.get(f"{front.url}/pid").json()["pid"]
        response = httpx.get(f"{front.url}/busy/5")
        assert (response.status_code, response.json()) == (502, {"message": "Internal server error"})
        assert eventually(lambda: is_gone(late))
        assert httpx.get(f"{front.url}/pid").json()["pid"] != late


def test_the_gateway_stops_waiting_before_the_function_does(tmp_path: Path) -> None:
    options = ("--workers", "1", "--timeout-s", "30", "--integration-timeout-s", "1")
    with running_front(tmp_path, *options) as front:
        same = httpx.get(f"{front.url}/pid").json()["pid"]
        response = httpx.get(f"{front.url}/busy/1.5")
        assert (response.status_code, response.json()) == (504, {"message": "Endpoint request timed out"})
        assert httpx.get(f"{front.url}/pid", timeout=5).json()["pid"] == same


def test_sigterm_ends_the_front_and_its_environments_within_three_seconds(tmp_path: Path) -> None:
    with running_front(tmp_path) as front, concurrent.futures.ThreadPoolExecutor(1) as threads:
        environments = front.environments()
        busy = threads.submit(httpx.get, f"{front.url}/busy/20", timeout=30)
        front.process.terminate()
        front.process.wait(timeout=3)
        assert all(is_gone(pid) for pid in environments)
        assert busy.exception(timeout=3) is not None


def test_a_killed_master_takes_its_environments_with_it(tmp_path: Path) -> None:
    with running_front(tmp_path) as front:
        assert eventually(lambda: len(front.environments()) == 2)
        environments = front.environments()
        front.process.kill()
        assert eventually(lambda: all(is_gone(pid) for pid in environments))
