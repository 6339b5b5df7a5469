"""What GitHub runs: the README's own commands, on actions that nobody can exchange under their names."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
_PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
_TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)

Json = Any  # a workflow is read with the structure that GitHub documents


class _Strict(yaml.SafeLoader):
    """Refuses a key that stands twice, as GitHub does; YAML's own loader takes the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key stands twice: {keys}{node.start_mark}"
        return super().construct_mapping(node, deep)


def _read(workflow: Path) -> Json:
    return yaml.load(workflow.read_text(), _Strict)  # noqa: S506  _Strict is a SafeLoader


def _steps(workflow: Path) -> list[Json]:
    return [step for job in _read(workflow)["jobs"].values() for step in job["steps"]]


def test_there_is_one_that_tests_and_one_that_deploys() -> None:
    assert [workflow.name for workflow in WORKFLOWS] == ["ci.yml", "deploy.yml"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit_with_the_version_beside_it(workflow: Path) -> None:
    used = [line.strip().removeprefix("- ") for line in workflow.read_text().splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not _PINNED.fullmatch(line)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_command_is_a_target_of_the_makefile(workflow: Path) -> None:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text()))
    commands = [step["run"] for step in _steps(workflow) if "run" in step]
    assert commands
    assert [command for command in commands if command.split()[:1] != ["make"]] == []
    assert {command.split()[1] for command in commands} <= targets


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_job_may_read_the_code_and_nothing_else_of_the_repository(workflow: Path) -> None:
    granted = _read(workflow)["permissions"]
    assert granted.pop("contents") == "read"
    assert granted == ({"id-token": "write"} if workflow.stem == "deploy" else {})


def test_ci_runs_what_the_gate_runs() -> None:
    gate = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line.startswith("make ")]
    commands = [step["run"] for step in _steps(ROOT / ".github" / "workflows" / "ci.yml") if "run" in step]
    assert set(gate) <= set(commands)


def test_no_key_of_the_cloud_is_kept_with_github() -> None:
    for workflow in WORKFLOWS:
        assert "secrets." not in workflow.read_text()
        assert "aws-access-key-id" not in workflow.read_text()
