"""/v1/templates: what notifications say."""

from http import HTTPStatus
from uuid import UUID

from chalice.app import Blueprint

from chalicelib.domain.principal import Scope
from chalicelib.handlers.access import needs
from chalicelib.handlers.answers import Answer, created, no_content, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.paging import PageQuery, decode_cursor, encode_cursor
from chalicelib.handlers.request import NoBody, NoQuery, Request
from chalicelib.handlers.schemas_templates import PreviewBody, TemplateBody, TemplatePatch
from chalicelib.handlers.template_resources import (
    CreatedTemplateResource,
    Preview,
    TemplateList,
    TemplateResource,
    TranslationReportResource,
)
from chalicelib.services.change_template import ArchiveTemplate
from chalicelib.wiring import templates as wiring

MAX_TEMPLATE_BODY_BYTES = 2 * 1024 * 1024
"""Many languages fit; a single source above its own limit is 422, and says which."""

TEMPLATES = "/v1/templates"
TEMPLATE = f"{TEMPLATES}/{{code}}"

routes = Blueprint(__name__)


@endpoint(
    routes,
    f"POST {TEMPLATES}",
    access=needs(Scope.TEMPLATES_WRITE),
    body=TemplateBody,
    query=NoQuery,
    max_body_bytes=MAX_TEMPLATE_BODY_BYTES,
    success=Success(HTTPStatus.CREATED, CreatedTemplateResource, headers=("Location", "ETag")),
    problems=(HTTPStatus.CONFLICT,),
)
def create_template(request: Request[TemplateBody, NoQuery]) -> Answer:
    """Add a template; its contents become version 1, a draft."""
    template, version = wiring.create_template()(request.body.command(by=request.actor))
    body = CreatedTemplateResource.made(template, version)
    return created(body, location=f"{TEMPLATES}/{template.code}", revision=template.revision)


@endpoint(
    routes,
    f"GET {TEMPLATES}",
    access=needs(Scope.TEMPLATES_READ),
    body=NoBody,
    query=PageQuery,
    success=Success(HTTPStatus.OK, TemplateList),
)
def list_templates(request: Request[NoBody, PageQuery]) -> Answer:
    """Templates and partials, newest first."""
    before = decode_cursor(request.query.cursor, of="templates")
    found = wiring.list_templates()(before=before.int if before else None, limit=request.query.limit)
    next_cursor = encode_cursor(UUID(int=found.templates[-1].position), of="templates") if found.more else None
    return ok(TemplateList(items=[TemplateResource.of(each) for each in found.templates], next_cursor=next_cursor))


@endpoint(
    routes,
    f"GET {TEMPLATE}",
    access=needs(Scope.TEMPLATES_READ),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, TemplateResource, headers=("ETag",)),
)
def read_template(request: Request[NoBody, NoQuery]) -> Answer:
    """One template, without its versions."""
    template = wiring.find_template()(request.path_code("code"))
    return ok(TemplateResource.of(template), revision=template.revision)


@endpoint(
    routes,
    f"PATCH {TEMPLATE}",
    access=needs(Scope.TEMPLATES_WRITE),
    body=TemplatePatch,
    query=NoQuery,
    success=Success(HTTPStatus.OK, TemplateResource, headers=("ETag",)),
    request_headers=("If-Match",),
    problems=(HTTPStatus.PRECONDITION_FAILED,),
)
def change_template(request: Request[TemplatePatch, NoQuery]) -> Answer:
    """Change a template's name, category or default locale; what it says is changed by a new version."""
    command = request.body.command(request.path_code("code"), by=request.actor, if_match=request.if_match)
    template = wiring.change_template()(command)
    return ok(TemplateResource.of(template), revision=template.revision)


@endpoint(
    routes,
    f"DELETE {TEMPLATE}",
    access=needs(Scope.TEMPLATES_WRITE),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.NO_CONTENT),
    request_headers=("If-Match",),
    problems=(HTTPStatus.PRECONDITION_FAILED,),
)
def archive_template(request: Request[NoBody, NoQuery]) -> Answer:
    """Archive a template: nothing more is made of it.

    Its code stays taken. What was accepted before is sent with the version it was accepted with, and versions that
    include it stay as they are.
    """
    wiring.archive_template()(ArchiveTemplate(request.path_code("code"), request.actor, request.if_match))
    return no_content()


@endpoint(
    routes,
    f"POST {TEMPLATE}/preview",
    access=needs(Scope.TEMPLATES_READ),
    body=PreviewBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, Preview),
)
def preview_template(request: Request[PreviewBody, NoQuery]) -> Answer:
    """Render a version with these variables, exactly as a delivery would. Nothing is sent.

    A draft shows the partials that it is fixed to, which are those it will have when it is published.
    """
    return ok(Preview.of(wiring.preview_template()(request.body.command(request.path_code("code")))))


@endpoint(
    routes,
    f"GET {TEMPLATE}/missing-translations",
    access=needs(Scope.TEMPLATES_READ),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, TranslationReportResource),
)
def read_missing_translations(request: Request[NoBody, NoQuery]) -> Answer:
    """Which languages are missing where, in the published version (else the latest) and in the partials it includes."""
    return ok(TranslationReportResource.of(wiring.find_missing_translations()(request.path_code("code"))))
