"""Who connects to a server speaks only to one that proves its name: TLS as the platform's URLs ask for it."""

import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 5.0
SSL_REQUEST_BYTES = 8

POSTGRESQL = """
from chalicelib.stores.connection import connect
connect(url, application_name="carillon", answer_timeout_s=3.0)
"""
VALKEY = """
from chalicelib.stores.cache import Cache
with Cache(url, timeout_s=3.0).client() as client:
    client.ping()
"""
RABBITMQ = """
from chalicelib.broker.publisher import Publisher
Publisher(url, retry_delays_s=(5,)).count_ready("email", timeout_s=3.0)
"""
URLS = {
    POSTGRESQL: "postgresql://carillon:secret@localhost:{port}/carillon?sslmode=verify-full&sslrootcert={roots}&options=",
    VALKEY: "rediss://:secret@localhost:{port}/0",
    RABBITMQ: "amqps://carillon:secret@localhost:{port}/%2F",
}


class Authority:
    """Signs certificates."""

    def __init__(self, name: str) -> None:
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._signed(self._name, self._key, is_authority=True, host=name)

    def issue(self, host: str, into: Path) -> Path:
        """A file with a certificate for this host, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        into.write_bytes(
            self._signed(name, key, is_authority=False, host=host)
            + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        return into

    def _signed(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_authority: bool, host: str) -> bytes:
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(_key_usage(is_authority=is_authority), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, SHA256())
        )
        return certificate.public_bytes(Encoding.PEM)


def _key_usage(*, is_authority: bool) -> x509.KeyUsage:
    """From 3.13 on, Python trusts no authority without one (RFC 5280 §4.2.1.3)."""
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass
class Listener:
    """A server that shakes hands with whoever comes, and notes who then says a word."""

    server: socket.socket
    context: ssl.SSLContext
    is_asked_first: bool
    greeted: list[bytes] = field(default_factory=list)

    @property
    def port(self) -> int:
        port: int = self.server.getsockname()[1]
        return port

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return  # closed: the test is over
            with connection:
                self._greet(connection)

    def _greet(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE_S)
        try:
            if self.is_asked_first:
                connection.recv(SSL_REQUEST_BYTES)
                connection.sendall(b"S")
            with self.context.wrap_socket(connection, server_side=True) as secured:
                heard = secured.recv(64)
                self.greeted += [heard] if heard else []
        except OSError:
            return  # it did not like our certificate


@contextmanager
def listening(certificate: Path, *, is_asked_first: bool) -> Iterator[Listener]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as server:
        listener = Listener(server, context, is_asked_first)
        thread = threading.Thread(target=listener.serve)
        thread.start()
        yield listener
        server.shutdown(socket.SHUT_RDWR)
    thread.join(PATIENCE_S * 2)


def call(client: str, urls: list[str], roots: Path) -> None:
    """Let one process with these authorities try each address once."""
    body = "\n".join(f"        {line}" for line in client.strip().splitlines())
    program = (
        f"for url in {urls!r}:\n    try:\n{body}\n    except Exception as error:\n        print(type(error), error)"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "SSL_CERT_FILE": str(roots)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)


@pytest.mark.parametrize("client", URLS, ids=["PostgreSQL", "Valkey", "RabbitMQ"])
def test_only_a_server_that_proves_its_name_hears_a_word(client: str, tmp_path: Path) -> None:
    ours, strange = Authority("Ours"), Authority("Strange")
    roots = tmp_path / "roots.pem"
    roots.write_bytes(ours.certificate)
    certificates = {
        "right": ours.issue("localhost", tmp_path / "right.pem"),
        "of another name": ours.issue("elsewhere.example", tmp_path / "elsewhere.pem"),
        "of a strange authority": strange.issue("localhost", tmp_path / "strange.pem"),
    }
    with ExitStack() as stack:
        listeners = {
            name: stack.enter_context(listening(certificate, is_asked_first=client == POSTGRESQL))
            for name, certificate in certificates.items()
        }
        call(client, [URLS[client].format(port=one.port, roots=roots) for one in listeners.values()], roots)
        heard = {name for name, one in listeners.items() if one.greeted}
    assert heard == {"right"}
