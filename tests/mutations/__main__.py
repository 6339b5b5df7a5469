"""Takes each guard away and runs the test that must notice: `python -m tests.mutations [a part of a name] …`

Ends with an error if a mutation survives. A test that fails anyway proves nothing: all of them are run on the code as
it is first.
"""

import sys
import time
from pathlib import Path

from tests.mutations.catalogue import MUTATIONS, Mutation
from tests.mutations.tree import Verdict, copied, mutated, run


def main(wanted: list[str]) -> int:
    mutations = [one for one in MUTATIONS if not wanted or any(part in one.name for part in wanted)]
    with copied() as root:
        tests = list(dict.fromkeys(one.test for one in mutations))
        sound = run(root, tests)
        if sound.failed or sound.passed < len(tests):
            sys.stdout.write(sound.said)
            return 1
        survivors = [one for one in mutations if not _notices(root, one)]
    sys.stdout.write(f"\n{len(mutations)} mutations, {len(survivors)} survived\n")
    return 1 if survivors else 0


def _notices(root: Path, mutation: Mutation) -> bool:
    began_s = time.monotonic()
    with mutated(root, mutation):
        verdict = run(root, [mutation.test])
    word = "noticed" if verdict.failed else "SURVIVED"
    sys.stdout.write(f"{word:8}  {time.monotonic() - began_s:5.0f} s  {mutation.name}: {mutation.test}\n")
    sys.stdout.flush()
    if not verdict.failed:
        sys.stdout.write(_last_words(verdict))
    return bool(verdict.failed)


def _last_words(verdict: Verdict) -> str:
    return "\n".join(verdict.said.splitlines()[-15:]) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
