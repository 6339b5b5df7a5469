"""Loads the partials that a version includes, each in the version that it is fixed to, and what those include."""

from collections.abc import Collection, Mapping
from typing import Protocol

from chalicelib.domain.partial import Partial, Partials
from chalicelib.services.ports import Versions


class PartialVersions(Versions, Protocol):
    def find_published_partials(self, codes: Collection[str]) -> Mapping[str, int]:
        """The version in use of each of these that is a partial and has one."""
        ...


def load_published_partials(codes: Collection[str], *, versions: PartialVersions) -> Partials:
    """The version in use of each of these partials, by code; what is no published partial is not among them."""
    return load_partials(versions.find_published_partials(codes) if codes else {}, versions=versions)


def load_partials(includes: Mapping[str, int], *, versions: Versions) -> Partials:
    """These versions of partials with all that they include. What was fixed once never changes.

    Raises:
        LookupError: one of them is not there.
    """
    known: dict[tuple[str, int], Partial] = {}
    return {code: _load(code, number, versions, known) for code, number in includes.items()}


def _load(code: str, number: int, versions: Versions, known: dict[tuple[str, int], Partial]) -> Partial:
    if (code, number) not in known:
        version = versions.load_version(code, number)
        if version is None:
            raise LookupError(f"version {number} of a partial is gone")
        partials = {each: _load(each, of, versions, known) for each, of in version.includes.items()}
        known[code, number] = Partial(
            code=code,
            number=number,
            default_locale=version.default_locale,
            contents=version.contents,
            partials=partials,
            codes=frozenset({code}).union(*(partial.codes for partial in partials.values())),
        )
    return known[code, number]
