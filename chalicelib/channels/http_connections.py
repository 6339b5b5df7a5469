"""HTTP connections for many threads, kept between invocations, whose every operation ends with the send's deadline.

Under urllib3, which both requests and botocore stand on. A connection that was never made raises NewConnectionError,
ConnectTimeoutError or, about a certificate, SSLError: whatever else is raised, the request may have been taken.
"""

import ssl
import time
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from chalicelib.channels.deadline import DeadlineSocket, open_socket

MAX_IDLE_S = 30.0
"""An idle connection older than this is replaced: its peer may have closed it while the function was frozen, and HTTP
has no way to ask. A request lost on a dead connection could not be told from one that was taken."""


class _Aging(HTTPConnection):
    """Counts as dropped after a long idle time, on the wall clock: a frozen machine's other clocks stand still."""

    _used_at_s = 0.0

    def connect(self) -> None:
        try:
            super().connect()
        except ssl.SSLCertVerificationError:
            raise
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "the deadline passed while connecting") from error
        except OSError as error:
            raise NewConnectionError(self, f"no connection ({type(error).__name__})") from error

    def _new_conn(self) -> DeadlineSocket:
        return open_socket(self.host, self.port or self.default_port)

    @property
    def is_connected(self) -> bool:
        return super().is_connected and abs(time.time() - self._used_at_s) < MAX_IDLE_S

    def getresponse(self) -> Any:  # Any: urllib3 narrows the standard library's response to its own
        self._used_at_s = time.time()
        return super().getresponse()


class _AgingTls(_Aging, HTTPSConnection):
    """The same, encrypted."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Aging


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _AgingTls


POOL_CLASSES: dict[str, type] = {"http": _Pool, "https": _TlsPool}
"""What an urllib3 manager makes its pools of, by the URL's scheme. Its TLS context must be `deadline.tls_context`'s."""
