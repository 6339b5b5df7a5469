"""What the value of each secret setting must look like, wherever it was read from.

A rule raises ValueError with a sentence that does not hold the value.
"""

import json
import re
from collections.abc import Callable, Mapping

from chalicelib.domain import databases
from chalicelib.domain.provider_url import ProviderUrl
from chalicelib.errors import InvalidSettings

Rule = Callable[[str], None]

_PLACE = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(:[0-9]*)?")
"""A host, with a port or without."""

_LOGIN = re.compile(r"[^@\[\]\x80-\U0010ffff]*")

_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def _url_of(*schemes: str) -> Rule:
    def check(url: str) -> None:
        scheme, separator, rest = url.partition("://")
        if not separator or not rest or scheme not in schemes:
            raise ValueError(f"must be a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        _is_encoded(rest)

    return check


def _is_encoded(rest: str) -> None:
    """A password with / # ? @ [ or % as it is makes another URL of it, and drivers quote what they stumble over."""
    login, _, places = re.split("[/?#]", rest, maxsplit=1)[0].rpartition("@")
    in_order = all(map(_PLACE.fullmatch, places.split(",")))  # libpq takes several
    if not in_order or not _LOGIN.fullmatch(login) or _BARE_PERCENT.search(rest):
        raise ValueError("must be a URL whose user and password are percent-encoded, and whose port is a number")


def _json_object(text: str) -> None:
    try:
        parsed = json.loads(text)
    except ValueError:
        raise ValueError("must be a JSON object") from None
    if not isinstance(parsed, dict) or not parsed:
        raise ValueError("must be a JSON object that is not empty")


def _keys(text: str) -> None:
    """The form alone: whether each key is one of Ed25519 is for those to find out who load cryptography."""
    _json_object(text)
    if not all(isinstance(pem, str) and pem.lstrip().startswith("-----BEGIN ") for pem in json.loads(text).values()):
        raise ValueError("must be a JSON object of key id to private key in PEM")


def _providers(text: str) -> None:
    try:
        urls = parse_providers(text)
    except InvalidSettings as error:
        raise ValueError(str(error)) from None
    if len({url.name for url in urls}) != len(urls):
        raise ValueError("two providers have one name: give one of them another with name=")


def parse_providers(text: str) -> tuple[ProviderUrl, ...]:
    """The e-mail providers in the order in which they are tried. Raises: InvalidSettings."""
    return tuple(ProviderUrl.parse(url.strip()) for url in text.split(","))


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(databases.SETTINGS, _url_of("postgresql", "postgres")),
    "redis_url": _url_of("redis", "rediss"),
    "rabbitmq_url": _url_of("amqp", "amqps"),
    "email_providers": _providers,
    "fcm_credentials": _json_object,
    "jwt_private_keys": _keys,
}
"""By the setting's name. These are the settings that may name a secret instead."""
