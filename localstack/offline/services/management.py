"""RabbitMQ's management API, as far as a stack needs it."""

import base64
import http.client
import json
import urllib.request
from urllib.parse import unquote, urlsplit

from offline.services.private import NotHealthy

_TIMEOUT_S = 5


def ask(management_url: str, path: str, *, method: str = "GET", body: object = None) -> object:
    """Call the API at a URL that carries user and password; return the parsed answer, None for an empty one.

    Raises:
        NotHealthy: it cannot be reached, or does not answer with success.
    """
    parts = urlsplit(management_url)
    host = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    request = urllib.request.Request(  # noqa: S310 - whoever gives the URL gives its scheme
        f"{parts.scheme}://{host}{path}", method=method, data=None if body is None else json.dumps(body).encode()
    )
    credentials = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    request.add_header("Authorization", "Basic " + base64.b64encode(credentials.encode()).decode())
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - see above
            text = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise NotHealthy(f"{path}: {error}") from error
    return json.loads(text) if text else None
