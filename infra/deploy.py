"""Everything after the platform: from a source tree to functions that deliver, on AWS and on a LocalStack alike.

    check → build → migrate ahead → chalice deploy → migrate → mappings → schedules → alarms, dashboard → smoke test

`migrate` runs in the new release before the other functions become it, because each release works with the schema of
the next, and not with the one before (docs/decisions/0060). Mappings come after it, because Lambda stops one whose
queue is not there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from infra import functions
from infra.build.project import build_project
from infra.release import migration
from infra.release.chalice_deploy import deploy_project
from infra.release.found import Finder
from infra.release.gateway import api_url
from infra.release.lock import deploy_lock
from infra.release.log_group import ensure_log_group
from infra.release.mappings import Broker, Mappings, refuse_unknown_queues
from infra.release.migrate_ahead import MigrateFunction
from infra.release.migration import Founders, migrate
from infra.release.schedules import Schedules
from infra.release.smoke import SmokeTest
from infra.release.state import Deployed as State
from infra.release.state import StateBucket
from infra.stage import Stage, read_stage
from infra.steps import Say, Step, run_steps
from infra.target import AwsClient, Platform, Target
from infra.watch.alarms import ensure_alarms
from infra.watch.dashboard import ensure_dashboard

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Deployed:
    """`functions` are the ARNs by the functions' names in the code."""

    api_url: str
    functions: Mapping[str, str]


def deploy(
    target: Target,
    platform: Platform,
    *,
    source: Path,
    work: Path,
    cache: Path,
    say: Say,
    founders: Founders | None = None,
    again: str | None = None,
) -> Deployed:
    """Bring the stage to what `source`, a tree of this repository, says. Return where it is.

    `work` is a folder for this deployment's files, `cache` one that builds share, `again` the command with which a
    person goes on. Every step may be repeated, and a deployment that died anywhere is finished by the next one.

    Raises:
        StepFailed: what went wrong and what a person does now; its note tells what was done and what was not.
    """
    stage = read_stage(source, target.stage)
    with deploy_lock(s3=target.client("s3"), bucket=platform.state_bucket, stage=stage.name):
        deployment = _Deployment(target, platform, stage, source, work / "project", cache, founders or {})
        run_steps(deployment.steps(), say=say, again=again or f"make deploy STAGE={stage.name}")
        return deployment.outcome()


@dataclass(slots=True)
class _Deployment:
    """`state` is what exists so far: as found at first, then as deployed."""

    target: Target
    platform: Platform
    stage: Stage
    source: Path
    project: Path
    cache: Path
    founders: Founders
    state: State = field(default_factory=lambda: State([]))
    is_migrated: bool = False

    def steps(self) -> list[Step]:
        return [
            Step("check", self._check),
            Step("build", self._build),
            Step("migrate ahead", self._migrate_ahead),
            Step("chalice deploy", self._chalice_deploy),
            Step("migrate", self._migrate),
            Step("mappings", self._mappings),
            Step("schedules", self._schedules),
            Step("alarms and dashboard", self._watch),
            Step("smoke test", self._smoke_test),
        ]

    def outcome(self) -> Deployed:
        return Deployed(self._api_url, self.state.function_arns)

    def _check(self) -> str:
        refuse_unknown_queues(self._consumers)
        self.state = Finder.of(self.target).find(self._bucket.load())
        return f"{len(self.state.function_arns)} functions are there"

    def _build(self) -> None:
        build_project(
            source=self.source,
            into=self.project,
            stage=self.stage.name,
            platform=self.platform,
            cache=self.cache,
            architecture=self.stage.architecture,
        )

    def _migrate_ahead(self) -> str:
        if functions.BY_HAND not in self.state.function_arns or not self.state.has_role(functions.BY_HAND):
            return "there is none yet that could be called"
        MigrateFunction(self._lambda, self.target.client("iam"), self.stage.name).update(
            self.project, architecture=self.stage.architecture
        )
        return self._call_migrate()

    def _chalice_deploy(self) -> str:
        left = {name: arn for name, arn in self.state.function_arns.items() if name not in self._consumers}
        Mappings(self._lambda).delete_all(left)
        ensure_log_group(
            logs=self.target.client("logs"), stage=self.stage.name, retention_days=self.stage.log_retention_days
        )
        self.state = deploy_project(self.target, self.project, known=self.state)
        self._bucket.save(self.state)
        return f"{len(self.state.function_arns)} functions"

    def _migrate(self) -> str:
        return "was done ahead" if self.is_migrated else self._call_migrate()

    def _call_migrate(self) -> str:
        client = self.target.invoking_client(longest_s=migration.LONGEST_S)
        added = migrate(client=client, stage=self.stage.name, founders=self.founders)
        self.is_migrated = True
        return ", ".join(f"{who} {done}" for who, done in added.items() if done) or "schema and queues are there"

    def _mappings(self) -> str:
        Mappings(self._lambda).ensure(self._consumers, self.state.function_arns, broker=Broker.of(self.platform))
        return f"{len(self._consumers)} queues are consumed"

    def _schedules(self) -> str:
        schedules = self._of_this_release(functions.SCHEDULES)
        Schedules(self.target.client("events"), self._lambda, self.stage.name).ensure(
            schedules, self.state.function_arns
        )
        return ", ".join(f"{name} {schedule.expression}" for name, schedule in schedules.items())

    def _watch(self) -> str:
        alarms = ensure_alarms(self.target, self.platform, api_url=self._api_url)
        ensure_dashboard(self.target, api_url=self._api_url)
        return f"{alarms} alarms"

    def _smoke_test(self) -> str:
        interface = json.loads((self.source / "chalicelib" / "openapi.json").read_text())
        client: Any = self.founders.get("first_client")  # Any: of migrate's event, checked by migrate
        credentials = {name: client[name] for name in ("client_id", "client_secret")} if client else None
        SmokeTest(self._api_url).run(interface=interface, client=credentials)
        return self._api_url

    @property
    def _consumers(self) -> Mapping[str, str]:
        return self._of_this_release(functions.CONSUMERS)

    def _of_this_release(self, table: Mapping[str, Entry]) -> Mapping[str, Entry]:
        """Without what came after the release that is deployed: an earlier one may be, by a later deployer."""
        return {name: entry for name, entry in table.items() if name in self.stage.reserved}

    @property
    def _lambda(self) -> AwsClient:
        return self.target.client("lambda")

    @property
    def _bucket(self) -> StateBucket:
        return StateBucket(self.target.client("s3"), self.platform.state_bucket, self.stage.name)

    @property
    def _api_url(self) -> str:
        return api_url(self.target, self.state.rest_api_id or "", self.stage.gateway_stage)
