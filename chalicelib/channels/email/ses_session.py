"""Puts boto3's SES client on connections that end with a send's deadline, and switches its own retries off.

botocore has no setting for the connections, so this one place reaches into private attributes; the tests of trickling
servers fail when an upgrade moves them.
"""

from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from urllib3 import PoolManager

from chalicelib.channels.deadline import tls_context
from chalicelib.channels.http_connections import POOL_CLASSES

MOST_IDLE_CONNECTIONS = 64
"""How many connections are kept for the next sends: more than threads send at once."""


def session_in(region: str) -> "boto3.Session":
    """A session of one AWS region, with the credentials that boto3's own chain finds. Connects to nothing."""
    return boto3.Session(region_name=region)


def ses_client(session: "boto3.Session", *, timeout_s: float, endpoint: str | None) -> Any:  # Any: boto3 has no types
    """A client that makes one HTTP request a call and keeps its connections; safe for many threads.

    Without `endpoint` it is boto3's choice: AWS_ENDPOINT_URL, else the region's. Proxies and AWS_CA_BUNDLE are boto3's.
    """
    config = Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=timeout_s,
        read_timeout=timeout_s,
        max_pool_connections=MOST_IDLE_CONNECTIONS,
    )
    client = session.client("ses", config=config, endpoint_url=endpoint)
    _keep_deadlines(client._endpoint.http_session)  # noqa: SLF001 -- see above
    return client


def _keep_deadlines(http: Any) -> None:  # Any: botocore has no types
    http._get_ssl_context = tls_context  # noqa: SLF001 -- see above
    http._pool_classes_by_scheme = POOL_CLASSES  # noqa: SLF001 -- managers of proxies are made later, from these two
    http._manager = PoolManager(**http._get_pool_manager_kwargs())  # noqa: SLF001
    http._manager.pool_classes_by_scheme = POOL_CLASSES  # noqa: SLF001
