"""What every change of a template begins with: its row, locked until the change is over."""

import psycopg
from psycopg.rows import class_row

from chalicelib.domain.catalog import Template
from chalicelib.errors import NotFound, PreconditionFailed

_LOCK = """
    SELECT 1 FROM templates.templates WHERE code = %(code)s AND archived_at IS NULL FOR UPDATE
"""

_FIND = """
    SELECT code, name, kind, category, default_locale, published_version,
           (SELECT max(number) FROM templates.versions WHERE template_code = code) AS latest_version,
           revision, created_at, updated_at, position
      FROM templates.templates
     WHERE code = %(code)s AND archived_at IS NULL
"""


def find_head(connection: psycopg.Connection, code: str) -> Template | None:
    """The template, unless it is archived."""
    rows = connection.cursor(row_factory=class_row(Template)).execute(_FIND, {"code": code})
    return next(iter(rows.fetchall()), None)


def lock_head(connection: psycopg.Connection, code: str, *, if_match: frozenset[int] | None) -> Template:
    """The template as it is now, and stays until the transaction ends: nobody else changes it meanwhile.

    Raises:
        NotFound: there is none, or it is archived.
        PreconditionFailed: its revision is none of `if_match`.
    """
    connection.execute(_LOCK, {"code": code})
    head = find_head(connection, code)  # a statement of its own: the lock may have waited for a new version
    if head is None:
        raise NotFound("There is no such template.", code="template_not_found")
    if if_match is not None and head.revision not in if_match:
        raise PreconditionFailed("The template has changed since you read it.")
    return head
