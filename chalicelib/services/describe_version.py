"""Tells what a version says and which variables each of its contents needs."""

from chalicelib.domain.catalog import DescribedVersion
from chalicelib.services.ports import CompiledTemplates, Versions


def describe_version(
    code: str, number: int, *, versions: Versions, compiled: CompiledTemplates, revision: int = 0
) -> DescribedVersion | None:
    """The version, if there is one. Raises: DatabaseUnavailable."""
    version = versions.load_version(code, number)
    if version is None:
        return None
    contents = compiled(code, number)
    variables = {place: content.variables for place, content in contents.items()}
    return DescribedVersion(version, variables, revision)
