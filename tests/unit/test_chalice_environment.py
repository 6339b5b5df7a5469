"""What Chalice's process knows: where to deploy, and how this machine gets out."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.errors import StepFailed
from infra.release.chalice_deploy import deploy_project
from infra.release.state import Deployed
from infra.target import Target


def test_chalice_goes_through_the_proxy_that_we_go_through_and_knows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: dict[str, str] = {}

    def run(_command: object, *, env: dict[str, str], **_: object) -> Any:
        known.update(env)
        return subprocess.CompletedProcess((), 1, stdout="no")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("ADMIN_PASSWORD", "secret")

    with pytest.raises(StepFailed, match="chalice deploy failed"):
        deploy_project(Target("dev", {"AWS_DEFAULT_REGION": "eu-central-1"}), tmp_path, known=Deployed([]))

    assert known["HTTPS_PROXY"] == "http://proxy.example.com:3128"
    assert known["AWS_DEFAULT_REGION"] == "eu-central-1"
    assert "ADMIN_PASSWORD" not in known
