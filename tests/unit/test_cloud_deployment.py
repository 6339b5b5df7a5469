"""When code is deployed to a LocalStack again, and when that can be spared."""

import dataclasses
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from infra.deploy import Deployed
from infra.errors import StepFailed
from infra.target import Platform, Target
from offline.cloud.deployment import Deployment

PLATFORM = Platform(
    settings={"EMAIL_FROM": "a@carillon.test"},
    broker_arn="arn:aws:mq:eu-central-1:000000000000:broker:carillon:b-1",
    broker_secret_arn="arn:aws:secretsmanager:eu-central-1:000000000000:secret:broker-1",
    virtual_host="/",
    state_bucket="bucket",
)


class Api(BaseHTTPRequestHandler):
    """A deployed API that is ready to accept."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def api_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


class Deployer:
    """Counts what is deployed, and fails while it is told to."""

    def __init__(self, api_url: str) -> None:
        self.api_url = api_url
        self.deployed: list[Path] = []
        self.failing = False

    def __call__(self, *_: object, source: Path, **__: object) -> Deployed:
        if self.failing:
            raise StepFailed("no", remedy="wait")
        self.deployed.append(source)
        return Deployed(api_url=self.api_url, functions={})


class Mappings:
    """Lambda's list of what invokes functions, each in its state."""

    def __init__(self) -> None:
        self.states = {"carillon-local-deliver_email": "Enabled", "carillon-other-deliver_email": "Disabled"}

    def get_paginator(self, operation: str) -> "Mappings":
        assert operation == "list_event_source_mappings"
        return self

    def paginate(self) -> list[object]:
        arn = "arn:aws:lambda:eu-central-1:000000000000:function:"
        listed = [{"FunctionArn": f"{arn}{name}", "State": state} for name, state in self.states.items()]
        return [{"EventSourceMappings": listed}]


@pytest.fixture
def mappings() -> Mappings:
    return Mappings()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    tree = tmp_path / "source"
    (tree / "chalicelib").mkdir(parents=True)
    (tree / "app.py").write_text("one = 1")
    (tree / "chalicelib" / "deep.py").write_text("two = 2")
    return tree


@pytest.fixture
def deployer(api_url: str) -> Deployer:
    return Deployer(api_url)


@pytest.fixture
def deployment(tmp_path: Path, deployer: Deployer, mappings: Mappings) -> Deployment:
    return Deployment(
        folder=tmp_path / "kept",
        cache=tmp_path / "cache",
        life="first",
        deploy=deployer,
        open_client=lambda _target: mappings,
    )


def bring(deployment: Deployment, source: Path, platform: Platform = PLATFORM) -> str:
    return deployment.bring(
        source=source, target=Target("local", {}), platform=platform, founders={}, say=lambda _: None
    )


def test_what_is_deployed_already_is_not_deployed_again(
    deployment: Deployment, deployer: Deployer, source: Path
) -> None:
    assert [bring(deployment, source) for _ in range(3)] == [deployer.api_url] * 3
    assert deployer.deployed == [source]


def test_a_changed_line_is_deployed(deployment: Deployment, deployer: Deployer, source: Path) -> None:
    bring(deployment, source)
    (source / "chalicelib" / "deep.py").write_text("two = 3")
    bring(deployment, source)
    assert len(deployer.deployed) == 2


def test_bytecode_is_no_change(deployment: Deployment, deployer: Deployer, source: Path) -> None:
    bring(deployment, source)
    (source / "chalicelib" / "__pycache__").mkdir()
    (source / "chalicelib" / "__pycache__" / "deep.cpython-311.pyc").write_bytes(b"")
    bring(deployment, source)
    assert len(deployer.deployed) == 1


def test_a_changed_setting_is_deployed(deployment: Deployment, deployer: Deployer, source: Path) -> None:
    bring(deployment, source)
    bring(deployment, source, dataclasses.replace(PLATFORM, settings={"EMAIL_FROM": "b@carillon.test"}))
    assert len(deployer.deployed) == 2


def test_a_localstack_that_was_started_anew_is_deployed_to(
    deployment: Deployment, deployer: Deployer, source: Path
) -> None:
    bring(deployment, source)
    bring(dataclasses.replace(deployment, life="second"), source)
    assert len(deployer.deployed) == 2


def test_an_api_that_does_not_answer_is_deployed_again(
    deployment: Deployment, deployer: Deployer, source: Path
) -> None:
    deployer.api_url = f"{deployer.api_url}/nowhere"
    bring(deployment, source)
    bring(deployment, source)
    assert len(deployer.deployed) == 2


def test_a_mapping_that_has_stopped_is_deployed_again(
    deployment: Deployment, deployer: Deployer, source: Path, mappings: Mappings
) -> None:
    bring(deployment, source)
    mappings.states["carillon-local-deliver_email"] = "Disabled"
    bring(deployment, source)
    assert len(deployer.deployed) == 2


def test_after_a_deployment_that_failed_nothing_is_taken_for_deployed(
    deployment: Deployment, deployer: Deployer, source: Path
) -> None:
    bring(deployment, source)
    (source / "app.py").write_text("one = 2")
    deployer.failing = True
    with pytest.raises(StepFailed):
        bring(deployment, source)
    deployer.failing = False
    (source / "app.py").write_text("one = 1")
    bring(deployment, source)
    assert len(deployer.deployed) == 2


def test_the_record_holds_no_secret(deployment: Deployment, source: Path, tmp_path: Path) -> None:
    bring(deployment, source)
    (record,) = (tmp_path / "kept").iterdir()
    assert set(json.loads(record.read_text())) == {"digest", "api_url"}
