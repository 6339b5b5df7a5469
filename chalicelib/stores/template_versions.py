"""Versions of templates in PostgreSQL: what each says, and to which partials it is fixed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from chalicelib.domain.audit import NewAudit
from chalicelib.domain.catalog import Template, TemplateVersion, VersionHead, VersionStatus, channels_without
from chalicelib.domain.content import Content, EmailContent, PushContent
from chalicelib.domain.notification import Channel
from chalicelib.errors import Conflict, NotFound
from chalicelib.stores.audit import write_audit
from chalicelib.stores.postgres import Database
from chalicelib.stores.template_heads import lock_head

_INSERT = """
    INSERT INTO templates.versions (template_code, number, status, default_locale)
    VALUES (%(code)s, %(number)s, 'draft', %(locale)s)
"""

_INSERT_CONTENT = """
    INSERT INTO templates.contents (template_code, number, channel, locale, parts)
    VALUES (%(code)s, %(number)s, %(channel)s, %(locale)s, %(parts)s)
"""

_INSERT_INCLUSION = """
    INSERT INTO templates.inclusions (template_code, number, included_code, included_number)
    VALUES (%(code)s, %(number)s, %(included_code)s, %(included_number)s)
"""

_GROW = """
    UPDATE templates.templates SET revision = revision + 1, updated_at = now() WHERE code = %(code)s
"""

_PUBLISH = """
    UPDATE templates.versions SET status = 'published', published_at = now(), updated_at = now()
     WHERE template_code = %(code)s AND number = %(number)s
    RETURNING number
"""

_RETIRE = """
    UPDATE templates.versions SET status = 'retired', updated_at = now()
     WHERE template_code = %(code)s AND number = %(number)s
"""

_POINT_HEAD = """
    UPDATE templates.templates SET published_version = %(number)s, revision = revision + 1, updated_at = now()
     WHERE code = %(code)s
"""

_LOAD = """
    SELECT versions.status, versions.published_at, versions.created_at, versions.updated_at,
           coalesce(versions.default_locale, templates.default_locale),
           (SELECT jsonb_object_agg(included_code, included_number) FROM templates.inclusions
             WHERE inclusions.template_code = %(code)s AND inclusions.number = %(number)s),
           contents.channel, contents.locale, contents.parts
      FROM templates.versions
      JOIN templates.templates ON templates.code = versions.template_code
      JOIN templates.contents USING (template_code, number)
     WHERE versions.template_code = %(code)s AND versions.number = %(number)s
     ORDER BY contents.channel, contents.locale
"""

_NEWEST = """
    SELECT template_code, number, status, published_at, created_at, updated_at
      FROM templates.versions
     WHERE template_code = %(code)s AND number < %(before)s
     ORDER BY number DESC
     LIMIT %(limit)s
"""

_FIND_PUBLISHED_PARTIALS = """
    SELECT code, published_version FROM templates.templates
     WHERE code = ANY(%(codes)s) AND kind = 'partial' AND archived_at IS NULL AND published_version IS NOT NULL
"""

_BEFORE_ALL = 2**31 - 1


class VersionStore:
    """Every change is one transaction, audit entry included. Raises DatabaseUnavailable when it cannot be made."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def add(
        self,
        code: str,
        contents: tuple[Content, ...],
        *,
        includes: Mapping[str, int],
        if_match: frozenset[int] | None,
        audit: NewAudit,
    ) -> Template:
        """Store the next version as a draft; the template as it is then. Its number is the template's latest.

        Raises:
            NotFound: there is no such template.
            PreconditionFailed: it has another revision.
            Conflict: its default locale has changed meanwhile to one that the contents lack.
        """
        with self._database.session() as connection, connection.transaction():
            head = lock_head(connection, code, if_match=if_match)
            if channels_without(head.default_locale, contents):
                raise Conflict("The default locale has changed meanwhile.", code="default_locale_changed")
            number = head.latest_version + 1
            write_version(connection, code, number, contents, locale=head.default_locale, includes=includes)
            connection.execute(_GROW, {"code": code})
            write_audit(connection, "templates", replace(audit, detail={**audit.detail, "version": number}))
            return lock_head(connection, code, if_match=None)

    def publish(self, code: str, number: int, *, if_match: frozenset[int] | None, audit: NewAudit) -> Template:
        """Make this the version in use and retire the former one, at once; the template as it is then.

        One at a time for each template. Publishing what is in use already changes nothing.

        Raises:
            NotFound: there is no such template or version.
            PreconditionFailed: the template has another revision.
        """
        version = {"code": code, "number": number}
        with self._database.session() as connection, connection.transaction():
            head = lock_head(connection, code, if_match=if_match)
            if head.published_version == number:
                return head
            if not connection.execute(_PUBLISH, version).fetchall():
                raise NotFound("There is no such template version.", code="template_version_not_found")
            connection.execute(_RETIRE, {"code": code, "number": head.published_version})
            connection.execute(_POINT_HEAD, version)
            write_audit(connection, "templates", audit)
            return lock_head(connection, code, if_match=None)

    def load_version(self, code: str, number: int) -> TemplateVersion | None:
        """One version with all its contents, by channel and locale; also of a template that is archived."""
        with self._database.session() as connection:
            rows = connection.execute(_LOAD, {"code": code, "number": number}).fetchall()
        if not rows:
            return None
        status, published_at, created_at, updated_at, default_locale, includes = rows[0][:6]
        return TemplateVersion(
            template_code=code,
            number=number,
            status=VersionStatus(status),
            published_at=published_at,
            created_at=created_at,
            updated_at=updated_at,
            contents=tuple(_unpacked(channel, locale, parts) for *_, channel, locale, parts in rows),
            default_locale=default_locale,
            includes=includes or {},
        )

    def newest_versions(self, code: str, *, before: int | None, limit: int) -> Sequence[VersionHead]:
        """Up to `limit` versions with lower numbers than `before`, the highest first."""
        page = {"code": code, "before": _BEFORE_ALL if before is None else before, "limit": limit}
        with self._database.session() as connection:
            return connection.cursor(row_factory=class_row(VersionHead)).execute(_NEWEST, page).fetchall()

    def find_published_partials(self, codes: Collection[str]) -> Mapping[str, int]:
        """The version in use of each of these that is a partial and has one."""
        with self._database.session() as connection:
            return dict(connection.execute(_FIND_PUBLISHED_PARTIALS, {"codes": [*codes]}).fetchall())


def write_version(
    connection: psycopg.Connection,
    code: str,
    number: int,
    contents: Sequence[Content],
    *,
    locale: str,
    includes: Mapping[str, int],
) -> None:
    """Write a draft with all that it says. To be called inside the transaction of the change."""
    version = {"code": code, "number": number}
    connection.execute(_INSERT, {**version, "locale": locale})
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT_CONTENT, [version | _packed(content) for content in contents])
        cursor.executemany(
            _INSERT_INCLUSION,
            [{**version, "included_code": each, "included_number": of} for each, of in includes.items()],
        )


def _packed(content: Content) -> dict[str, object]:
    parts = {name: value for name, value in asdict(content).items() if name != "locale"}
    return {"channel": content.channel, "locale": content.locale, "parts": Jsonb(parts)}


def _unpacked(channel: str, locale: str, parts: Mapping[str, Any]) -> Content:  # JSON that _packed wrote, hence Any
    kind = EmailContent if channel == Channel.EMAIL else PushContent
    return kind(locale=locale, **parts)
