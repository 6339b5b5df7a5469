"""HTTP connections for many threads, kept between invocations, whose every operation ends with the send's deadline."""

import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util import Retry

from chalicelib.channels.deadline import DeadlineSocket, open_socket, tls_context

MAX_IDLE_S = 30.0
"""An idle connection older than this is replaced: its peer may have closed it while the function was frozen, and HTTP
has no way to ask. A request lost on a dead connection could not be told from one that was taken."""


class _Aging(HTTPConnection):
    """Counts as dropped after a long idle time, on the wall clock: a frozen machine's other clocks stand still."""

    _used_at_s = 0.0

    def _new_conn(self) -> DeadlineSocket:
        try:
            return open_socket(self.host, self.port or self.default_port)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "the deadline passed while connecting") from error
        except OSError as error:
            raise NewConnectionError(self, f"no connection ({type(error).__name__})") from error

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


class DeadlineAdapter(HTTPAdapter):
    """Keeps up to `connections` of them, and never repeats a request: that is the retry policy's to decide."""

    def __init__(self, *, connections: int) -> None:
        super().__init__(pool_connections=2, pool_maxsize=connections, max_retries=Retry(0, read=False))

    def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:  # Any: handed through to urllib3
        super().init_poolmanager(*arguments, ssl_context=tls_context(), **keywords)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def proxy_manager_for(self, *arguments: Any, **keywords: Any) -> PoolManager:  # Any: handed through to urllib3
        manager: PoolManager = super().proxy_manager_for(*arguments, ssl_context=tls_context(), **keywords)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        return manager
