"""/openapi.json and /docs: the description of this interface, and Swagger UI to read it with, served by us alone."""

import functools
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources
from pathlib import Path
from typing import Literal

from chalice.app import Blueprint
from pydantic import ConfigDict, Field, JsonValue

from chalicelib.errors import NotFound
from chalicelib.handlers.access import PUBLIC
from chalicelib.handlers.answers import JSON, Answer, ResourceModel
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.request import NoBody, NoQuery, Request

HTML = "text/html; charset=utf-8"
JAVASCRIPT = "text/javascript; charset=utf-8"
CSS = "text/css; charset=utf-8"
SWAGGER_UI = "vendor/swagger-ui-5.31.0"

# The viewer draws its icons from data: URLs; everything else comes from here, and goes nowhere else.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_CACHED = {"Cache-Control": "public, max-age=300"}

routes = Blueprint(__name__)


class OpenApiDocument(ResourceModel):
    """This document: OpenAPI 3.1."""

    model_config = ConfigDict(extra="allow")

    openapi: Literal["3.1.0"]
    info: dict[str, JsonValue] = Field(examples=[{"title": "Carillon", "version": "1.0.0"}])
    paths: dict[str, JsonValue] = Field(examples=[{}])


@dataclass(frozen=True, slots=True)
class _Asset:
    """A file that the page loads; without a digest it is ours, else one of Swagger UI's release, byte for byte."""

    media_type: str
    sha384: str | None = None


ASSETS = {
    "start.js": _Asset(JAVASCRIPT),
    "swagger-ui-bundle.js": _Asset(JAVASCRIPT, "cxafBeQ+zYROeFafGFxtFbnp1ICqeS9mG7+f0WWSHzhnrUvwg9Za5CCw6wgrHA7K"),
    "swagger-ui.css": _Asset(CSS, "KX9Rx9vM1AmUNAn07bPAiZhFD4C8jdNgG6f5MRNvR+EfAxs2PmMFtUUazui7ryZQ"),
}


@endpoint(
    routes,
    "GET /openapi.json",
    access=PUBLIC,
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, OpenApiDocument),
)
def read_openapi(_request: Request[NoBody, NoQuery]) -> Answer:
    """The description of this interface in OpenAPI 3.1."""
    return Answer(HTTPStatus.OK, _document(), _CACHED, media_type=JSON)


@endpoint(
    routes,
    "GET /docs",
    access=PUBLIC,
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, media_type=HTML),
)
def read_docs(_request: Request[NoBody, NoQuery]) -> Answer:
    """A page to read this document and to try it."""
    return Answer(HTTPStatus.OK, _page(), {"Content-Security-Policy": POLICY, **_CACHED}, media_type=HTML)


@endpoint(
    routes,
    "GET /docs/{asset}",
    access=PUBLIC,
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, media_type="text/*"),
)
def read_docs_asset(request: Request[NoBody, NoQuery]) -> Answer:
    """A script or a style sheet of that page."""
    name = request.path["asset"]
    if name not in ASSETS:
        raise NotFound("There is no such resource.")
    return Answer(HTTPStatus.OK, asset_text(name), _CACHED, media_type=ASSETS[name].media_type)


@functools.cache
def asset_text(name: str) -> str:
    """The file's text: our own, or the one in the package that carries Swagger UI."""
    if ASSETS[name].sha384 is None:
        return _viewer(name)
    return resources.files("swagger_ui_bundle").joinpath(SWAGGER_UI, name).read_bytes().decode()


@functools.cache
def _document() -> str:
    return Path(__file__).parents[1].joinpath("openapi.json").read_text("utf-8")


@functools.cache
def _page() -> str:
    """The page, with the digests that a browser holds the files against (Subresource Integrity)."""
    page = _viewer("index.html")
    for name, asset in ASSETS.items():
        if asset.sha384 is not None:
            page = page.replace(f'docs/{name}"', f'docs/{name}" integrity="sha384-{asset.sha384}"')
    return page


def _viewer(name: str) -> str:
    return Path(__file__).with_name("viewer").joinpath(name).read_text("utf-8")
