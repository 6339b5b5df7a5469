"""Finds the languages that a template speaks in one place and not in another, its partials included."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chalicelib.domain.catalog import TemplateVersion
from chalicelib.domain.locale_choice import choose_locale
from chalicelib.domain.notification import Channel
from chalicelib.domain.partial import Partial, Partials
from chalicelib.services.find_template import TemplateHeads, find_template
from chalicelib.services.load_partials import load_partials
from chalicelib.services.ports import Versions


@dataclass(frozen=True, slots=True)
class MissingTranslation:
    """A language that is missing, and the one that is shown instead."""

    locale: str
    shown: str


@dataclass(frozen=True, slots=True)
class Translations:
    """The languages of one channel of one version: of the template itself, or of a partial that it includes."""

    template_code: str
    version: int
    channel: Channel
    locales: tuple[str, ...]
    missing: tuple[MissingTranslation, ...]


@dataclass(frozen=True, slots=True)
class TranslationReport:
    """`locales` are all that any content of the version has; `parts` the template's channels, then its partials'."""

    code: str
    version: int
    locales: tuple[str, ...]
    parts: tuple[Translations, ...]


def find_missing_translations(code: str, *, templates: TemplateHeads, versions: Versions) -> TranslationReport:
    """The report on the published version, or on the latest where none is.

    Raises:
        NotFound: there is no such template.
        DatabaseUnavailable: nothing can be read.
    """
    template = find_template(code, templates=templates)
    number = template.published_version or template.latest_version
    version = versions.load_version(code, number)
    if version is None:
        raise LookupError(f"version {number} of a template is gone")
    wanted = sorted({content.locale for content in version.contents})
    partials = load_partials(version.includes, versions=versions)
    return TranslationReport(code, number, tuple(wanted), tuple(_parts(version, partials, wanted)))


def _parts(version: TemplateVersion, partials: Partials, wanted: Iterable[str]) -> Iterator[Translations]:
    used = sorted({content.channel for content in version.contents})
    own = Partial(version.template_code, version.number, version.default_locale, version.contents)
    yield from _of(own, used, wanted)
    for partial in _below(partials):
        yield from _of(partial, used, wanted)


def _below(partials: Partials) -> Iterable[Partial]:
    """These partials and all that they include, each once."""
    found: dict[tuple[str, int], Partial] = {}
    waiting = [*partials.values()]
    while waiting:
        partial = waiting.pop()
        if (partial.code, partial.number) not in found:
            found[partial.code, partial.number] = partial
            waiting += partial.partials.values()
    return [partial for _, partial in sorted(found.items())]


def _of(partial: Partial, used: Iterable[Channel], wanted: Iterable[str]) -> Iterator[Translations]:
    for channel in used:
        locales = sorted(content.locale for content in partial.contents if content.channel == channel)
        if locales:
            missing = tuple(
                MissingTranslation(locale, choose_locale(locale, locales, partial.default_locale))
                for locale in wanted
                if locale not in locales
            )
            yield Translations(partial.code, partial.number, channel, tuple(locales), missing)
