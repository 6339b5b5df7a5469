"""How a mapping gets into the broker: where it is, from this process's settings; as whom, from the mapping's secret."""

import json
from urllib.parse import quote, urlsplit

from offline.emulator.errors import SourceUnusable

SETTING = "CARILLON_RABBITMQ_URL"


def broker_url(*, address: str | None, secret: str) -> str:
    """The URL of an AMQP connection. Raises SourceUnusable for a secret that is not as Lambda wants it."""
    parts = urlsplit(address or "")
    if parts.scheme not in {"amqp", "amqps"} or not parts.hostname:
        raise SourceUnusable(reason_code="ESM_CONFIG_NOT_VALID", detail=f"{SETTING} is not amqp://host:port")
    user, password = _parse(secret)
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{place}"


def _parse(secret: str) -> tuple[str, str]:
    try:
        content = json.loads(secret)
        user, password = content["username"], content["password"]
    except (ValueError, TypeError, KeyError):
        user = password = None
    if not isinstance(user, str) or not isinstance(password, str):
        raise SourceUnusable(
            reason_code="ESM_CONFIG_NOT_VALID", detail='the secret is not {"username": "…", "password": "…"}'
        )
    return user, password
