"""/v1/templates/{code}/versions: what a template said, says, and may say next."""

from http import HTTPStatus
from uuid import UUID

from chalice.app import Blueprint

from chalicelib.domain.principal import Scope
from chalicelib.handlers.access import needs
from chalicelib.handlers.answers import Answer, created, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.paging import PageQuery, decode_cursor, encode_cursor
from chalicelib.handlers.request import NoBody, NoQuery, Request
from chalicelib.handlers.schemas_templates import VersionBody
from chalicelib.handlers.template_resources import VersionHeadResource, VersionList, VersionResource
from chalicelib.handlers.templates import MAX_TEMPLATE_BODY_BYTES, TEMPLATE
from chalicelib.services.publish_template import PublishVersion
from chalicelib.wiring import templates as wiring

VERSIONS = f"{TEMPLATE}/versions"
VERSION = f"{VERSIONS}/{{number}}"

routes = Blueprint(__name__)


@endpoint(
    routes,
    f"POST {VERSIONS}",
    access=needs(Scope.TEMPLATES_WRITE),
    body=VersionBody,
    query=NoQuery,
    max_body_bytes=MAX_TEMPLATE_BODY_BYTES,
    success=Success(HTTPStatus.CREATED, VersionResource, headers=("Location", "ETag")),
    request_headers=("If-Match",),
    problems=(HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED),
)
def add_version(request: Request[VersionBody, NoQuery]) -> Answer:
    """Add the next version, a draft. The entity tag is the template's, to publish with.

    The partials that it names are fixed to the versions in use at this moment.
    """
    code = request.path_code("code")
    added = wiring.add_version()(request.body.command(code, by=request.actor, if_match=request.if_match))
    location = f"/v1/templates/{code}/versions/{added.version.number}"
    return created(VersionResource.of(added), location=location, revision=added.revision)


@endpoint(
    routes,
    f"GET {VERSIONS}",
    access=needs(Scope.TEMPLATES_READ),
    body=NoBody,
    query=PageQuery,
    success=Success(HTTPStatus.OK, VersionList),
)
def list_versions(request: Request[NoBody, PageQuery]) -> Answer:
    """A template's versions without what they say, newest first."""
    code = request.path_code("code")
    before = decode_cursor(request.query.cursor, of=f"versions of {code}")
    found = wiring.list_versions()(code, before=before.int if before else None, limit=request.query.limit)
    last = UUID(int=found.versions[-1].number) if found.more else None
    next_cursor = encode_cursor(last, of=f"versions of {code}") if last else None
    return ok(VersionList(items=[VersionHeadResource.of(each) for each in found.versions], next_cursor=next_cursor))


@endpoint(
    routes,
    f"GET {VERSION}",
    access=needs(Scope.TEMPLATES_READ),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, VersionResource, headers=("ETag",)),
)
def read_version(request: Request[NoBody, NoQuery]) -> Answer:
    """One version with what it says and the variables it needs. The entity tag is the template's."""
    found = wiring.find_version()(request.path_code("code"), request.path_number("number"))
    return ok(VersionResource.of(found), revision=found.revision)


@endpoint(
    routes,
    f"POST {VERSION}/publish",
    access=needs(Scope.TEMPLATES_WRITE),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, VersionResource, headers=("ETag",)),
    request_headers=("If-Match",),
    problems=(HTTPStatus.PRECONDITION_FAILED,),
)
def publish_version(request: Request[NoBody, NoQuery]) -> Answer:
    """Use a version from now on; an older one is the rollback. The entity tag is the template's."""
    command = PublishVersion(
        request.path_code("code"), request.path_number("number"), by=request.actor, if_match=request.if_match
    )
    published = wiring.publish_template()(command)
    return ok(VersionResource.of(published), revision=published.revision)
