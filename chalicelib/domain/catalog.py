"""Templates as they are kept: a named line of numbered versions, of which at most one is published.

A version is written once. Publishing changes which version is used, never what a version says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.content import Content
from chalicelib.domain.notification import Channel


class TemplateKind(StrEnum):
    """A partial is included or extended by other templates, and never sent itself."""

    NOTIFICATION = "notification"
    PARTIAL = "partial"


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
    """A template without its versions. `revision` grows with every change of it; `position` with every new template."""

    code: str
    name: str
    category: str | None
    default_locale: str
    published_version: int | None
    latest_version: int
    revision: int
    created_at: datetime
    updated_at: datetime
    kind: TemplateKind = TemplateKind.NOTIFICATION
    position: int = 0


@dataclass(frozen=True, slots=True)
class VersionHead:
    """One version without what it says."""

    template_code: str
    number: int
    status: VersionStatus
    published_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """One version with everything it says.

    `includes` are the versions of the partials that it names, by code, and `default_locale` the one that it was made
    with: both stay as they are, so that the version says the same for ever.
    """

    template_code: str
    number: int
    status: VersionStatus
    published_at: datetime | None
    created_at: datetime
    updated_at: datetime
    contents: tuple[Content, ...]
    default_locale: str = ""
    includes: Mapping[str, int] = field(default_factory=dict)


VariablesOf = Mapping[tuple[Channel, str], frozenset[str]]
"""The names that each content cannot be rendered without, by channel and locale."""


@dataclass(frozen=True, slots=True)
class DescribedVersion:
    """A version and the variables it needs, with the revision that its template has now."""

    version: TemplateVersion
    variables: VariablesOf
    revision: int


@dataclass(frozen=True, slots=True)
class NewTemplate:
    """A template to be stored, together with its first version."""

    code: str
    name: str
    category: str | None
    default_locale: str
    contents: tuple[Content, ...]
    kind: TemplateKind = TemplateKind.NOTIFICATION


class TemplateField(StrEnum):
    """What of a template can be changed; all else is in its versions."""

    NAME = "name"
    CATEGORY = "category"
    DEFAULT_LOCALE = "default_locale"


@dataclass(frozen=True, slots=True)
class TemplateChanges:
    """A change of the fields that `given` names; the values of the others mean nothing. None removes a category."""

    given: frozenset[TemplateField]
    name: str = ""
    category: str | None = None
    default_locale: str = ""


def channels_without(locale: str, contents: Iterable[Content]) -> list[Channel]:
    """The channels of these contents that have none in the locale."""
    kept = [*contents]
    served = {content.channel for content in kept if content.locale == locale}
    return sorted({content.channel for content in kept} - served)
