"""Loads a template version ready to render. A version never changes, so the caller may keep what it gets for ever."""

from collections.abc import Iterator, Mapping, Sequence

from chalicelib.domain.content import Content
from chalicelib.domain.notification import Channel
from chalicelib.domain.partial import Partials
from chalicelib.domain.template import CompiledTemplate, compile_content
from chalicelib.services.load_partials import load_partials
from chalicelib.services.ports import CompiledContents, Versions


def load_compiled(code: str, number: int, *, versions: Versions) -> CompiledContents:
    """Every content of the version with the partials that it was fixed to, by channel and locale.

    Raises:
        LookupError: there is no such version, although a delivery or a published template names it.
    """
    version = versions.load_version(code, number)
    if version is None:
        raise LookupError(f"version {number} of a template is gone")
    return _Compiling(version.contents, load_partials(version.includes, versions=versions))


class _Compiling(Mapping[tuple[Channel, str], CompiledTemplate]):
    """Compiles each content when it is first asked for: a template in fifty languages costs a request only its own.

    Threads may share it; at worst two of them compile the same.
    """

    def __init__(self, contents: Sequence[Content], partials: Partials) -> None:
        self._contents = {(content.channel, content.locale): content for content in contents}
        self._partials = partials
        self._compiled: dict[tuple[Channel, str], CompiledTemplate] = {}

    def __getitem__(self, place: tuple[Channel, str]) -> CompiledTemplate:
        if place not in self._compiled:
            self._compiled[place] = compile_content(self._contents[place], self._partials)
        return self._compiled[place]

    def __iter__(self) -> Iterator[tuple[Channel, str]]:
        return iter(self._contents)

    def __len__(self) -> int:
        return len(self._contents)
