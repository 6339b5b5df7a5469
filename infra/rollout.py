"""Everything between a checkout and a stage that works: its servers, then the release on them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from infra.build.lambda_runtime import our_runtime
from infra.build.project import LOCK
from infra.build.vendoring import vendor
from infra.deploy import deploy
from infra.platform.server_logs import retain_server_logs
from infra.platform.servers import state_bucket_of
from infra.release.found import Finder
from infra.release.migration import Founders
from infra.release.preflight import confirm_caller, confirm_room
from infra.release.state import Deployed, StateBucket
from infra.stage import Stage
from infra.steps import Say, Step, run_steps
from infra.target import Platform, Target
from infra.watch.alarms import ensure_recipient


@dataclass(kw_only=True)
class Rollout:
    """One run of make deploy, or of make rollback with the tree of another release as its `source`.

    `stage` is the source's own description of the target's stage. `make_platform` makes the servers, or brings them to
    what they should be, and may be called again. `founders` are let into a fresh installation. `alarm_email` is the
    address that hears of alarms. `again` is the command that goes on after a failure.
    """

    target: Target
    source: Path
    stage: Stage
    make_platform: Callable[[], Platform]
    founders: Founders = field(repr=False)
    alarm_email: str | None
    work: Path
    cache: Path
    say: Say
    again: str
    platform: Platform = field(init=False)

    def run(self) -> None:
        """Do every step in turn. May be run again, whenever and wherever it stopped.

        Raises:
            StepFailed: with a note of what was done and what was not.
        """
        steps = [
            Step("preflight", self._preflight),
            Step("platform", self._platform),
            Step("logs of the servers", self._server_logs),
            Step("release", self._release),
            Step("who is told of alarms", self._recipient),
        ]
        run_steps(steps, say=self.say, again=self.again)

    def _preflight(self) -> str:
        """What would fail after an hour of making servers fails now. Nothing is changed."""
        caller = confirm_caller(sts=self.target.client("sts"))
        functions = self._deployed().function_arns.values()
        confirm_room(self.stage, client=self.target.client("lambda"), functions=functions)
        runtime = our_runtime(self.stage.architecture)
        vendor(self.source / LOCK, runtime, cache=self.cache)
        return f"{caller}; {runtime.name} on {runtime.architecture}"

    def _deployed(self) -> Deployed:
        bucket = state_bucket_of(self.target)
        recorded = StateBucket(self.target.client("s3"), bucket, self.target.stage).load() if bucket else Deployed([])
        return Finder.of(self.target).find(recorded)

    def _platform(self) -> None:
        self.platform = self.make_platform()

    def _server_logs(self) -> str:
        days = self.stage.log_retention_days
        groups = retain_server_logs(
            logs=self.target.client("logs"),
            stage=self.target.stage,
            broker_arn=self.platform.broker_arn,
            retention_days=days,
        )
        return f"{groups} log groups keep {days} days"

    def _release(self) -> str:
        deployed = deploy(
            self.target,
            self.platform,
            source=self.source,
            work=self.work,
            cache=self.cache,
            say=self.say,
            founders=self.founders,
            again=self.again,
        )
        return deployed.api_url

    def _recipient(self) -> str:
        if not self.alarm_email:
            return "nobody: give ALARM_EMAIL, so that somebody hears of them"
        ensure_recipient(self.target, self.alarm_email)
        return self.alarm_email
