"""Checks what a version shall say, before anything is stored: it compiles, is safe, complete, and fixed to partials."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.domain.catalog import TemplateKind, VariablesOf, channels_without
from chalicelib.domain.content import Content, missing_parts, sources_of
from chalicelib.domain.partial import Partials
from chalicelib.domain.template import CompiledTemplate, ParsedContent, parse_content
from chalicelib.domain.template_source import Reading
from chalicelib.errors import Flaw, InvalidRequest, InvalidTemplate
from chalicelib.services.load_partials import PartialVersions, load_published_partials


@dataclass(frozen=True, slots=True)
class CheckedContents:
    """Contents that can be used, the variables that each needs, and the partials that they are fixed to."""

    contents: tuple[Content, ...]
    variables: VariablesOf
    includes: dict[str, int]


def check_contents(
    contents: Sequence[Content],
    *,
    code: str,
    kind: TemplateKind,
    default_locale: str,
    versions: PartialVersions,
    default_locale_at: str,
) -> CheckedContents:
    """The contents, by channel and locale. Every partial that they name is the version in use at this moment.

    `default_locale_at` is where in the request a lacking default locale is to be shown.

    Raises:
        InvalidRequest: a content does not compile or is not safe, a channel and locale stand there twice, a channel
            lacks the default locale, a part or a partial is missing.
    """
    reading = Reading()
    parsed = [parse_content(content, reading) for content in contents]
    named = frozenset[str]().union(*(each.named for each in parsed))
    partials = load_published_partials(named, versions=versions)
    flaws = [
        *_repeated(contents),
        *(
            Flaw(default_locale_at, f"{channel} has no content in {default_locale}")
            for channel in channels_without(default_locale, contents)
        ),
        *(_incomplete(contents) if kind == TemplateKind.NOTIFICATION else _empty(contents)),
    ]
    compiled = [*_compiled(parsed, partials, flaws, owner=code)]
    if flaws:
        raise InvalidRequest("The template cannot be used as it is.", code=InvalidTemplate.code, flaws=flaws)
    return CheckedContents(
        contents=tuple(sorted(contents, key=lambda content: (content.channel, content.locale))),
        variables={(each.content.channel, each.content.locale): each.variables for each in compiled},
        includes={each: partial.number for each, partial in partials.items()},
    )


def _repeated(contents: Sequence[Content]) -> Iterator[Flaw]:
    seen = set()
    for index, content in enumerate(contents):
        if (content.channel, content.locale) in seen:
            yield Flaw(f"/contents/{index}/locale", f"{content.channel} in {content.locale} is there already")
        seen.add((content.channel, content.locale))


def _incomplete(contents: Sequence[Content]) -> Iterator[Flaw]:
    for index, content in enumerate(contents):
        yield from (
            Flaw(f"/contents/{index}/{part}", "is needed: only a partial may be without")
            for part in missing_parts(content)
        )


def _empty(contents: Sequence[Content]) -> Iterator[Flaw]:
    for index, content in enumerate(contents):
        if not sources_of(content):
            yield Flaw(f"/contents/{index}", "says nothing in any part")


def _compiled(
    contents: Sequence[ParsedContent], partials: Partials, flaws: list[Flaw], *, owner: str
) -> Iterator[CompiledTemplate]:
    """The contents that compile; what is wrong with the others is added to the flaws."""
    for index, content in enumerate(contents):
        compiled, found = content.compile(partials, owner=owner)
        flaws += [_flaw(index, part, error) for part, error in found]
        if not found:
            yield compiled


def _flaw(index: int, part: str | None, error: InvalidTemplate) -> Flaw:
    where = "" if part is None else _pointer(part)
    detail = error.detail if error.line is None else f"line {error.line}: {error.detail}"
    return Flaw(f"/contents/{index}{where}", detail)


def _pointer(part: str) -> str:
    """RFC 6901; `data.key` is the value of `key` in `data`."""
    group, dot, key = part.partition(".")
    return f"/{group}/{key.replace('~', '~0').replace('/', '~1')}" if dot else f"/{group}"
