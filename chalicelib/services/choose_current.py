"""Chooses what a delivery would say with the template as it is published now."""

from dataclasses import dataclass, field

from chalicelib.domain.catalog import TemplateHead
from chalicelib.domain.failure import ChosenContent, FailedDelivery
from chalicelib.domain.template import choose_locale
from chalicelib.errors import Flaw, InvalidRequest, InvalidTemplate
from chalicelib.services.ports import Catalog, CompiledTemplates

WISH = "use_current_template"


@dataclass(frozen=True, slots=True)
class CurrentTemplates:
    """The published versions of one moment: each template is asked for once."""

    catalog: Catalog
    compiled: CompiledTemplates
    _heads: dict[str, TemplateHead | None] = field(default_factory=dict)

    def choose(self, delivery: FailedDelivery) -> ChosenContent:
        """The published version, and of its languages the one that the notification would get today.

        Raises:
            InvalidRequest: the template is gone, nothing of it is published, or the version has nothing for the
                channel, or needs variables that the notification has not.
            DatabaseUnavailable: nothing can be read.
        """
        head, version = self._published(delivery.template_code)
        contents = self.compiled(head.code, version)
        channel = delivery.waiting.channel
        locales = [locale for on, locale in contents if on is channel]
        if not locales:
            raise _refusal("channel_not_in_template", f"version {version} has no content for {channel}")
        locale = choose_locale(delivery.wanted_locale, locales, head.default_locale)
        try:
            needed = contents[channel, locale].variables
        except InvalidTemplate as error:
            raise _refusal("invalid_template", error.detail) from None
        missing = sorted(needed - delivery.variable_names)
        if missing:
            raise _refusal("missing_variables", f"version {version} needs variables: {', '.join(missing)}")
        return ChosenContent(version, locale)

    def _published(self, code: str) -> tuple[TemplateHead, int]:
        if code not in self._heads:
            self._heads[code] = self.catalog.find_published(code)
        head = self._heads[code]
        if head is None or head.archived:
            raise _refusal("template_not_found", "the template is not there any more")
        if not head.published_version:
            raise _refusal("template_not_published", "no version of the template is published")
        return head, head.published_version


def _refusal(code: str, detail: str) -> InvalidRequest:
    said = f"The current template cannot be used: {detail}."
    return InvalidRequest(said, code=code, flaws=[Flaw(f"/{WISH}", detail)])
