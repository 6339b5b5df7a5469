"""Shows what a version would say, exactly as a delivery would render it. Nothing is stored or sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.domain.catalog import Template
from chalicelib.domain.content import Rendered
from chalicelib.domain.notification import Channel
from chalicelib.domain.template import choose_locale
from chalicelib.errors import Flaw, InvalidRequest, RenderFailed
from chalicelib.services.find_template import TemplateHeads, find_template
from chalicelib.services.ports import CompiledTemplates


@dataclass(frozen=True, slots=True)
class PreviewTemplate:
    """`version` None means the published one. The locale falls back as it does for a notification."""

    code: str
    channel: Channel
    variables: Mapping[str, object] = field(default_factory=dict)
    locale: str | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Previewed:
    """What was rendered, of which version, and in which locale it was found."""

    locale: str
    version: int
    rendered: Rendered


def preview_template(command: PreviewTemplate, *, templates: TemplateHeads, compiled: CompiledTemplates) -> Previewed:
    """The rendered parts of one channel. A draft shows the partials that it is fixed to, as it would when published.

    Raises:
        NotFound: there is no such template.
        InvalidRequest: no version is published, there is no such version, it has nothing for the channel, variables
            are missing, or it cannot be rendered with them.
        DatabaseUnavailable: nothing can be read.
    """
    template = find_template(command.code, templates=templates)
    version = _version(command, template)
    contents = compiled(command.code, version)
    locales = [locale for channel, locale in contents if channel is command.channel]
    if not locales:
        raise InvalidRequest(
            f"The version has no content for {command.channel}.",
            code="channel_not_in_template",
            flaws=[Flaw("/channel", f"version {version} has no content for {command.channel}")],
        )
    locale = choose_locale(command.locale or template.default_locale, locales, template.default_locale)
    content = contents[command.channel, locale]
    missing = sorted(content.variables - command.variables.keys())
    if missing:
        raise InvalidRequest(
            f"Variables are missing: {', '.join(missing)}.",
            code="missing_variables",
            flaws=[Flaw(f"/variables/{name}", "the template needs this variable") for name in missing],
        )
    try:
        return Previewed(locale, version, content.render(command.variables))
    except RenderFailed as error:
        raise InvalidRequest(
            "The template cannot be rendered with these variables.",
            code=error.reason,
            flaws=[Flaw("/variables", error.detail)],
        ) from None


def _version(command: PreviewTemplate, template: Template) -> int:
    number = command.version or template.published_version
    if number is None:
        raise InvalidRequest(
            "No version of this template is published: name one.",
            code="template_not_published",
            flaws=[Flaw("/version", "no version is published")],
        )
    if number > template.latest_version:
        raise InvalidRequest(
            "There is no such template version.",
            code="template_version_not_found",
            flaws=[Flaw("/version", f"the latest version is {template.latest_version}")],
        )
    return number
