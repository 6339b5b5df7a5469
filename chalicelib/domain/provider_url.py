"""How an operator names an e-mail provider: one URL with its credentials and options.

    smtp://user:pass@host:587?tls=starttls|tls|none&name=main

`tls` defaults to `starttls`, and to `tls` on port 465 (RFC 8314 §3.3); sending without encryption must be asked for.
`name` is what events, metrics and circuits call the provider; it defaults to the scheme.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl, unquote, urlsplit

from chalicelib.errors import InvalidSettings

SCHEMES = frozenset({"smtp"})
OPTIONS = frozenset({"tls", "name"})
SUBMISSION_PORT = 587
SUBMISSIONS_PORT = 465

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


class Tls(StrEnum):
    """How the connection is encrypted: upgraded after the greeting, from the first byte, or not at all."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ProviderUrl:
    """One provider, checked. Its repr shows neither user name nor password."""

    scheme: str
    host: str
    port: int
    name: str
    tls: Tls
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> "ProviderUrl":
        """Read one URL.

        Raises:
            InvalidSettings: it is not one that this version can use. The error does not hold the URL.
        """
        try:
            url = urlsplit(text)
            port = url.port
        except ValueError:
            raise InvalidSettings("a provider's URL is malformed") from None
        if url.scheme not in SCHEMES:
            raise InvalidSettings(f"a provider's URL must begin with one of: {', '.join(sorted(SCHEMES))}")
        if not url.hostname or url.path.strip("/") or url.fragment:
            raise InvalidSettings("a provider's URL must read scheme://user:password@host:port?options")
        options = _options(url.query)
        username, password = _credentials(url.username, url.password)
        port = SUBMISSION_PORT if port is None else port
        return cls(
            scheme=url.scheme,
            host=url.hostname,
            port=port,
            name=_matching(_NAME, options.get("name", url.scheme), "name"),
            tls=_tls(options.get("tls"), port),
            username=username,
            password=password,
        )


def _options(query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    unknown = options.keys() - OPTIONS
    if unknown:
        raise InvalidSettings(f"a provider's URL has unknown options: {', '.join(sorted(unknown))}")
    if len(options) != len(pairs):
        raise InvalidSettings("a provider's URL gives an option twice")
    return options


def _credentials(username: str | None, password: str | None) -> tuple[str | None, str | None]:
    if bool(username) != bool(password):
        raise InvalidSettings("a provider's URL must give a user name and a password, or neither")
    return (unquote(username), unquote(password)) if username and password else (None, None)


def _tls(option: str | None, port: int) -> Tls:
    if option is None:
        return Tls.TLS if port == SUBMISSIONS_PORT else Tls.STARTTLS
    try:
        return Tls(option)
    except ValueError:
        raise InvalidSettings("a provider's tls must be starttls, tls or none") from None


def _matching(pattern: re.Pattern[str], value: str, option: str) -> str:
    if not pattern.fullmatch(value):
        raise InvalidSettings(f"a provider's {option} is malformed")
    return value
