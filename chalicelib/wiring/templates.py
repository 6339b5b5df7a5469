"""Templates, their versions, and what they compile to."""

from collections.abc import Callable
from functools import partial

from chalicelib.domain.catalog import DescribedVersion, Template
from chalicelib.services import add_version as extending
from chalicelib.services import change_template as changing
from chalicelib.services import create_template as adding
from chalicelib.services import find_missing_translations as translating
from chalicelib.services import find_template as finding
from chalicelib.services import preview_template as previewing
from chalicelib.services import publish_template as publishing
from chalicelib.services.load_compiled import load_compiled
from chalicelib.services.ports import CompiledContents
from chalicelib.stores.template_versions import VersionStore
from chalicelib.stores.templates import TemplateStore
from chalicelib.wiring.environment import clock, database, read_database
from chalicelib.wiring.kept import kept, kept_up_to

MOST_COMPILED_VERSIONS = 512


@kept
def templates() -> TemplateStore:
    return TemplateStore(database=database("templates"))


@kept
def versions() -> VersionStore:
    return VersionStore(database=database("templates"))


@kept_up_to(MOST_COMPILED_VERSIONS)
def compiled(code: str, number: int) -> CompiledContents:
    """A version's contents, each compiled once an environment: no version changes, nor do its partials."""
    return load_compiled(code, number, versions=versions())


@kept
def create_template() -> Callable[[adding.CreateTemplate], tuple[Template, DescribedVersion]]:
    return partial(adding.create_template, templates=templates(), versions=versions(), clock=clock)


@kept
def add_version() -> Callable[[extending.AddVersion], DescribedVersion]:
    return partial(extending.add_version, templates=templates(), versions=versions(), clock=clock)


@kept
def publish_template() -> Callable[[publishing.PublishVersion], DescribedVersion]:
    return partial(publishing.publish_template, versions=versions(), compiled=compiled, clock=clock)


@kept
def change_template() -> Callable[[changing.ChangeTemplate], Template]:
    return partial(changing.change_template, templates=templates(), clock=clock)


@kept
def archive_template() -> Callable[[changing.ArchiveTemplate], None]:
    return partial(changing.archive_template, templates=templates(), clock=clock)


@kept
def find_template() -> Callable[[str], Template]:
    return partial(finding.find_template, templates=templates())


@kept
def list_templates() -> partial[finding.TemplatePage]:
    return partial(finding.list_templates, templates=TemplateStore(database=read_database("templates")))


@kept
def list_versions() -> partial[finding.VersionPage]:
    replica = VersionStore(database=read_database("templates"))
    return partial(finding.list_versions, templates=templates(), versions=replica)


@kept
def find_version() -> Callable[[str, int], DescribedVersion]:
    return partial(finding.find_version, templates=templates(), versions=versions(), compiled=compiled)


@kept
def preview_template() -> Callable[[previewing.PreviewTemplate], previewing.Previewed]:
    return partial(previewing.preview_template, templates=templates(), compiled=compiled)


@kept
def find_missing_translations() -> Callable[[str], translating.TranslationReport]:
    return partial(translating.find_missing_translations, templates=templates(), versions=versions())
