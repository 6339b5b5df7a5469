"""Files that hold secrets, and folders another user must reach."""

import os
from pathlib import Path


def write_private(path: Path, text: str, *, owner: int | None = None) -> None:
    """Replace a file in one step with one that only its owner can read; a reader sees the old text or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    if owner is not None:
        os.chown(draft, owner, owner)
    draft.replace(path)


def passable(folder: Path) -> bool:
    """Say whether every user may pass through this folder and all above it; what is not made yet is left out."""
    real = folder.resolve()
    return all(place.stat().st_mode & 0o001 for place in (real, *real.parents) if place.exists())
