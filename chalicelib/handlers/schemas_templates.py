"""Bodies of /v1/templates."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from chalicelib.domain.audit import Actor
from chalicelib.domain.catalog import NewTemplate, TemplateChanges, TemplateField, TemplateKind
from chalicelib.domain.content import Content, EmailContent, PushContent
from chalicelib.domain.notification import Channel
from chalicelib.handlers.fields import WHOLE, Category, Line, Locale, TemplateCode
from chalicelib.handlers.request import RequestModel
from chalicelib.services.add_version import AddVersion
from chalicelib.services.change_template import ChangeTemplate
from chalicelib.services.create_template import CreateTemplate
from chalicelib.services.preview_template import PreviewTemplate

MAX_CONTENTS = 200
MAX_VERSION = 999_999_999

ACode = Annotated[TemplateCode, Field(examples=["order-shipped"])]
AName = Annotated[Line, Field(examples=["Order shipped"])]
ACategory = Annotated[Category | None, Field(examples=["orders"])]
ALocale = Annotated[Locale, Field(examples=["en"])]

Source = Annotated[str, Field(min_length=1)]
"""A Jinja2 source. How long it may be, and what it may do, is the template engine's rule."""


class EmailContentBody(RequestModel):
    """What an e-mail says in one language; `text` is made from the HTML when absent.

    A partial may be without subject and HTML; `{% include "code" %}` and `{% extends "code" %}` name partials.
    """

    channel: Literal["email"]
    locale: ALocale
    subject: Annotated[Source | None, Field(examples=["Your order {{ order.number }}"])] = None
    html: Annotated[Source | None, Field(examples=["<p>Hello {{ name }}, it is on its way.</p>"])] = None
    text: Source | None = None

    def content(self) -> Content:
        return EmailContent(locale=self.locale, subject=self.subject, html=self.html, text=self.text)


class PushContentBody(RequestModel):
    """What a push notification says in one language; a partial may be without title and body."""

    channel: Literal["push"]
    locale: ALocale
    title: Annotated[Source | None, Field(examples=["It is on its way"])] = None
    body: Annotated[Source | None, Field(examples=["Order {{ order.number }} has left."])] = None
    image: Source | None = None
    link: Source | None = None
    data: dict[Annotated[str, Field(min_length=1, max_length=64)], str] = Field(default_factory=dict)

    def content(self) -> Content:
        return PushContent(
            locale=self.locale, title=self.title, body=self.body, image=self.image, link=self.link, data=self.data
        )


ContentBody = Annotated[EmailContentBody | PushContentBody, Field(discriminator="channel")]
ContentBodies = Annotated[list[ContentBody], Field(min_length=1, max_length=MAX_CONTENTS)]


class TemplateBody(RequestModel):
    """A template to be added; its contents become version 1, a draft."""

    code: ACode
    name: AName
    kind: TemplateKind = TemplateKind.NOTIFICATION
    category: ACategory = None
    default_locale: ALocale
    contents: ContentBodies

    def command(self, *, by: Actor) -> CreateTemplate:
        template = NewTemplate(
            code=self.code,
            name=self.name,
            kind=self.kind,
            category=self.category,
            default_locale=self.default_locale,
            contents=_contents(self.contents),
        )
        return CreateTemplate(template, by)


class VersionBody(RequestModel):
    """All that the next version says; nothing is taken over from the one before."""

    contents: ContentBodies

    def command(self, code: str, *, by: Actor, if_match: frozenset[int] | None) -> AddVersion:
        return AddVersion(code=code, contents=_contents(self.contents), by=by, if_match=if_match)


class TemplatePatch(RequestModel):
    """A JSON merge patch (RFC 7396): what is absent stays, null removes."""

    # a factory: what is absent has no value that a schema could name, and may not be null either
    name: AName = Field(default_factory=str)
    category: ACategory = None
    default_locale: ALocale = Field(default_factory=str)

    def command(self, code: str, *, by: Actor, if_match: frozenset[int] | None) -> ChangeTemplate:
        changes = TemplateChanges(
            given=frozenset(map(TemplateField, self.model_fields_set)),
            name=self.name,
            category=self.category,
            default_locale=self.default_locale,
        )
        return ChangeTemplate(code=code, changes=changes, by=by, if_match=if_match)


class PreviewBody(RequestModel):
    """What to render: of the published version, unless `version` names another."""

    variables: Annotated[
        dict[str, JsonValue], Field(examples=[{"name": "Ada", "order": {"number": 4711}}], default_factory=dict)
    ]
    channel: Channel
    locale: Annotated[Locale | None, Field(examples=["fr-CA"])] = None
    version: Annotated[int, Field(ge=1, le=MAX_VERSION, examples=[1]), WHOLE] | None = None

    def command(self, code: str) -> PreviewTemplate:
        return PreviewTemplate(
            code=code, channel=self.channel, variables=self.variables, locale=self.locale, version=self.version
        )


def _contents(bodies: Sequence[EmailContentBody | PushContentBody]) -> tuple[Content, ...]:
    return tuple(body.content() for body in bodies)
