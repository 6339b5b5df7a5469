"""The `migrate` function gets a release before all others do."""

# ruff: noqa: N803  the arguments have boto3's names

import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.errors import StepFailed
from infra.eventually import Patience
from infra.release.migrate_ahead import MigrateFunction

NAME = "carillon-dev-migrate"
POLICY = '{"Version": "2012-10-17", "Statement": []}'
CONFIG = {
    "version": "2.0",
    "app_name": "carillon",
    "lambda_functions": {"migrate": {"iam_policy_file": "policies/migrate.json", "lambda_timeout": 900}},
    "stages": {
        "dev": {
            "lambda_memory_size": 512,
            "environment_variables": {"DATABASE_URL": "arn:aws:secretsmanager:…"},
            "subnet_ids": ["subnet-1"],
            "security_group_ids": ["sg-1"],
        }
    },
}


@dataclass
class FakeAccount:
    """Lambda and IAM in one. Each change of the function is seen under way `slowness` times, and ends as `ends_as`."""

    slowness: int = 2
    ends_as: str = "Successful"
    changes: list[tuple[str, Any]] = field(default_factory=list)
    under_way: int = 0

    def put_role_policy(self, *, RoleName: str, PolicyName: str, PolicyDocument: str) -> None:
        assert RoleName == PolicyName == NAME
        self.changes.append(("policy", PolicyDocument))

    def update_function_configuration(self, *, FunctionName: str, **values: object) -> None:
        self._change(FunctionName, "configuration", values)

    def update_function_code(self, *, FunctionName: str, ZipFile: bytes, Architectures: list[str]) -> None:
        assert Architectures == ["arm64"]
        self._change(FunctionName, "code", zipfile.ZipFile(io.BytesIO(ZipFile)).namelist())

    def get_function_configuration(self, *, FunctionName: str) -> Any:
        assert FunctionName == NAME
        self.under_way -= 1
        return {"LastUpdateStatus": "InProgress" if self.under_way >= 0 else self.ends_as}

    def _change(self, function: str, kind: str, value: object) -> None:
        assert function == NAME
        assert self.under_way <= 0, "Lambda refuses a change while another is under way"
        self.changes.append((kind, value))
        self.under_way = self.slowness


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".chalice" / "policies").mkdir(parents=True)
    (tmp_path / ".chalice" / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / ".chalice" / "policies" / "migrate.json").write_text(POLICY)
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "app.py").write_text("")
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "vendored.py").write_text("")
    return tmp_path


def update(account: FakeAccount, project: Path) -> None:
    patience = Patience(longest_s=60, pause=lambda _s: None)
    MigrateFunction(account, account, "dev", patience).update(project, architecture="arm64")


def test_what_the_code_needs_is_there_before_the_code(project: Path) -> None:
    account = FakeAccount()

    update(account, project)

    kinds = [kind for kind, _ in account.changes]
    values = dict(account.changes)
    assert kinds == ["policy", "configuration", "code"]
    assert values["policy"] == POLICY
    assert values["configuration"]["Environment"] == {"Variables": {"DATABASE_URL": "arn:aws:secretsmanager:…"}}
    assert values["configuration"]["VpcConfig"] == {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert {"app.py", "vendored.py", "chalice/app.py"} <= set(values["code"])


def test_what_a_deployment_left_under_way_that_died_is_waited_for(project: Path) -> None:
    account = FakeAccount(ends_as="Failed", under_way=3)
    account.get_function_configuration(FunctionName=NAME)

    with pytest.raises(StepFailed):
        update(account, project)

    assert [kind for kind, _ in account.changes] == ["policy", "configuration"], "that one's failure is not ours"


def test_an_update_that_lambda_gives_up_is_told(project: Path) -> None:
    with pytest.raises(StepFailed, match="carillon-dev-migrate was not updated"):
        update(FakeAccount(ends_as="Failed"), project)
