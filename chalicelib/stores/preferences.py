"""What people want to get, in PostgreSQL: always the latest word."""

from collections.abc import Collection, Mapping
from datetime import time
from typing import LiteralString
from uuid import UUID

from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb

from chalicelib.domain.audit import NewAudit
from chalicelib.domain.notification import Channel
from chalicelib.domain.preferences import Preferences, PreferencesRecord, QuietHours
from chalicelib.errors import NotFound, PreconditionFailed
from chalicelib.stores.audit import write_audit
from chalicelib.stores.postgres import Database

_FIND: LiteralString = """
    SELECT u.id AS user_id, u.timezone, p.channels, p.categories, p.quiet_start, p.quiet_end,
           coalesce(p.revision, 0) AS revision
      FROM users.users u LEFT JOIN users.preferences p ON p.user_id = u.id
     WHERE u.id = ANY (%(user_ids)s)
"""

_HOLD_USER: LiteralString = "SELECT FROM users.users WHERE id = %(user_id)s FOR KEY SHARE"

# Who has said nothing yet is at revision 0; a row that appears meanwhile is judged by its own revision.
_REPLACE: LiteralString = """
    INSERT INTO users.preferences AS known (user_id, channels, categories, quiet_start, quiet_end)
    SELECT %(user_id)s, %(channels)s, %(categories)s, %(quiet_start)s, %(quiet_end)s
     WHERE %(if_match)s::bigint[] IS NULL OR 0 = ANY (%(if_match)s)
           OR EXISTS (SELECT FROM users.preferences WHERE user_id = %(user_id)s)
    ON CONFLICT (user_id) DO UPDATE
       SET channels = excluded.channels, categories = excluded.categories, quiet_start = excluded.quiet_start,
           quiet_end = excluded.quiet_end, revision = known.revision + 1, updated_at = now()
     WHERE %(if_match)s::bigint[] IS NULL OR known.revision = ANY (%(if_match)s)
    RETURNING revision
"""

Flags = Mapping[str, bool]


class PreferencesStore:
    """Raises DatabaseUnavailable when a statement cannot be run."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def find_all(self, user_ids: Collection[UUID]) -> Mapping[UUID, PreferencesRecord]:
        """What each of these people wants; who does not exist is missing."""
        with self._database.session() as connection:
            cursor = connection.cursor(row_factory=kwargs_row(_record)).execute(_FIND, {"user_ids": list(user_ids)})
            return dict(cursor)

    def replace(
        self, user_id: UUID, preferences: Preferences, *, if_match: frozenset[int] | None, audit: NewAudit
    ) -> int:
        """Store what a person wants from now on, and return its revision. The time zone is not part of it.

        Raises:
            NotFound: there is no such person.
            PreconditionFailed: the stored revision is none of `if_match`.
        """
        quiet = preferences.quiet_hours
        parameters = {
            "user_id": user_id,
            "channels": Jsonb(preferences.channels),
            "categories": Jsonb(preferences.categories),
            "quiet_start": None if quiet is None else quiet.start,
            "quiet_end": None if quiet is None else quiet.end,
            "if_match": None if if_match is None else list(if_match),
        }
        with self._database.session() as connection, connection.transaction():
            if connection.execute(_HOLD_USER, parameters).fetchone() is None:
                raise NotFound("There is no such user.", code="user_not_found")
            row = connection.execute(_REPLACE, parameters).fetchone()
            if row is None:
                raise PreconditionFailed("The preferences have changed since you read them.")
            write_audit(connection, "users", audit)
        return int(row[0])


def _record(
    *,
    user_id: UUID,
    timezone: str,
    channels: Flags | None,
    categories: Mapping[str, Flags] | None,
    quiet_start: time | None,
    quiet_end: time | None,
    revision: int,
) -> tuple[UUID, PreferencesRecord]:
    quiet = None if quiet_start is None or quiet_end is None else QuietHours(quiet_start, quiet_end)
    preferences = Preferences(
        channels=_by_channel(channels or {}),
        categories={category: _by_channel(flags) for category, flags in (categories or {}).items()},
        quiet_hours=quiet,
        timezone=timezone,
    )
    return user_id, PreferencesRecord(preferences, revision)


def _by_channel(flags: Flags) -> Mapping[Channel, bool]:
    return {Channel(channel): wanted for channel, wanted in flags.items()}
