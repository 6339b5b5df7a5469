"""Reads templates and their versions; what is archived is not there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.catalog import DescribedVersion, Template, VersionHead
from chalicelib.errors import NotFound
from chalicelib.services.describe_version import describe_version
from chalicelib.services.ports import CompiledTemplates, Versions


class TemplateHeads(Protocol):
    def find(self, code: str) -> Template | None: ...


class TemplateLists(Protocol):
    def newest(self, *, before: int | None, limit: int) -> Sequence[Template]:
        """Up to `limit` templates in lower positions than `before`, the newest first."""
        ...


class VersionLists(Protocol):
    def newest_versions(self, code: str, *, before: int | None, limit: int) -> Sequence[VersionHead]:
        """Up to `limit` versions with lower numbers than `before`, the highest first."""
        ...


@dataclass(frozen=True, slots=True)
class TemplatePage:
    """Some templates; `more` tells whether others follow the last one."""

    templates: tuple[Template, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class VersionPage:
    """Some versions; `more` tells whether others follow the last one."""

    versions: tuple[VersionHead, ...]
    more: bool


def find_template(code: str, *, templates: TemplateHeads) -> Template:
    """The template. Raises: NotFound, DatabaseUnavailable."""
    template = templates.find(code)
    if template is None:
        raise NotFound("There is no such template.", code="template_not_found")
    return template


def list_templates(*, before: int | None, limit: int, templates: TemplateLists) -> TemplatePage:
    """At most `limit` templates in lower positions than `before`. Raises: DatabaseUnavailable."""
    found = templates.newest(before=before, limit=limit + 1)
    return TemplatePage(templates=tuple(found[:limit]), more=len(found) > limit)


def list_versions(
    code: str, *, before: int | None, limit: int, templates: TemplateHeads, versions: VersionLists
) -> VersionPage:
    """At most `limit` versions with lower numbers than `before`. Raises: NotFound, DatabaseUnavailable."""
    find_template(code, templates=templates)
    found = versions.newest_versions(code, before=before, limit=limit + 1)
    return VersionPage(versions=tuple(found[:limit]), more=len(found) > limit)


def find_version(
    code: str, number: int, *, templates: TemplateHeads, versions: Versions, compiled: CompiledTemplates
) -> DescribedVersion:
    """The version with what it says. Raises: NotFound, DatabaseUnavailable."""
    template = find_template(code, templates=templates)
    described = describe_version(code, number, versions=versions, compiled=compiled, revision=template.revision)
    if described is None:
        raise NotFound("There is no such template version.", code="template_version_not_found")
    return described
