"""Adds a template with its first version, once everything it says is known to compile."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.catalog import (
    DescribedVersion,
    NewTemplate,
    Template,
    TemplateVersion,
    VersionStatus,
)
from chalicelib.services.check_contents import check_contents
from chalicelib.services.load_partials import PartialVersions
from chalicelib.services.ports import Clock


@dataclass(frozen=True, slots=True)
class CreateTemplate:
    template: NewTemplate
    by: Actor


class NewTemplates(Protocol):
    def insert(self, template: NewTemplate, *, includes: Mapping[str, int], audit: NewAudit) -> Template:
        """Store a template with version 1 as a draft. Raises: Conflict when the code is taken."""
        ...


def create_template(
    command: CreateTemplate, *, templates: NewTemplates, versions: PartialVersions, clock: Clock
) -> tuple[Template, DescribedVersion]:
    """The template and its version 1, a draft, as stored.

    Raises:
        InvalidRequest: a content does not compile or is not safe, a channel and locale stand there twice, a channel
            lacks the default locale, a part or a partial is missing. Nothing was stored.
        Conflict: the code is in use, be it by an archived template.
        DatabaseUnavailable: nothing was stored, or it is not known whether it was.
    """
    wanted = command.template
    checked = check_contents(
        wanted.contents,
        code=wanted.code,
        kind=wanted.kind,
        default_locale=wanted.default_locale,
        default_locale_at="/default_locale",
        versions=versions,
    )
    audit = new_audit(command.by, "template.created", f"template:{wanted.code}", at=clock(), kind=wanted.kind)
    template = templates.insert(replace(wanted, contents=checked.contents), includes=checked.includes, audit=audit)
    version = TemplateVersion(
        template_code=template.code,
        number=template.latest_version,
        status=VersionStatus.DRAFT,
        published_at=None,
        created_at=template.created_at,
        updated_at=template.updated_at,
        contents=checked.contents,
        default_locale=template.default_locale,
        includes=checked.includes,
    )
    return template, DescribedVersion(version, checked.variables, template.revision)
