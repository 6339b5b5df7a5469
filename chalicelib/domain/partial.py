"""Partials and layouts: pieces that templates include and extend, fixed to one version each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.domain.content import Content, sources_of
from chalicelib.domain.locale_choice import choose_locale
from chalicelib.domain.notification import Channel


@dataclass(frozen=True, slots=True)
class Partial:
    """One version of a partial, with the versions that it includes itself.

    `codes` are its own code and all below it. `default_locale` is the one that it was made with, so that what it says
    never changes.
    """

    code: str
    number: int
    default_locale: str
    contents: tuple[Content, ...]
    partials: Mapping[str, "Partial"] = field(default_factory=dict)
    codes: frozenset[str] = frozenset()

    def source(self, part: str, channel: Channel, locale: str) -> str | None:
        """What it says in the part of the same name (html in html, subject in subject), in the nearest locale to this.

        None when it has nothing for the channel, or not in this part.
        """
        by_locale = {content.locale: content for content in self.contents if content.channel is channel}
        if not by_locale:
            return None
        return sources_of(by_locale[choose_locale(locale, by_locale, self.default_locale)]).get(part)


Partials = Mapping[str, Partial]
"""The partials that one version includes by itself, by code."""

NO_PARTIALS: Partials = {}
