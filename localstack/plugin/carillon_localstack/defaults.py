"""What this plug-in chooses when nobody has chosen otherwise, before LocalStack reads it."""

import os

from localstack import config
from localstack.runtime import hooks


@hooks.on_runtime_create()
def choose_defaults() -> None:
    """Listen where GATEWAY_LISTEN says and nowhere else; provide Lambda and S3; run no DNS server here."""
    if config.GATEWAY_SERVER == "twisted":
        config.GATEWAY_SERVER = "interface"
    for service in ("lambda", "s3"):
        config.SERVICE_PROVIDER_CONFIG.set_provider_if_not_exists(service, "carillon")
    if not config.is_in_docker and not os.environ.get("DNS_ADDRESS"):
        config.DNS_ADDRESS = "0"
