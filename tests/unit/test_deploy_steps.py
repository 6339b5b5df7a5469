"""What a person reads while deploying, and when something goes wrong."""

import pytest

from infra.errors import StepFailed
from infra.steps import Step, run_steps


def fail() -> None:
    raise StepFailed("The broker is away.", remedy="Start it.")


def test_each_step_is_named_before_it_runs_and_told_when_it_is_done() -> None:
    said: list[str] = []

    run_steps([Step("build", lambda: "3 files"), Step("upload", lambda: None)], say=said.append, again="make deploy")

    assert [line.partition(" (")[0] for line in said] == ["build …", "build: 3 files", "upload …", "upload: done"]


def test_a_failure_says_what_was_done_what_was_not_and_how_to_go_on() -> None:
    steps = [Step("build", lambda: None), Step("migrate", fail), Step("mappings", lambda: None)]

    with pytest.raises(StepFailed, match=r"The broker is away.\nStart it.") as failure:
        run_steps(steps, say=lambda _text: None, again="make deploy STAGE=dev")

    (account,) = failure.value.__notes__
    assert account.splitlines() == [
        "Done:     build",
        "Failed:   migrate",
        "Not done: mappings",
        "Nothing has to be undone. Mend the cause, then go on with: make deploy STAGE=dev",
    ]


def test_so_does_somebody_who_interrupts() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as interruption:
        run_steps([Step("build", interrupted)], say=lambda _text: None, again="make deploy")

    assert "Failed:   build" in interruption.value.__notes__[0]
