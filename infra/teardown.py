"""Everything between a stage that works and an account without it: the release, then its servers."""

from pathlib import Path

from infra.destroy import destroy
from infra.eventually import Patience
from infra.platform.database_protection import demand_unprotected
from infra.platform.servers import delete_platform, state_bucket_of
from infra.platform.stacks import AN_HOUR
from infra.release.preflight import confirm_caller
from infra.steps import Say, Step, run_steps
from infra.target import Target


def tear_down(target: Target, *, work: Path, say: Say, again: str, patience: Patience = AN_HOUR) -> None:
    """Leave nothing of the stage but the last snapshot of its database. May be run again, wherever it stopped.

    Raises:
        StepFailed: with a note of what was done and what was not; nothing was, if its database is protected.
    """

    def check() -> str:
        caller = confirm_caller(sts=target.client("sts"))
        demand_unprotected(target.client("rds"), stage=target.stage, region=target.region)
        return caller

    def release() -> None:
        destroy(target, state_bucket=state_bucket_of(target), work=work, say=say, again=again)

    def platform() -> None:
        delete_platform(target, say=say, patience=patience)

    run_steps([Step("check", check), Step("release", release), Step("platform", platform)], say=say, again=again)
