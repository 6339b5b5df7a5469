"""Chooses the version of a template that notifications use from now on."""

from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.catalog import DescribedVersion, Template
from chalicelib.errors import NotFound
from chalicelib.services.describe_version import describe_version
from chalicelib.services.ports import Clock, CompiledTemplates, Versions


@dataclass(frozen=True, slots=True)
class PublishVersion:
    """`if_match` holds the revisions of the template that this is meant for; None means any."""

    code: str
    number: int
    by: Actor
    if_match: frozenset[int] | None = None


class Publishing(Versions, Protocol):
    def publish(self, code: str, number: int, *, if_match: frozenset[int] | None, audit: NewAudit) -> Template:
        """Make this the version in use and retire the former one, at once. Raises: NotFound, PreconditionFailed."""
        ...


def publish_template(
    command: PublishVersion, *, versions: Publishing, compiled: CompiledTemplates, clock: Clock
) -> DescribedVersion:
    """The version, published. An older one is the rollback; the one in use already stays as it is.

    What was accepted before keeps the version it was accepted with.

    Raises:
        NotFound: there is no such template, or it has no such version.
        PreconditionFailed: somebody else changed the template meanwhile.
        DatabaseUnavailable: nothing changed, or it is not known whether it did.
    """
    audit = new_audit(command.by, "template.published", f"template:{command.code}", at=clock(), version=command.number)
    template = versions.publish(command.code, command.number, if_match=command.if_match, audit=audit)
    described = describe_version(command.code, command.number, versions=versions, compiled=compiled)
    if described is None:
        raise NotFound("There is no such template version.", code="template_version_not_found")
    return DescribedVersion(described.version, described.variables, template.revision)
