"""Chalice's command, which ends with the process that started it: nobody deploys on behalf of somebody who is gone.

Started by its path and without our folders, so that it imports the application of the project and nothing of ours.
Standard input is a pipe that the other end keeps open for as long as it lives.
"""

import os
import sys
import threading

from chalice.cli import main

_ORPHANED = 75


def _end_with_the_other_end() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(_ORPHANED)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_other_end, daemon=True).start()
    sys.exit(main())
