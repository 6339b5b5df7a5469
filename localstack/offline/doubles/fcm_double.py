"""Firebase Cloud Messaging's HTTP v1 API, with accounts, devices and errors by script. It pushes to nobody.

    python -m offline.doubles.fcm_double --port 8026

Devices can be scripted by their token: see fcm_scripts; how the service itself fares, by its mood: see moods.
Accepted messages are kept in memory, the latest `--keep`.
A service account whose `token_uri` is this server's /token is accepted with whatever key.
"""

import argparse
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass

from offline.doubles.bounded_log import DEFAULT_KEEP, BoundedLog
from offline.doubles.fcm_web import Fcm, fcm_web
from offline.doubles.serving import http_server, running_in_thread, serve_until_signalled

DEFAULT_SLOW_S = 2.0
DEFAULT_RETRY_AFTER_S = 1


@dataclass(frozen=True, slots=True)
class RunningFcmDouble:
    """Where a double listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The API's root; the page, and JSON at /messages."""
        return f"http://{self.host}:{self.port}"

    @property
    def token_uri(self) -> str:
        """What a service account's `token_uri` is set to."""
        return f"{self.url}/token"

    def send_url(self, project: str) -> str:
        """Where a project's messages are posted."""
        return f"{self.url}/v1/projects/{project}/messages:send"


@asynccontextmanager
async def fcm_double(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    slow_s: float = DEFAULT_SLOW_S,
    retry_after_s: int = DEFAULT_RETRY_AFTER_S,
    keep: int = DEFAULT_KEEP,
) -> AsyncIterator[RunningFcmDouble]:
    """A double in the running event loop; port 0 takes a free one. Raises: OSError when the port is taken."""
    fcm = Fcm(slow_s=slow_s, retry_after_s=retry_after_s, messages=BoundedLog(keep=keep))
    async with http_server(fcm_web(fcm), host=host, port=port) as bound_port:
        yield RunningFcmDouble(host, bound_port)


def running_fcm_double(
    *,
    slow_s: float = DEFAULT_SLOW_S,
    retry_after_s: int = DEFAULT_RETRY_AFTER_S,
    keep: int = DEFAULT_KEEP,
    port: int = 0,
) -> AbstractContextManager[RunningFcmDouble]:
    """A double in a thread, on a free port of loopback, while the `with` block lasts."""
    return running_in_thread(fcm_double(slow_s=slow_s, retry_after_s=retry_after_s, keep=keep, port=port))


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m offline.doubles.fcm_double", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8026)
    parser.add_argument("--slow-s", type=float, default=DEFAULT_SLOW_S, help="delay of slow- devices")
    parser.add_argument("--retry-after-s", type=int, default=DEFAULT_RETRY_AFTER_S)
    parser.add_argument("--keep", type=int, default=DEFAULT_KEEP, help="how many messages are kept")
    serve_until_signalled(
        fcm_double(**vars(parser.parse_args())), ready_line=lambda double: f"fcm double ready: {double.url}"
    )


if __name__ == "__main__":
    main()
