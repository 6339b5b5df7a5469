"""Adds a template with its first version, once everything it says is known to compile."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from chalicelib.domain.catalog import NewTemplate, Template, TemplateVersion
from chalicelib.domain.content import Content, EmailContent, PushContent
from chalicelib.domain.template import compile_content
from chalicelib.errors import Flaw, InvalidRequest, InvalidTemplate


class NewTemplates(Protocol):
    def insert(self, template: NewTemplate) -> tuple[Template, TemplateVersion]:
        """Store a template with version 1 as a draft. Raises: Conflict when the code is taken."""
        ...


def create_template(template: NewTemplate, *, templates: NewTemplates) -> tuple[Template, TemplateVersion]:
    """The template and its version 1, a draft, as stored.

    Raises:
        InvalidRequest: a content does not compile or is not safe, a channel and locale stand there twice, or a channel
            lacks the default locale. Nothing was stored.
        Conflict: the code is in use.
        DatabaseUnavailable: nothing was stored, or it is not known whether it was.
    """
    flaws = [*_repeated(template.contents), *_without_default(template), *_not_compiling(template.contents)]
    if flaws:
        raise InvalidRequest("The template cannot be used as it is.", code=InvalidTemplate.code, flaws=flaws)
    return templates.insert(template)


def _repeated(contents: Sequence[Content]) -> Iterator[Flaw]:
    places = [(content.channel, content.locale) for content in contents]
    for index, (channel, locale) in enumerate(places):
        if places.index((channel, locale)) < index:
            yield Flaw(f"/contents/{index}/locale", f"{channel} in {locale} is there already")


def _without_default(template: NewTemplate) -> Iterator[Flaw]:
    channels = {content.channel for content in template.contents}
    served = {content.channel for content in template.contents if content.locale == template.default_locale}
    for channel in sorted(channels - served):
        yield Flaw("/default_locale", f"{channel} has no content in {template.default_locale}")


def _not_compiling(contents: Sequence[Content]) -> Iterator[Flaw]:
    for index, content in enumerate(contents):
        flaw = _flaw(content, f"/contents/{index}")
        if flaw is not None:
            parts = (_flaw(alone, f"/contents/{index}{pointer}") for pointer, alone in _alone(content))
            yield from [part for part in parts if part is not None] or [flaw]


def _flaw(content: Content, pointer: str) -> Flaw | None:
    """What keeps a content from compiling, with the line where it stands."""
    try:
        compile_content(content)
    except InvalidTemplate as error:
        return Flaw(pointer, error.detail if error.line is None else f"line {error.line}: {error.detail}")
    return None


def _alone(content: Content) -> Iterator[tuple[str, Content]]:
    """Each part of a content, beside parts that certainly compile, and the pointer to it."""
    if isinstance(content, EmailContent):
        email = EmailContent(locale=content.locale, subject="-", html="-")
        yield "/subject", replace(email, subject=content.subject)
        yield "/html", replace(email, html=content.html)
        yield "/text", replace(email, text=content.text)
        return
    push = PushContent(locale=content.locale, title="-", body="-")
    yield "/title", replace(push, title=content.title)
    yield "/body", replace(push, body=content.body)
    yield "/image", replace(push, image=content.image)
    yield "/link", replace(push, link=content.link)
    for name, source in content.data.items():
        yield f"/data/{name.replace('~', '~0').replace('/', '~1')}", replace(push, data={name: source})
