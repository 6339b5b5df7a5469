"""How an operator names an e-mail provider: one URL with its credentials and options.

    smtp://user:pass@host:587?tls=starttls|tls|none&name=main&rate=14/second
    gmail://user%40example.com:app-password@          sendgrid://:API_KEY@
    mailgun://postmaster%40mg.example.com:password@?region=us|eu
    ses://eu-west-1?rate=14/second

`tls` defaults to `starttls`, and to `tls` on port 465 (RFC 8314 §3.3); sending without encryption must be asked for.
`name` is what events, metrics and circuits call the provider; it defaults to the scheme. `rate` is how much the
operator lets it take: `14/second`, `100/15 minutes`, with what a URL reserves written as %2F and %20.

gmail, sendgrid and mailgun know their server: their URL may consist of credentials, with or without the last `@`, and
may name another server behind it. ses takes no credentials: those come as boto3 finds them.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from chalicelib.domain.provider_scheme import SCHEMES, Scheme
from chalicelib.domain.rate import Rate
from chalicelib.errors import InvalidSettings

SUBMISSION_PORT = 587
SUBMISSIONS_PORT = 465
HTTPS_PORT = 443

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_AWS_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+){1,2}-[0-9]{1,2}")


class Tls(StrEnum):
    """How the connection is encrypted: upgraded after the greeting, from the first byte, or not at all."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ProviderUrl:
    """One provider, checked. Its repr shows neither user name nor password. With ses, `host` is the AWS region."""

    scheme: str
    host: str
    port: int
    name: str
    tls: Tls
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    rate: Rate | None = None

    @classmethod
    def parse(cls, text: str) -> "ProviderUrl":
        """Read one URL.

        Raises:
            InvalidSettings: it is not one that this version can use. The error does not hold the URL.
        """
        try:
            url = urlsplit(text)
            scheme = _scheme(url.scheme)
            url = _with_server(url, scheme)
            port = url.port
            (url.hostname or "").encode("idna")  # as every look-up of its address does
        except ValueError:
            raise InvalidSettings("a provider's URL is malformed") from None
        options = _options(url.query, scheme)
        username, password = _credentials(url, scheme)
        host = _host(url, scheme, options)
        port = _default_port(scheme) if port is None else port
        return cls(
            scheme=url.scheme,
            host=host,
            port=port,
            name=_matching(_NAME, options.get("name", url.scheme), "name"),
            tls=_tls(options.get("tls"), port) if scheme.has_server else Tls.TLS,
            username=username,
            password=password,
            rate=_rate(options.get("rate")),
        )


def _scheme(name: str) -> Scheme:
    if name not in SCHEMES:
        raise InvalidSettings(f"a provider's URL must begin with one of: {', '.join(sorted(SCHEMES))}")
    return SCHEMES[name]


def _with_server(url: SplitResult, scheme: Scheme) -> SplitResult:
    """A preset's URL without `@` consists of credentials, which would else be taken for a server and its port."""
    return url._replace(netloc=f"{url.netloc}@") if scheme.is_preset and "@" not in url.netloc else url


def _default_port(scheme: Scheme) -> int:
    return SUBMISSION_PORT if scheme.has_server else HTTPS_PORT


def _host(url: SplitResult, scheme: Scheme, options: dict[str, str]) -> str:
    named = url.hostname or ""
    if url.path.strip("/") or url.fragment or not (named or scheme.is_preset):
        raise InvalidSettings("a provider's URL must read scheme://user:password@host:port?options")
    if not scheme.has_server:
        if url.port is not None:
            raise InvalidSettings("a ses URL must read ses://region?options")
        return _matching(_AWS_REGION, named, "region")
    region = options.get("region", scheme.default_region)
    if region not in scheme.regions:
        raise InvalidSettings(f"a provider's region must be one of: {', '.join(scheme.regions)}")
    return named or scheme.regions[region]


def _options(query: str, scheme: Scheme) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    unknown = options.keys() - scheme.options
    if unknown:
        raise InvalidSettings(f"a provider's URL has unknown options: {', '.join(sorted(unknown))}")
    if len(options) != len(pairs):
        raise InvalidSettings("a provider's URL gives an option twice")
    return options


def _credentials(url: SplitResult, scheme: Scheme) -> tuple[str | None, str | None]:
    username, password = unquote(url.username or "") or scheme.only_user, unquote(url.password or "")
    if scheme.only_user and username != scheme.only_user:
        raise InvalidSettings(f"the user name of a {url.scheme} URL is {scheme.only_user}, or left out")
    if bool(username) != bool(password) or (scheme.is_preset and not password):
        raise InvalidSettings("a provider's URL must give a user name and a password, or neither")
    if not f"{username}{password}".isascii():
        raise InvalidSettings("a provider's user name and password must be ASCII: smtplib sends nothing else")
    if not scheme.has_server and ("@" in url.netloc):
        raise InvalidSettings("a ses URL takes no credentials: they come as boto3 finds them")
    return (username, password) if username and password else (None, None)


def _rate(option: str | None) -> Rate | None:
    try:
        return None if option is None else Rate.parse(option)
    except ValueError as error:
        raise InvalidSettings(f"a provider's rate {error}") from None


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
