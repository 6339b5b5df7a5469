"""The commands behind make deploy, destroy and rollback: python -m infra COMMAND --stage STAGE."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from infra.build.lambda_runtime import our_runtime
from infra.build.project import LOCK
from infra.build.vendoring import vendor
from infra.caller import founders_of, profile_of, target_of
from infra.deploy import deploy
from infra.destroy import destroy
from infra.errors import StepFailed
from infra.platform.database_protection import demand_unprotected
from infra.platform.servers import delete_platform, ensure_platform, state_bucket_of
from infra.release.found import Finder
from infra.release.lock import unlock
from infra.release.preflight import confirm_caller, confirm_room
from infra.release.source import check_out
from infra.release.state import Deployed, StateBucket
from infra.stage import Stage, read_stage
from infra.steps import Step, run_steps
from infra.target import Platform, Target
from infra.watch.alarms import ensure_recipient

REPOSITORY = Path(__file__).resolve().parents[1]
_LOCAL = REPOSITORY / ".local"
CACHE = _LOCAL / "cache"
_INTERRUPTED = 130  # as a shell says it

Given = argparse.Namespace


def _deploy(given: Given, target: Target) -> None:
    _release(given, target, source=REPOSITORY, again=f"make deploy STAGE={target.stage}")


def _rollback(given: Given, target: Target) -> None:
    if not given.to:
        raise StepFailed("No release is given.", remedy=f"Name one: make rollback STAGE={target.stage} TO=v1.2.3")
    source = check_out(REPOSITORY, given.to, cache=CACHE)
    _release(given, target, source=source, again=f"make rollback STAGE={target.stage} TO={given.to}")


def _release(given: Given, target: Target, *, source: Path, again: str) -> None:
    stage = read_stage(source, target.stage)
    again += f" PROFILE={given.profile}" if given.profile else ""
    founders = founders_of(os.environ)
    found: list[Platform] = []

    def platform() -> None:
        profile = profile_of(target.stage, chosen=given.profile)
        found.append(ensure_platform(target, profile=profile, given=os.environ, say=_say))

    def release() -> str:
        deployed = deploy(
            target,
            found[0],
            source=source,
            work=_work(target),
            cache=CACHE,
            say=_say,
            founders=founders,
            again=again,
        )
        return deployed.api_url

    def recipient() -> str:
        if not os.environ.get("ALARM_EMAIL"):
            return "nobody: give ALARM_EMAIL, so that somebody hears of them"
        ensure_recipient(target, os.environ["ALARM_EMAIL"])
        return os.environ["ALARM_EMAIL"]

    steps = [
        Step("preflight", lambda: _preflight(target, stage, source / LOCK)),
        Step("platform", platform),
        Step("release", release),
        Step("who is told of alarms", recipient),
    ]
    run_steps(steps, say=_say, again=again)


def _preflight(target: Target, stage: Stage, lock: Path) -> str:
    """What would fail after an hour of making servers fails now. Nothing is changed."""
    caller = confirm_caller(sts=target.client("sts"))
    confirm_room(stage, client=target.client("lambda"), functions=_deployed(target).function_arns.values())
    runtime = our_runtime(stage.architecture)
    vendor(lock, runtime, cache=CACHE)
    return f"{caller}; {runtime.name} on {runtime.architecture}"


def _deployed(target: Target) -> Deployed:
    bucket = state_bucket_of(target)
    recorded = StateBucket(target.client("s3"), bucket, target.stage).load() if bucket else Deployed([])
    return Finder.of(target).find(recorded)


def _destroy(given: Given, target: Target) -> None:
    if given.confirm != target.stage:
        raise StepFailed(
            f"This deletes the stage {target.stage!r} with its databases, queues and logs.",
            remedy=f"If that is meant: make destroy STAGE={target.stage} CONFIRM={target.stage}",
        )
    again = f"make destroy STAGE={target.stage} CONFIRM={target.stage}"

    def check() -> str:
        caller = confirm_caller(sts=target.client("sts"))
        demand_unprotected(target.client("rds"), stage=target.stage, region=target.region)
        return caller

    def release() -> None:
        destroy(target, state_bucket=state_bucket_of(target), work=_work(target), say=_say, again=again)

    def platform() -> None:
        delete_platform(target, say=_say)

    run_steps([Step("check", check), Step("release", release), Step("platform", platform)], say=_say, again=again)


def _unlock(_given: Given, target: Target) -> None:
    bucket = state_bucket_of(target)
    if bucket:
        unlock(s3=target.client("s3"), bucket=bucket, stage=target.stage)
    print(f"Nobody holds the stage {target.stage!r}.")


def _say(text: str) -> None:
    """At once: what is read through a pipe, such as CI's, would come after an hour, all together."""
    print(text, flush=True)


def _work(target: Target) -> Path:
    return _LOCAL / "deploy" / target.stage


_COMMANDS: Mapping[str, Callable[[Given, Target], None]] = {
    "deploy": _deploy,
    "rollback": _rollback,
    "destroy": _destroy,
    "unlock": _unlock,
}


def main() -> int:
    """Run one command; the exit status is 0 only when it did what it says."""
    parser = argparse.ArgumentParser(prog="python -m infra", description=__doc__)
    parser.add_argument("command", choices=_COMMANDS)
    parser.add_argument("--stage", default="")
    parser.add_argument("--profile", default="", help="the sizes of the servers: small or production")
    parser.add_argument("--to", default="", help="the release that rollback goes back to")
    parser.add_argument("--confirm", default="", help="the stage's name once more, where data is lost")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: whoever is ended gives the stage's lock back
    try:
        _COMMANDS[given.command](given, target_of(os.environ, stage=given.stage))
    except (StepFailed, ClientError, BotoCoreError) as error:
        print(error, *getattr(error, "__notes__", ()), sep="\n", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupt:
        print("Interrupted.", *getattr(interrupt, "__notes__", ()), sep="\n", file=sys.stderr)
        return _INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
