"""Templates in PostgreSQL: the head, its versions, and what each version says."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from chalicelib.domain.catalog import NewTemplate, Template, TemplateHead, TemplateVersion, VersionStatus
from chalicelib.domain.content import Content, EmailContent, PushContent
from chalicelib.domain.notification import Channel
from chalicelib.errors import Conflict
from chalicelib.stores.postgres import Database

FIRST = 1

_INSERT_TEMPLATE = """
    INSERT INTO templates.templates (code, name, category, default_locale)
    VALUES (%(code)s, %(name)s, %(category)s, %(default_locale)s)
    RETURNING code, name, category, default_locale, published_version, %(number)s AS latest_version, revision,
              created_at, updated_at
"""

_INSERT_VERSION = """
    INSERT INTO templates.versions (template_code, number, status) VALUES (%(code)s, %(number)s, 'draft')
"""

_INSERT_CONTENT = """
    INSERT INTO templates.contents (template_code, number, channel, locale, parts)
    VALUES (%(code)s, %(number)s, %(channel)s, %(locale)s, %(parts)s)
"""

_LOCK_HEAD = """
    SELECT published_version FROM templates.templates
     WHERE code = %(code)s AND archived_at IS NULL
       FOR UPDATE
"""

_PUBLISH_VERSION = """
    UPDATE templates.versions SET status = 'published', published_at = now(), updated_at = now()
     WHERE template_code = %(code)s AND number = %(number)s
    RETURNING number
"""

_RETIRE_VERSION = """
    UPDATE templates.versions SET status = 'retired', updated_at = now()
     WHERE template_code = %(code)s AND number = %(number)s
"""

_POINT_HEAD = """
    UPDATE templates.templates SET published_version = %(number)s, revision = revision + 1, updated_at = now()
     WHERE code = %(code)s
"""

_FIND_PUBLISHED = """
    SELECT code, category, default_locale, published_version, archived_at IS NOT NULL AS archived
      FROM templates.templates
     WHERE code = %(code)s
"""

_LOAD_VERSION = """
    SELECT versions.status, versions.published_at, versions.created_at, versions.updated_at,
           contents.channel, contents.locale, contents.parts
      FROM templates.versions
      JOIN templates.contents USING (template_code, number)
     WHERE versions.template_code = %(code)s AND versions.number = %(number)s
     ORDER BY contents.channel, contents.locale
"""


class TemplateStore:
    """Every change is one transaction. Raises DatabaseUnavailable when it cannot be made."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def insert(self, template: NewTemplate) -> tuple[Template, TemplateVersion]:
        """Store a template with version 1 as a draft, and return both as stored.

        Raises:
            Conflict: the code is in use.
        """
        head = {
            "code": template.code,
            "name": template.name,
            "category": template.category,
            "default_locale": template.default_locale,
            "number": FIRST,
        }
        version = {"code": template.code, "number": FIRST}
        with self._database.session() as connection, connection.transaction():
            cursor = connection.cursor(row_factory=class_row(Template))
            try:
                stored = cursor.execute(_INSERT_TEMPLATE, head).fetchall()[0]
            except psycopg.errors.UniqueViolation as error:
                raise Conflict("This template code is in use already.", code="template_code_taken") from error
            connection.execute(_INSERT_VERSION, version)
            cursor.executemany(_INSERT_CONTENT, [version | _packed(content) for content in template.contents])
        version_1 = TemplateVersion(
            template_code=template.code,
            number=FIRST,
            status=VersionStatus.DRAFT,
            published_at=None,
            created_at=stored.created_at,
            updated_at=stored.updated_at,
            contents=template.contents,
        )
        return stored, version_1

    def publish(self, code: str, number: int) -> bool:
        """Make this the version in use and retire the former one, at once. False when there is no such version.

        One at a time for each template. Publishing what is in use already changes nothing.
        """
        version = {"code": code, "number": number}
        with self._database.session() as connection, connection.transaction():
            heads = connection.execute(_LOCK_HEAD, version).fetchall()
            if not heads:
                return False
            (published,) = heads[0]
            if published == number:
                return True
            if not connection.execute(_PUBLISH_VERSION, version).fetchall():
                return False
            connection.execute(_RETIRE_VERSION, {"code": code, "number": published})
            connection.execute(_POINT_HEAD, version)
        return True

    def find_published(self, code: str) -> TemplateHead | None:
        """What acceptance needs to know of a template."""
        with self._database.session() as connection:
            rows = connection.cursor(row_factory=class_row(TemplateHead)).execute(_FIND_PUBLISHED, {"code": code})
            return next(iter(rows.fetchall()), None)

    def load_version(self, code: str, number: int) -> TemplateVersion | None:
        """One version with all its contents, by channel and locale."""
        with self._database.session() as connection:
            rows = connection.execute(_LOAD_VERSION, {"code": code, "number": number}).fetchall()
        if not rows:
            return None
        status, published_at, created_at, updated_at = rows[0][:4]
        return TemplateVersion(
            template_code=code,
            number=number,
            status=VersionStatus(status),
            published_at=published_at,
            created_at=created_at,
            updated_at=updated_at,
            contents=tuple(_unpacked(channel, locale, parts) for *_, channel, locale, parts in rows),
        )


def _packed(content: Content) -> dict[str, object]:
    parts = {name: value for name, value in asdict(content).items() if name != "locale"}
    return {"channel": content.channel, "locale": content.locale, "parts": Jsonb(parts)}


def _unpacked(channel: str, locale: str, parts: Mapping[str, Any]) -> Content:  # JSON that _packed wrote, hence Any
    kind = EmailContent if channel == Channel.EMAIL else PushContent
    return kind(locale=locale, **parts)
