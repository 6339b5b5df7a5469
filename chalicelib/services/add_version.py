"""Adds the next version of a template, a draft, once everything it says is known to compile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.catalog import DescribedVersion, Template
from chalicelib.domain.content import Content
from chalicelib.errors import NotFound
from chalicelib.services.check_contents import check_contents
from chalicelib.services.load_partials import PartialVersions
from chalicelib.services.ports import Clock


@dataclass(frozen=True, slots=True)
class AddVersion:
    """`if_match` holds the revisions of the template that the version is meant for; None means any."""

    code: str
    contents: tuple[Content, ...]
    by: Actor
    if_match: frozenset[int] | None = None


class TemplatesToExtend(Protocol):
    def find(self, code: str) -> Template | None: ...


class NewVersions(PartialVersions, Protocol):
    def add(
        self,
        code: str,
        contents: tuple[Content, ...],
        *,
        includes: Mapping[str, int],
        if_match: frozenset[int] | None,
        audit: NewAudit,
    ) -> Template:
        """Store the next version as a draft. Raises: NotFound, PreconditionFailed, Conflict."""
        ...


def add_version(
    command: AddVersion, *, templates: TemplatesToExtend, versions: NewVersions, clock: Clock
) -> DescribedVersion:
    """The version as stored. The partials that it names are fixed to the versions in use at this moment.

    Raises:
        NotFound: there is no such template.
        PreconditionFailed: somebody else changed it meanwhile.
        InvalidRequest: as for a new template. Nothing was stored.
        Conflict: the default locale changed meanwhile to one that these contents lack.
        DatabaseUnavailable: nothing was stored, or it is not known whether it was.
    """
    template = templates.find(command.code)
    if template is None:
        raise NotFound("There is no such template.", code="template_not_found")
    checked = check_contents(
        command.contents,
        code=template.code,
        kind=template.kind,
        default_locale=template.default_locale,
        default_locale_at="/contents",
        versions=versions,
    )
    audit = new_audit(command.by, "template.version_created", f"template:{command.code}", at=clock())
    changed = versions.add(
        command.code, checked.contents, includes=checked.includes, if_match=command.if_match, audit=audit
    )
    version = versions.load_version(command.code, changed.latest_version)
    if version is None:
        raise LookupError("a version that was just stored is gone")
    return DescribedVersion(version, checked.variables, changed.revision)
