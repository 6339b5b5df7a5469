"""Changes what a template has beside its versions, and archives it."""

from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.catalog import Template, TemplateChanges
from chalicelib.services.ports import Clock


@dataclass(frozen=True, slots=True)
class ChangeTemplate:
    """`if_match` holds the revisions that the change is meant for; None means any."""

    code: str
    changes: TemplateChanges
    by: Actor
    if_match: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class ArchiveTemplate:
    """`if_match` holds the revisions that this is meant for; None means any."""

    code: str
    by: Actor
    if_match: frozenset[int] | None = None


class ChangeableTemplates(Protocol):
    def update(
        self, code: str, changes: TemplateChanges, *, if_match: frozenset[int] | None, audit: NewAudit
    ) -> Template:
        """Change a template. Raises: NotFound, PreconditionFailed, InvalidRequest."""
        ...


class ArchivableTemplates(Protocol):
    def archive(self, code: str, *, if_match: frozenset[int] | None, audit: NewAudit) -> None:
        """Let nothing more be made of a template. Raises: NotFound, PreconditionFailed."""
        ...


def change_template(command: ChangeTemplate, *, templates: ChangeableTemplates, clock: Clock) -> Template:
    """The template as stored. What it is already is no change: its revision stays.

    Raises:
        NotFound: there is no such template.
        PreconditionFailed: somebody else changed it meanwhile.
        InvalidRequest: the version in use lacks the new default locale in a channel.
        DatabaseUnavailable: nothing changed, or it is not known whether it did.
    """
    fields = sorted(command.changes.given)
    audit = new_audit(command.by, "template.updated", f"template:{command.code}", at=clock(), fields=fields)
    return templates.update(command.code, command.changes, if_match=command.if_match, audit=audit)


def archive_template(command: ArchiveTemplate, *, templates: ArchivableTemplates, clock: Clock) -> None:
    """Take a template out of use. Its code stays taken; what was accepted before keeps its version.

    Raises:
        NotFound: there is no such template.
        PreconditionFailed: somebody else changed it meanwhile.
        DatabaseUnavailable: nothing changed, or it is not known whether it did.
    """
    audit = new_audit(command.by, "template.archived", f"template:{command.code}", at=clock())
    templates.archive(command.code, if_match=command.if_match, audit=audit)
