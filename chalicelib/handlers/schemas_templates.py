"""Bodies of /v1/templates."""

from typing import Annotated, Literal

from pydantic import Field

from chalicelib.domain.catalog import NewTemplate
from chalicelib.domain.content import Content, EmailContent, PushContent
from chalicelib.handlers.fields import Category, Line, Locale, TemplateCode
from chalicelib.handlers.request import RequestModel

MAX_CONTENTS = 200

Source = Annotated[str, Field(min_length=1)]
"""A Jinja2 source. How long it may be, and what it may do, is the template engine's rule."""


class EmailContentBody(RequestModel):
    channel: Literal["email"]
    locale: Locale
    subject: Source
    html: Source
    text: Source | None = None

    def content(self) -> Content:
        return EmailContent(locale=self.locale, subject=self.subject, html=self.html, text=self.text)


class PushContentBody(RequestModel):
    channel: Literal["push"]
    locale: Locale
    title: Source
    body: Source
    image: Source | None = None
    link: Source | None = None
    data: dict[Annotated[str, Field(min_length=1, max_length=64)], str] = Field(default_factory=dict)

    def content(self) -> Content:
        return PushContent(
            locale=self.locale, title=self.title, body=self.body, image=self.image, link=self.link, data=self.data
        )


ContentBody = Annotated[EmailContentBody | PushContentBody, Field(discriminator="channel")]


class TemplateBody(RequestModel):
    code: TemplateCode
    name: Line
    category: Category | None = None
    default_locale: Locale
    contents: Annotated[list[ContentBody], Field(min_length=1, max_length=MAX_CONTENTS)]

    def command(self) -> NewTemplate:
        return NewTemplate(
            code=self.code,
            name=self.name,
            category=self.category,
            default_locale=self.default_locale,
            contents=tuple(content.content() for content in self.contents),
        )
