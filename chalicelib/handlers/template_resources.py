"""Answers of /v1/templates."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from chalicelib.domain.catalog import DescribedVersion, Template, TemplateKind, VersionHead, VersionStatus
from chalicelib.domain.content import Content, EmailContent, RenderedEmail
from chalicelib.handlers.answers import ResourceModel
from chalicelib.handlers.paging import NextCursor
from chalicelib.services.find_missing_translations import TranslationReport
from chalicelib.services.preview_template import Previewed

Code = Annotated[str, Field(examples=["order-shipped"])]
Number = Annotated[int, Field(examples=[1])]
Locale = Annotated[str, Field(examples=["en"])]
Variables = Annotated[list[str], Field(examples=[["name", "order"]])]
Moment = Annotated[datetime, Field(examples=["2026-11-22T12:00:00.123Z"])]
Maybe = Annotated[datetime | None, Field(examples=["2026-11-22T12:00:00.123Z"])]


class EmailContentResource(ResourceModel):
    """An e-mail in one language; `variables` are the names that it cannot be rendered without."""

    channel: Literal["email"]
    locale: Locale
    subject: Annotated[str | None, Field(examples=["Your order {{ order.number }}"])]
    html: Annotated[str | None, Field(examples=["<p>Hello {{ name }}, it is on its way.</p>"])]
    text: Annotated[str | None, Field(examples=["Hello {{ name }}, it is on its way."])]
    variables: Variables


class PushContentResource(ResourceModel):
    """A push notification in one language; `variables` are the names that it cannot be rendered without."""

    channel: Literal["push"]
    locale: Locale
    title: Annotated[str | None, Field(examples=["It is on its way"])]
    body: Annotated[str | None, Field(examples=["Order {{ order.number }} has left."])]
    image: str | None
    link: str | None
    data: Annotated[dict[str, str], Field(examples=[{"order": "{{ order.number }}"}])]
    variables: Variables


ContentResource = Annotated[EmailContentResource | PushContentResource, Field(discriminator="channel")]


class VersionHeadResource(ResourceModel):
    """A version without what it says."""

    template_code: Code
    number: Number
    status: VersionStatus
    published_at: Maybe
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, version: VersionHead) -> "VersionHeadResource":
        return cls.model_validate(version, from_attributes=True)


class VersionResource(ResourceModel):
    """A version. `includes` are the versions of the partials that it names and stays fixed to, by code."""

    template_code: Code
    number: Number
    status: VersionStatus
    contents: list[ContentResource]
    includes: Annotated[dict[str, int], Field(examples=[{"layout": 3}])]
    published_at: Maybe
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, described: DescribedVersion) -> "VersionResource":
        version, variables = described.version, described.variables
        return cls(
            template_code=version.template_code,
            number=version.number,
            status=version.status,
            contents=[_content(each, variables[each.channel, each.locale]) for each in version.contents],
            includes=dict(version.includes),
            published_at=version.published_at,
            created_at=version.created_at,
            updated_at=version.updated_at,
        )


class TemplateResource(ResourceModel):
    """A template. Its key is `code`; without a published version it cannot be sent, a partial never is."""

    code: Code
    name: Annotated[str, Field(examples=["Order shipped"])]
    kind: TemplateKind
    category: Annotated[str | None, Field(examples=["orders"])]
    default_locale: Locale
    published_version: Annotated[int | None, Field(examples=[1])]
    latest_version: Number
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, template: Template) -> "TemplateResource":
        return cls.model_validate({name: getattr(template, name) for name in TemplateResource.model_fields})


class CreatedTemplateResource(TemplateResource):
    """A template that was just added, with its version 1."""

    version: VersionResource

    @classmethod
    def made(cls, template: Template, version: DescribedVersion) -> "CreatedTemplateResource":
        head = {name: getattr(template, name) for name in TemplateResource.model_fields}
        return cls.model_validate({**head, "version": VersionResource.of(version)})


class TemplateList(ResourceModel):
    """Some templates, newest first; `next_cursor` is null on the last page."""

    items: list[TemplateResource]
    next_cursor: NextCursor


class VersionList(ResourceModel):
    """Some versions, newest first; `next_cursor` is null on the last page."""

    items: list[VersionHeadResource]
    next_cursor: NextCursor


class Preview(ResourceModel):
    """A rendered e-mail or push, with the locale and the version that it was found in."""

    locale: Locale
    version: Number

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        if cls is not Preview:
            return handler(core_schema)
        return {"oneOf": [handler(kind.__pydantic_core_schema__) for kind in (EmailPreview, PushPreview)]}

    @classmethod
    def of(cls, previewed: Previewed) -> "EmailPreview | PushPreview":
        shown, locale, version = previewed.rendered, previewed.locale, previewed.version
        if isinstance(shown, RenderedEmail):
            return EmailPreview(locale=locale, version=version, channel="email", **asdict(shown))
        return PushPreview(locale=locale, version=version, channel="push", **asdict(shown))


class EmailPreview(Preview):
    """An e-mail as it would be sent."""

    channel: Literal["email"]
    subject: Annotated[str, Field(examples=["Your order 4711"])]
    html: Annotated[str, Field(examples=["<p>Hello Ada, it is on its way.</p>"])]
    text: Annotated[str, Field(examples=["Hello Ada, it is on its way."])]


class PushPreview(Preview):
    """A push notification as it would be sent."""

    channel: Literal["push"]
    title: Annotated[str, Field(examples=["It is on its way"])]
    body: Annotated[str, Field(examples=["Order 4711 has left."])]
    image: str | None
    link: str | None
    data: dict[str, str]


class MissingTranslationResource(ResourceModel):
    """A language that is missing, and the one that is shown instead."""

    locale: Annotated[str, Field(examples=["fr-CA"])]
    shown: Annotated[str, Field(examples=["fr"])]


class TranslationsResource(ResourceModel):
    """The languages of one channel, of the template itself or of a partial that it includes."""

    template_code: Code
    version: Number
    channel: Annotated[str, Field(examples=["email"])]
    locales: Annotated[list[str], Field(examples=[["en", "fr"]])]
    missing: list[MissingTranslationResource]


class TranslationReportResource(ResourceModel):
    """Where languages are missing that the version has elsewhere. `items` begins with the template's own channels."""

    code: Code
    version: Number
    locales: Annotated[list[str], Field(examples=[["en", "fr", "fr-CA"]])]
    items: list[TranslationsResource]

    @classmethod
    def of(cls, report: TranslationReport) -> "TranslationReportResource":
        items = [TranslationsResource.model_validate(part, from_attributes=True) for part in report.parts]
        return cls(code=report.code, version=report.version, locales=list(report.locales), items=items)


def _content(content: Content, variables: frozenset[str]) -> EmailContentResource | PushContentResource:
    if isinstance(content, EmailContent):
        return EmailContentResource(
            channel="email",
            locale=content.locale,
            subject=content.subject,
            html=content.html,
            text=content.text,
            variables=sorted(variables),
        )
    return PushContentResource(
        channel="push",
        locale=content.locale,
        title=content.title,
        body=content.body,
        image=content.image,
        link=content.link,
        data=dict(content.data),
        variables=sorted(variables),
    )
