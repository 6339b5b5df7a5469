"""The deadline's connections below requests, which firebase-admin and google-auth speak through."""

from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.util import Retry

from chalicelib.channels.deadline import tls_context
from chalicelib.channels.http_connections import POOL_CLASSES


class DeadlineAdapter(HTTPAdapter):
    """Keeps up to `connections` of them, and never repeats a request: that is the retry policy's to decide."""

    def __init__(self, *, connections: int) -> None:
        super().__init__(pool_connections=2, pool_maxsize=connections, max_retries=Retry(0, read=False))

    def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:  # Any: handed through to urllib3
        super().init_poolmanager(*arguments, ssl_context=tls_context(), **keywords)
        self.poolmanager.pool_classes_by_scheme = POOL_CLASSES

    def proxy_manager_for(self, *arguments: Any, **keywords: Any) -> PoolManager:  # Any: handed through to urllib3
        manager: PoolManager = super().proxy_manager_for(*arguments, ssl_context=tls_context(), **keywords)
        manager.pool_classes_by_scheme = POOL_CLASSES
        return manager
