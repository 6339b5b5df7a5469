"""Templates in PostgreSQL, without their versions."""

from collections.abc import Mapping, Sequence

import psycopg
from psycopg.rows import class_row

from chalicelib.domain.audit import NewAudit
from chalicelib.domain.catalog import (
    NewTemplate,
    Template,
    TemplateChanges,
    TemplateField,
    TemplateHead,
)
from chalicelib.errors import Conflict, Flaw, InvalidRequest
from chalicelib.stores.audit import write_audit
from chalicelib.stores.postgres import Database
from chalicelib.stores.template_heads import find_head, lock_head
from chalicelib.stores.template_versions import write_version

FIRST = 1

_INSERT = """
    INSERT INTO templates.templates (code, name, kind, category, default_locale)
    VALUES (%(code)s, %(name)s, %(kind)s, %(category)s, %(default_locale)s)
    RETURNING code, name, kind, category, default_locale, published_version, %(number)s AS latest_version, revision,
              created_at, updated_at, position
"""

_NEWEST = """
    SELECT code, name, kind, category, default_locale, published_version,
           (SELECT max(number) FROM templates.versions WHERE template_code = code) AS latest_version,
           revision, created_at, updated_at, position
      FROM templates.templates
     WHERE archived_at IS NULL AND position < %(before)s
     ORDER BY position DESC
     LIMIT %(limit)s
"""

_UPDATE = """
    UPDATE templates.templates
       SET name = %(name)s, category = %(category)s, default_locale = %(default_locale)s,
           revision = revision + 1, updated_at = now()
     WHERE code = %(code)s
    RETURNING code, name, kind, category, default_locale, published_version, %(latest_version)s AS latest_version,
              revision, created_at, updated_at, position
"""

_FIND_CHANNELS_WITHOUT = """
    SELECT channel FROM templates.contents
     WHERE template_code = %(code)s AND number = %(number)s
     GROUP BY channel HAVING NOT bool_or(locale = %(locale)s)
     ORDER BY channel
"""

_ARCHIVE = """
    UPDATE templates.templates SET archived_at = now(), revision = revision + 1, updated_at = now()
     WHERE code = %(code)s
"""

_FIND_PUBLISHED = """
    SELECT code, category, default_locale, published_version, archived_at IS NOT NULL AS archived
      FROM templates.templates
     WHERE code = %(code)s AND kind = 'notification'
"""

_BEFORE_ALL = 2**63 - 1


class TemplateStore:
    """Every change is one transaction, audit entry included. Raises DatabaseUnavailable when it cannot be made."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def insert(self, template: NewTemplate, *, includes: Mapping[str, int], audit: NewAudit) -> Template:
        """Store a template with version 1 as a draft.

        Raises:
            Conflict: the code is in use, be it by an archived template.
        """
        head = {
            "code": template.code,
            "name": template.name,
            "kind": template.kind,
            "category": template.category,
            "default_locale": template.default_locale,
            "number": FIRST,
        }
        with self._database.session() as connection, connection.transaction():
            cursor = connection.cursor(row_factory=class_row(Template))
            try:
                stored = cursor.execute(_INSERT, head).fetchall()[0]
            except psycopg.errors.UniqueViolation as error:
                raise Conflict("This template code is in use already.", code="template_code_taken") from error
            write_version(
                connection, stored.code, FIRST, template.contents, locale=template.default_locale, includes=includes
            )
            write_audit(connection, "templates", audit)
        return stored

    def find(self, code: str) -> Template | None:
        """The template, unless it is archived."""
        with self._database.session() as connection:
            return find_head(connection, code)

    def newest(self, *, before: int | None, limit: int) -> Sequence[Template]:
        """Up to `limit` templates in lower positions than `before`, the newest first; none that is archived."""
        page = {"before": _BEFORE_ALL if before is None else before, "limit": limit}
        with self._database.session() as connection:
            return connection.cursor(row_factory=class_row(Template)).execute(_NEWEST, page).fetchall()

    def update(
        self, code: str, changes: TemplateChanges, *, if_match: frozenset[int] | None, audit: NewAudit
    ) -> Template:
        """Change a template, and return it as it is then. What it is already is no change.

        Raises:
            NotFound: there is none.
            PreconditionFailed: it has another revision.
            InvalidRequest: the version in use, or else the latest, lacks the new default locale.
        """
        with self._database.session() as connection, connection.transaction():
            head = lock_head(connection, code, if_match=if_match)
            wanted = {
                "name": changes.name if TemplateField.NAME in changes.given else head.name,
                "category": changes.category if TemplateField.CATEGORY in changes.given else head.category,
                "default_locale": changes.default_locale
                if TemplateField.DEFAULT_LOCALE in changes.given
                else head.default_locale,
            }
            if wanted == {"name": head.name, "category": head.category, "default_locale": head.default_locale}:
                return head
            if wanted["default_locale"] != head.default_locale:
                _require_locale(connection, head, changes.default_locale)
            write_audit(connection, "templates", audit)
            row = {"code": code, "latest_version": head.latest_version, **wanted}
            return connection.cursor(row_factory=class_row(Template)).execute(_UPDATE, row).fetchall()[0]

    def archive(self, code: str, *, if_match: frozenset[int] | None, audit: NewAudit) -> None:
        """Let nothing more be made of a template; its code stays taken and its versions stay readable to deliveries.

        Raises:
            NotFound: there is none.
            PreconditionFailed: it has another revision.
        """
        with self._database.session() as connection, connection.transaction():
            lock_head(connection, code, if_match=if_match)
            connection.execute(_ARCHIVE, {"code": code})
            write_audit(connection, "templates", audit)

    def find_published(self, code: str) -> TemplateHead | None:
        """What acceptance needs to know of a template; None for a partial, which is never sent."""
        with self._database.session() as connection:
            rows = connection.cursor(row_factory=class_row(TemplateHead)).execute(_FIND_PUBLISHED, {"code": code})
            return next(iter(rows.fetchall()), None)


def _require_locale(connection: psycopg.Connection, head: Template, locale: str) -> None:
    number = head.published_version or head.latest_version
    place = {"code": head.code, "number": number, "locale": locale}
    flaws = [
        Flaw("/default_locale", f"{channel} of version {number} has no content in {locale}")
        for (channel,) in connection.execute(_FIND_CHANNELS_WITHOUT, place).fetchall()
    ]
    if flaws:
        raise InvalidRequest("The template lacks this locale.", code="default_locale_missing", flaws=flaws)
