"""Chooses the version of a template that notifications use from now on."""

from typing import Protocol

from chalicelib.domain.catalog import TemplateVersion
from chalicelib.errors import NotFound


class Publishing(Protocol):
    def publish(self, code: str, number: int) -> bool:
        """Make this the version in use and retire the former one, at once. False when there is no such version."""
        ...

    def load_version(self, code: str, number: int) -> TemplateVersion | None: ...


def publish_template(code: str, number: int, *, templates: Publishing) -> TemplateVersion:
    """The version, published. An older one is the rollback; the one in use already stays as it is.

    What was accepted before keeps the version it was accepted with.

    Raises:
        NotFound: there is no such template, or it has no such version.
        DatabaseUnavailable: nothing changed, or it is not known whether it did.
    """
    published = templates.load_version(code, number) if templates.publish(code, number) else None
    if published is None:
        raise NotFound("There is no such template version.", code="template_version_not_found")
    return published
