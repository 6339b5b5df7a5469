"""Releases to deploy one after the other: the tree as it is, and one that comes after it."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from offline.stack.layout import REPOSITORY

TITLE = "Carillon of the next release"
HEADER = "X-Release"
REVISIONS: Mapping[str, tuple[str, str]] = {
    "users": ("u9001", "ALTER TABLE users.users ADD COLUMN of_the_next_release text"),
    "templates": ("t9001", "CREATE TABLE templates.of_the_next_release (id uuid PRIMARY KEY)"),
    "notifications": (
        "n9001",
        "ALTER TABLE notifications.deliveries ADD COLUMN of_the_next_release integer NOT NULL DEFAULT 0",
    ),
}
"""What the next release adds to each store: its revision, and the statement."""

_SHIPPED = ("chalicelib", ".chalice")
_FILES = ("app.py", "requirements.txt")
_MIGRATION = '''"""Added by the next release."""

from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    op.execute("{statement}")
'''


def next_release(folder: Path) -> Path:
    """A copy of the tree in which the API, the workers and each store's schema are one step further."""
    entitled_release(folder)
    automatic = r'"Auto-Submitted: auto-generated\r\n"'
    _replace(folder / "chalicelib/channels/email/mime.py", automatic, rf'{automatic} "{HEADER}: next\r\n"')
    for store, (revision, statement) in REVISIONS.items():
        migrations = folder / "chalicelib" / "migrations" / store
        newest = max(file.stem.partition("_")[0] for file in migrations.glob("[a-z]0*.py"))
        text = _MIGRATION.format(revision=revision, before=newest, statement=statement)
        (migrations / f"{revision}_next.py").write_text(text)
    return folder


def entitled_release(folder: Path) -> Path:
    """A copy of the tree that differs by the title of its API alone."""
    for part in _SHIPPED:
        shutil.copytree(REPOSITORY / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in _FILES:
        shutil.copy(REPOSITORY / file, folder)
    interface = folder / "chalicelib" / "openapi.json"
    document = json.loads(interface.read_text())
    document["info"]["title"] = TITLE
    interface.write_text(json.dumps(document))
    return folder


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, f"{file} has not one {old}"
    file.write_text(text.replace(old, new))
