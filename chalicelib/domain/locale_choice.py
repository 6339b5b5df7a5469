"""Which of the languages that there are a person is given."""

from collections.abc import Collection, Iterator


def choose_locale(wanted: str, available: Collection[str], default: str) -> str:
    """The locale of `available` (not empty) to use: the wanted one, what it is a kind of, then the default.

    fr-CA falls back to fr; case and `_` do not matter. Where even the default is not available, the first by name is
    used: a person is better served by another language than by nothing.
    """
    known = {_tag(locale): locale for locale in sorted(available, reverse=True)}
    for locale in (wanted, default):
        for candidate in _broader(locale):
            if candidate in known:
                return known[candidate]
    return min(available)


def _tag(locale: str) -> str:
    return locale.replace("_", "-").lower()


def _broader(locale: str) -> Iterator[str]:
    tag = _tag(locale)
    while tag:
        yield tag
        tag = tag.rpartition("-")[0]
