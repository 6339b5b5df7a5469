"""Runs steps one after another, says which one is on, and, when one fails, what was done and how to go on."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Step:
    """`run` may be repeated, also after it died anywhere; what it returns is said at its end."""

    name: str
    run: Callable[[], str | None]


def run_steps(steps: Sequence[Step], *, say: Say, again: str) -> None:
    """Run all of them in this order.

    Raises:
        BaseException: whatever the first step that fails raises, with a note of what was done, what was not, and the
            command `again` that goes on.
    """
    for index, step in enumerate(steps):
        say(f"{step.name} …")
        began_s = time.monotonic()
        try:
            told = step.run()
        except BaseException as error:
            error.add_note(_account(steps, index, again))
            raise
        say(f"{step.name}: {told or 'done'} ({time.monotonic() - began_s:.1f} s)")


def _account(steps: Sequence[Step], failed: int, again: str) -> str:
    names = [step.name for step in steps]
    done, left = names[:failed], names[failed + 1 :]
    return "\n".join(
        (
            f"Done:     {', '.join(done) or 'nothing'}",
            f"Failed:   {names[failed]}",
            f"Not done: {', '.join(left) or 'nothing'}",
            f"Nothing has to be undone. Mend the cause, then go on with: {again}",
        )
    )
