"""LocalStack's web server on the interfaces of GATEWAY_LISTEN alone.

LocalStack's own binds every interface whatever it is told. It runs anybody's code, and asks nobody who they are.
"""

from localstack.aws.serving.twisted import TLSMultiplexerFactory
from localstack.config import HostAndPort, is_ipv6_address
from localstack.runtime.server.core import RuntimeServerPlugin
from localstack.runtime.server.twisted import TwistedRuntimeServer
from rolo.gateway import Gateway
from rolo.serving.twisted import TwistedGateway
from twisted.internet import endpoints, reactor, ssl


class InterfaceServer(TwistedRuntimeServer):
    """Like its parent, but for where it listens."""

    def register(self, gateway: Gateway, listen: list[HostAndPort], ssl_creds: tuple[str, str] | None = None) -> None:
        """Serve a gateway, over TLS too when there is a certificate. Raises what binding a port raises."""
        factory = TwistedGateway(gateway)
        if ssl_creds:
            certificate, key = ssl_creds
            contexts = ssl.DefaultOpenSSLContextFactory(key, certificate)
            contexts.getContext().use_certificate_chain_file(certificate)
            factory = TLSMultiplexerFactory(contexts, False, factory)  # noqa: FBT003 - LocalStack's own signature
        for address in listen:
            kind = endpoints.TCP6ServerEndpoint if is_ipv6_address(address.host) else endpoints.TCP4ServerEndpoint
            kind(reactor, address.port, interface=address.host).listen(factory)


class InterfaceServerPlugin(RuntimeServerPlugin):
    """GATEWAY_SERVER=interface."""

    name = "interface"

    def load(self, *_: object, **__: object) -> InterfaceServer:
        """One for this process."""
        return InterfaceServer()
