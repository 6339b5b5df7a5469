"""Templates as they are kept: a named line of numbered versions, of which at most one is published.

A version is written once. Publishing changes which version is used, never what a version says.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.content import Content


class VersionStatus(StrEnum):
    """`retired` was published once; it can be published again, which is the rollback."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class TemplateHead:
    """What acceptance needs to know of a template."""

    code: str
    category: str | None
    default_locale: str
    published_version: int | None
    archived: bool


@dataclass(frozen=True, slots=True)
class Template:
    code: str
    name: str
    category: str | None
    default_locale: str
    published_version: int | None
    latest_version: int
    revision: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """One version with everything it says."""

    template_code: str
    number: int
    status: VersionStatus
    published_at: datetime | None
    created_at: datetime
    updated_at: datetime
    contents: tuple[Content, ...]


@dataclass(frozen=True, slots=True)
class NewTemplate:
    """A template to be stored, together with its first version."""

    code: str
    name: str
    category: str | None
    default_locale: str
    contents: tuple[Content, ...]
