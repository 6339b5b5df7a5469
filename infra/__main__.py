"""The commands behind make deploy, destroy and rollback: python -m infra COMMAND --stage STAGE."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from infra.caller import founders_of, profile_of, target_of
from infra.errors import StepFailed
from infra.platform.servers import ensure_platform, state_bucket_of
from infra.release.lock import unlock
from infra.release.source import check_out
from infra.rollout import Rollout
from infra.stage import read_stage
from infra.target import Target
from infra.teardown import tear_down

REPOSITORY = Path(__file__).resolve().parents[1]
_LOCAL = REPOSITORY / ".local"
CACHE = _LOCAL / "cache"
_INTERRUPTED = 130  # as a shell says it

Given = argparse.Namespace


def _deploy(given: Given, target: Target) -> None:
    _roll_out(given, target, source=REPOSITORY, again=f"make deploy STAGE={target.stage}")


def _rollback(given: Given, target: Target) -> None:
    if not given.to:
        raise StepFailed("No release is given.", remedy=f"Name one: make rollback STAGE={target.stage} TO=v1.2.3")
    source = check_out(REPOSITORY, given.to, cache=CACHE)
    _roll_out(given, target, source=source, again=f"make rollback STAGE={target.stage} TO={given.to}")


def _roll_out(given: Given, target: Target, *, source: Path, again: str) -> None:
    profile = profile_of(target.stage, chosen=given.profile)
    rollout = Rollout(
        target=target,
        source=source,
        stage=read_stage(source, target.stage),
        make_platform=lambda: ensure_platform(target, profile=profile, given=os.environ, say=_say),
        founders=founders_of(os.environ),
        alarm_email=os.environ.get("ALARM_EMAIL"),
        work=_work(target),
        cache=CACHE,
        say=_say,
        again=f"{again} PROFILE={given.profile}" if given.profile else again,
    )
    rollout.run()


def _destroy(given: Given, target: Target) -> None:
    if given.confirm != target.stage:
        raise StepFailed(
            f"This deletes the stage {target.stage!r} with its databases, queues and logs.",
            remedy=f"If that is meant: make destroy STAGE={target.stage} CONFIRM={target.stage}",
        )
    tear_down(target, work=_work(target), say=_say, again=f"make destroy STAGE={target.stage} CONFIRM={target.stage}")


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
