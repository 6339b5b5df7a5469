"""/v1/templates: what notifications say."""

from dataclasses import asdict
from http import HTTPStatus

from chalice.app import Blueprint

from chalicelib.domain.catalog import Template, TemplateVersion
from chalicelib.domain.content import Content
from chalicelib.domain.principal import Scope
from chalicelib.domain.template import compile_content
from chalicelib.handlers.access import needs
from chalicelib.handlers.answers import Answer, Resource, created, ok, timestamp
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.request import NoBody, NoQuery, Request
from chalicelib.handlers.schemas_templates import TemplateBody
from chalicelib.wiring import templates as wiring

MAX_TEMPLATE_BODY_BYTES = 2 * 1024 * 1024
"""Many languages fit; a single source above its own limit is 422, and says which."""

PUBLISH = "/v1/templates/{code}/versions/{number}/publish"

routes = Blueprint(__name__)


@endpoint(
    routes,
    "POST /v1/templates",
    access=needs(Scope.TEMPLATES_WRITE),
    body=TemplateBody,
    query=NoQuery,
    max_body_bytes=MAX_TEMPLATE_BODY_BYTES,
    success=Success(HTTPStatus.CREATED),
)
def create_template(request: Request[TemplateBody, NoQuery]) -> Answer:
    """Add a template; its contents become version 1, a draft."""
    template, version = wiring.create_template()(request.body.command())
    body = {**template_resource(template), "version": version_resource(version)}
    return created(body, location=f"/v1/templates/{template.code}", revision=template.revision)


@endpoint(
    routes,
    f"POST {PUBLISH}",
    access=needs(Scope.TEMPLATES_WRITE),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK),
)
def publish_template(request: Request[NoBody, NoQuery]) -> Answer:
    """Use a version from now on; an older one is the rollback."""
    version = wiring.publish_template()(request.path_code("code"), request.path_number("number"))
    return ok(version_resource(version))


def template_resource(template: Template) -> Resource:
    return {
        "code": template.code,
        "name": template.name,
        "category": template.category,
        "default_locale": template.default_locale,
        "published_version": template.published_version,
        "latest_version": template.latest_version,
        "created_at": timestamp(template.created_at),
        "updated_at": timestamp(template.updated_at),
    }


def version_resource(version: TemplateVersion) -> Resource:
    return {
        "template_code": version.template_code,
        "number": version.number,
        "status": str(version.status),
        "contents": [content_resource(content) for content in version.contents],
        "published_at": timestamp(version.published_at),
        "created_at": timestamp(version.created_at),
        "updated_at": timestamp(version.updated_at),
    }


def content_resource(content: Content) -> Resource:
    """A content with the names of the variables that it cannot be rendered without."""
    variables = sorted(compile_content(content).variables)
    return {"channel": str(content.channel), **asdict(content), "variables": variables}
