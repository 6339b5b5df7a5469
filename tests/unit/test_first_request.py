"""The first request of a cold environment is answered as any other, whichever route it is for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.configured import environment

ROOT = Path(__file__).parents[2]
ASK = """
import sys
import app
from tests.gateway_client import GatewayClient
client = GatewayClient(app.app)
print("answered", *[client.call(sys.argv[1]).status for _ in range(2)])
"""


@pytest.mark.parametrize(
    ("route", "status"),
    [
        ("OPTIONS /v1/users/1/devices", 204),
        ("OPTIONS /nowhere", 204),
        ("PUT /v1/users", 405),
        ("HEAD /v1/auth/login", 405),
        ("HEAD /health", 200),
        ("DELETE /", 404),
    ],
)
def test_the_first_request_is_answered_as_the_second_is(route: str, status: int) -> None:
    path = os.pathsep.join([str(ROOT), str(ROOT / "localstack")])
    # a process of its own: what one request has imported is there for all that follow
    process = subprocess.run(
        [sys.executable, "-c", ASK, route],
        env={**environment(), "PYTHONPATH": path, "POWERTOOLS_TRACE_DISABLED": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert f"answered {status} {status}" in process.stdout.splitlines(), process.stdout + process.stderr
