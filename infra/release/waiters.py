"""Makes botocore's waiters for Lambda ask more often.

Chalice waits for each function twice. Lambda is done with it within a second or so, and botocore asks every five: for
ten functions these are minutes, in which some run the new release and some the old one.
"""

import json
from pathlib import Path

from botocore.loaders import Loader  # type: ignore[import-untyped]

EVERY_S = 1
_KIND = "waiters-2"


def write_waiters(folder: Path) -> Path:
    """Return a folder for AWS_DATA_PATH, below `folder`: botocore's own waiters, as patient as before."""
    waiters = Loader().load_service_model("lambda", _KIND)
    for waiter in waiters["waiters"].values():
        waiter["maxAttempts"] = waiter["maxAttempts"] * waiter["delay"] // EVERY_S
        waiter["delay"] = EVERY_S
    path = folder / "botocore" / "lambda" / Loader().determine_latest_version("lambda", _KIND) / f"{_KIND}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(waiters))
    return folder / "botocore"
