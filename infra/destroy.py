"""Takes a release away from its platform: what deploy made, in the reverse order. The servers and their data stay."""

import json
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from infra.functions import APP
from infra.release.chalice_deploy import delete_project
from infra.release.found import Finder
from infra.release.lock import deploy_lock
from infra.release.log_group import delete_log_groups
from infra.release.mappings import Mappings
from infra.release.schedules import Schedules
from infra.release.state import Deployed, StateBucket
from infra.stage import CONFIG
from infra.steps import Say, Step, run_steps
from infra.target import Target
from infra.watch.alarms import delete_alarms
from infra.watch.dashboard import delete_dashboard

_EMPTY_APP = f"from chalice.app import Chalice\n\napp = Chalice(app_name={APP!r})\n"


def destroy(target: Target, *, state_bucket: str | None, work: Path, say: Say, again: str) -> None:
    """Delete schedules, mappings, alarms, the API, all functions with their roles, and their logs.

    Without a bucket there is no platform any more; what is left of a release is found all the same. May be run again.

    Raises:
        StepFailed: with a note of what is gone and what is not.
    """
    s3 = target.client("s3")
    removal = _Removal(target, StateBucket(s3, state_bucket, target.stage) if state_bucket else None, work / "project")
    with deploy_lock(s3=s3, bucket=state_bucket, stage=target.stage) if state_bucket else nullcontext():
        run_steps(removal.steps(), say=say, again=again)


@dataclass(frozen=True, slots=True)
class _Removal:
    target: Target
    bucket: StateBucket | None
    project: Path

    def steps(self) -> list[Step]:
        return [
            Step("schedules", self._schedules),
            Step("mappings", self._mappings),
            Step("alarms and dashboard", self._watch),
            Step("chalice delete", self._chalice_delete),
            Step("logs", self._logs),
        ]

    def _schedules(self) -> None:
        Schedules(self.target.client("events"), self.target.client("lambda"), self.target.stage).delete_all()

    def _mappings(self) -> None:
        Mappings(self.target.client("lambda")).delete_all(self._found().function_arns)

    def _watch(self) -> None:
        delete_alarms(self.target)
        delete_dashboard(self.target)

    def _chalice_delete(self) -> str:
        found = self._found()
        if found.resources:
            delete_project(self.target, _write_project(self.project), known=found)
        if self.bucket:
            self.bucket.forget()
        return f"{len(found.resources)} resources"

    def _logs(self) -> None:
        delete_log_groups(logs=self.target.client("logs"), stage=self.target.stage)

    def _found(self) -> Deployed:
        return Finder.of(self.target).find(self.bucket.load() if self.bucket else Deployed([]))


def _write_project(project: Path) -> Path:
    """A project that has nothing: what is deleted is told by the record alone."""
    (project / CONFIG.parent).mkdir(parents=True, exist_ok=True)
    (project / "app.py").write_text(_EMPTY_APP)
    (project / CONFIG).write_text(json.dumps({"version": "2.0", "app_name": APP}))
    return project
