"""Templates, their versions, and what they compile to."""

from collections.abc import Callable
from functools import cache, lru_cache, partial

from chalicelib.domain.catalog import NewTemplate, Template, TemplateVersion
from chalicelib.services import create_template as adding
from chalicelib.services import publish_template as publishing
from chalicelib.services.load_compiled import load_compiled
from chalicelib.services.ports import CompiledContents
from chalicelib.stores.templates import TemplateStore
from chalicelib.wiring.environment import database

MOST_COMPILED_VERSIONS = 512


@cache
def templates() -> TemplateStore:
    return TemplateStore(database=database("templates"))


@lru_cache(maxsize=MOST_COMPILED_VERSIONS)
def compiled(code: str, number: int) -> CompiledContents:
    """A version's contents, compiled once an environment: versions never change."""
    return load_compiled(code, number, versions=templates())


@cache
def create_template() -> Callable[[NewTemplate], tuple[Template, TemplateVersion]]:
    return partial(adding.create_template, templates=templates())


@cache
def publish_template() -> Callable[[str, int], TemplateVersion]:
    return partial(publishing.publish_template, templates=templates())
