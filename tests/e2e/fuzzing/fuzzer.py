"""schemathesis against a stack, in a process of its own, and what it found."""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = Any  # one line of a report

ROOT = Path(__file__).parents[3]
CONFIG = Path(__file__).with_name("schemathesis.toml")
HOOKS = "tests.e2e.fuzzing.hooks"
ENDS_WITHIN_S = 300
CONFLICT = 409


@dataclass(frozen=True, slots=True)
class Findings:
    """What one run did. `statuses` counts the answers of each operation, `METHOD /path`."""

    passed: bool
    printed: str
    requests: int
    statuses: Mapping[str, Counter[int]]

    def accepted(self) -> set[str]:
        """The operations that at least once did what they are for, or found that it had been done already."""
        return {operation for operation, counts in self.statuses.items() if min(counts) < 300 or CONFLICT in counts}


@dataclass(frozen=True, slots=True)
class Fuzzer:
    """One caller, who can write to `user_id`. What would end the access of the protected ids is left out."""

    api_url: str
    folder: Path
    token: str
    user_id: str
    protected_ids: Sequence[str] = ()

    def run(self, *options: str) -> Findings:
        """Every operation, or those that the options of `schemathesis run` choose."""
        report = Path(tempfile.mkdtemp(dir=self.folder)) / "report.ndjson"
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
        command += [f"{self.api_url}/openapi.json", "--url", self.api_url]
        command += ["--header", f"Authorization: Bearer {self.token}"]
        command += ["--report", "ndjson", "--report-ndjson-path", str(report), *options]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **self._environment()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=ENDS_WITHIN_S,
            check=False,
        )
        statuses = _statuses(report)
        requests = sum(counts.total() for counts in statuses.values())
        return Findings(passed=done.returncode == 0, printed=done.stdout, requests=requests, statuses=statuses)

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join((str(ROOT), str(ROOT / "localstack")))
        return {
            "SCHEMATHESIS_HOOKS": HOOKS,
            "PYTHONPATH": path,
            "FUZZING_PROTECTED_IDS": " ".join(self.protected_ids),
            "FUZZING_USER_ID": self.user_id,
        }


def _statuses(report: Path) -> dict[str, Counter[int]]:
    found: dict[str, Counter[int]] = {}
    for recorder in _recorders(report):
        for case_id, interaction in recorder.get("interactions", {}).items():
            case = recorder["cases"].get(case_id, {}).get("value")
            if case and interaction.get("response"):
                operation = f"{case['method']} {case['path']}"
                found.setdefault(operation, Counter())[interaction["response"]["status_code"]] += 1
    return found


def _recorders(report: Path) -> Iterator[Json]:
    with report.open(encoding="utf-8") as lines:
        for line in lines:
            scenario = json.loads(line).get("ScenarioFinished")
            if scenario:
                yield scenario["recorder"]
