"""The SMTP provider encrypts, verifies whom it talks to, and authenticates."""

import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from chalicelib.channels.base import Deadline, Outgoing
from chalicelib.channels.deadline import tls_context
from chalicelib.channels.email.mailbox import Mailbox
from chalicelib.channels.email.smtp import SmtpProvider
from chalicelib.domain.content import RenderedEmail
from chalicelib.domain.identity import new_id
from chalicelib.domain.provider_url import ProviderUrl
from chalicelib.domain.recipient import EmailTarget
from chalicelib.errors import ProviderMisconfigured, ProviderUnavailable
from tests.scripted_smtp import ScriptedSmtp, scripted_smtp

WITH_STARTTLS = "250-test\r\n250-AUTH PLAIN\r\n250 STARTTLS"
WITH_AUTH = "250-test\r\n250 AUTH PLAIN"


@dataclass(frozen=True, slots=True)
class Identity:
    """A server's certificate, and a client's trust in it and in it alone."""

    server: ssl.SSLContext
    trusting: ssl.SSLContext


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    folder: Path = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return Identity(server, tls_context(str(folder / "cert.pem")))


@contextmanager
def provider_for(
    server: ScriptedSmtp, options: str, tls: ssl.SSLContext, *, host: str = "127.0.0.1", user: str = ""
) -> Iterator[SmtpProvider]:
    url = ProviderUrl.parse(f"smtp://{user}{host}:{server.port}?{options}")
    provider = SmtpProvider(url, sender=Mailbox("no-reply@x.example"), timeout_s=10, tls=tls)
    try:
        yield provider
    finally:
        provider.close()


def send(provider: SmtpProvider) -> None:
    content = RenderedEmail(subject="Hi", html="<p>Hi</p>" * 5000, text="Hi")
    outgoing = Outgoing(new_id(dt.datetime.now(dt.UTC)), "corr-12345678", EmailTarget("a@x.example"), content)
    provider.send(outgoing, deadline=Deadline.after(5))


def test_starttls_encrypts_before_anything_is_said(identity: Identity) -> None:
    with (
        scripted_smtp({"EHLO": WITH_STARTTLS}, tls=identity.server) as server,
        provider_for(server, "tls=starttls", identity.trusting) as provider,
    ):
        send(provider)
        send(provider)
        assert [command.split(" ")[0] for command in server.commands[:4]] == ["ehlo", "STARTTLS", "ehlo", "MAIL"]
        assert len(server.mails) == 2


def test_tls_encrypts_from_the_first_byte(identity: Identity) -> None:
    with (
        scripted_smtp(tls=identity.server, implicit_tls=True) as server,
        provider_for(server, "tls=tls", identity.trusting) as provider,
    ):
        send(provider)
        assert len(server.mails) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(identity: Identity) -> None:
    with (
        scripted_smtp({"EHLO": WITH_STARTTLS}, tls=identity.server) as server,
        provider_for(server, "tls=starttls", tls_context()) as provider,
        pytest.raises(ProviderMisconfigured, match="certificate"),
    ):
        send(provider)


def test_a_certificate_of_another_name_is_refused(identity: Identity) -> None:
    with (
        scripted_smtp(tls=identity.server, implicit_tls=True) as server,
        provider_for(server, "tls=tls", identity.trusting, host="localhost") as provider,
        pytest.raises(ProviderMisconfigured, match="certificate"),
    ):
        send(provider)


def test_a_server_without_starttls_gets_neither_mail_nor_password(identity: Identity) -> None:
    with (
        scripted_smtp({"EHLO": WITH_AUTH}) as server,
        provider_for(server, "tls=starttls", identity.trusting, user="u:p@") as provider,
    ):
        with pytest.raises(ProviderMisconfigured):
            send(provider)
        assert not [command for command in server.commands if command.startswith(("AUTH", "MAIL"))]


def test_credentials_are_given_once_a_connection() -> None:
    with (
        scripted_smtp({"EHLO": WITH_AUTH, "AUTH": "235 2.7.0 welcome"}) as server,
        provider_for(server, "tls=none", tls_context(), user="u:p@") as provider,
    ):
        send(provider)
        send(provider)
        assert len([command for command in server.commands if command.startswith("AUTH")]) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [("535 5.7.8 wrong", ProviderMisconfigured), ("454 4.7.0 not now", ProviderUnavailable)],
)
def test_refused_credentials_are_the_operator_s_and_a_busy_server_is_not(answer: str, error: type[Exception]) -> None:
    with (
        scripted_smtp({"EHLO": WITH_AUTH, "AUTH": answer}) as server,
        provider_for(server, "tls=none", tls_context(), user="u:p@") as provider,
        pytest.raises(error),
    ):
        send(provider)
