"""Loads a template version ready to render. A version never changes, so the caller may keep what it gets for ever."""

from chalicelib.domain.template import compile_content
from chalicelib.services.ports import CompiledContents, Versions


def load_compiled(code: str, number: int, *, versions: Versions) -> CompiledContents:
    """Every content of the version, compiled, by channel and locale.

    Raises:
        LookupError: there is no such version, although a delivery or a published template names it.
    """
    version = versions.load_version(code, number)
    if version is None:
        raise LookupError(f"version {number} of a template is gone")
    return {(content.channel, content.locale): compile_content(content) for content in version.contents}
