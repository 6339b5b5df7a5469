"""The URLs by which an operator names e-mail providers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.provider_url import ProviderUrl, Tls
from chalicelib.domain.rate import Rate
from chalicelib.errors import InvalidSettings


def test_a_full_url_is_read_whole() -> None:
    assert ProviderUrl.parse("smtp://us%40er:p%3Ass@mail.example:2525?tls=tls&name=main") == ProviderUrl(
        scheme="smtp",
        host="mail.example",
        port=2525,
        name="main",
        tls=Tls.TLS,
        username="us@er",
        password="p:ss",
    )


@pytest.mark.parametrize(
    ("text", "port", "tls"),
    [
        ("smtp://mail.example", 587, Tls.STARTTLS),
        ("smtp://mail.example:465", 465, Tls.TLS),
        ("smtp://127.0.0.1:1025?tls=none", 1025, Tls.NONE),
        ("smtp://[::1]:1025?tls=none", 1025, Tls.NONE),
    ],
)
def test_encryption_is_the_default(text: str, port: int, tls: Tls) -> None:
    url = ProviderUrl.parse(text)
    assert (url.port, url.tls, url.name) == (port, tls, "smtp")


@pytest.mark.parametrize("at", ["@", ""])
@pytest.mark.parametrize(
    ("text", "host", "username", "password"),
    [
        ("gmail://user%40example.com:app-password{at}", "smtp.gmail.com", "user@example.com", "app-password"),
        ("gmail://user%40example.com:1234{at}", "smtp.gmail.com", "user@example.com", "1234"),
        ("sendgrid://:SG.a_b-c%2Fd{at}", "smtp.sendgrid.net", "apikey", "SG.a_b-c/d"),
        ("sendgrid://apikey:SG.key{at}", "smtp.sendgrid.net", "apikey", "SG.key"),
        ("mailgun://postmaster%40mg.example.com:pass{at}", "smtp.mailgun.org", "postmaster@mg.example.com", "pass"),
        ("mailgun://me%40mg.example.com:pass{at}?region=us", "smtp.mailgun.org", "me@mg.example.com", "pass"),
        ("mailgun://me%40mg.example.com:pass{at}?region=eu", "smtp.eu.mailgun.org", "me@mg.example.com", "pass"),
    ],
)
def test_a_preset_is_its_provider_s_server_under_starttls(
    text: str, host: str, username: str, password: str, at: str
) -> None:
    url = ProviderUrl.parse(text.format(at=at))
    assert (url.host, url.port, url.tls, url.name) == (host, 587, Tls.STARTTLS, url.scheme)
    assert (url.username, url.password) == (username, password)


@pytest.mark.parametrize("preset", ["gmail", "sendgrid", "mailgun"])
def test_a_preset_s_server_and_encryption_can_be_others(preset: str) -> None:
    user = "apikey" if preset == "sendgrid" else "me"
    url = ProviderUrl.parse(f"{preset}://{user}:pass@127.0.0.1:2525?tls=none&name=main")
    assert (url.scheme, url.host, url.port, url.tls, url.name) == (preset, "127.0.0.1", 2525, Tls.NONE, "main")
    assert ProviderUrl.parse(f"{preset}://{user}:pass@:465").tls is Tls.TLS


def test_ses_is_a_region_without_credentials() -> None:
    url = ProviderUrl.parse("ses://eu-west-1?name=aws")
    assert (url.scheme, url.host, url.name, url.username, url.password) == ("ses", "eu-west-1", "aws", None, None)
    assert ProviderUrl.parse("ses://us-gov-west-1").host == "us-gov-west-1"


@pytest.mark.parametrize(
    "server",
    ["smtp://mail.example", "gmail://u:p@", "gmail://u:p", "sendgrid://:k", "mailgun://u:p", "ses://eu-west-1"],
)
@pytest.mark.parametrize(
    ("written", "rate"),
    [
        ("14/second", Rate(14, 1)),
        ("14%2Fsecond", Rate(14, 1)),
        ("100/15%20minutes", Rate(100, 900)),
        ("100/15+minutes", Rate(100, 900)),
    ],
)
def test_every_scheme_takes_a_rate(server: str, written: str, rate: Rate) -> None:
    assert ProviderUrl.parse(f"{server}?rate={written}").rate == rate
    assert ProviderUrl.parse(server).rate is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mail.example",
        "ftp://mail.example",
        "smtp://",
        "smtp://mail.example:99999",
        "smtp://mail.example:port",
        "smtp://[mail.example",
        "smtp://mail..example",
        "smtp://mail.example/path",
        "smtp://user@mail.example",
        "smtp://:pass@mail.example",
        "smtp://user:p%C3%A4ss@mail.example",
        "smtp://%C3%BCser:pass@mail.example",
        "smtp://mail.example?tls=ssl",
        "smtp://mail.example?tls=",
        "smtp://mail.example?tsl=none",
        "smtp://mail.example?name=a&name=b",
        "smtp://mail.example?name=Main%20One",
        "smtp://mail.example?region=eu",
        "smtp://mail.example?rate=14",
        "smtp://mail.example?rate=",
        "gmail://",
        "gmail://@",
        "gmail://user@",
        "gmail://:password@",
        "gmail://user:password@?region=eu",
        "gmail://user:password@smtp.example/path",
        "sendgrid://somebody:key@",
        "sendgrid://:@",
        "sendgrid://@smtp.example",
        "mailgun://user:password@?region=mars",
        "mailgun://user:password@?region=",
        "ses://",
        "ses://@",
        "ses://west",
        "ses://eu-west-1:443",
        "ses://key:secret@eu-west-1",
        "ses://eu-west-1/path",
        "ses://eu-west-1?tls=none",
        "ses://eu-west-1?rate=14/fortnight",
    ],
)
def test_what_is_malformed_or_unknown_is_refused(text: str) -> None:
    with pytest.raises(InvalidSettings):
        ProviderUrl.parse(text)


@given(st.text(min_size=4, alphabet=st.characters(max_codepoint=127, categories=["L", "N"])))
def test_no_repr_and_no_error_shows_the_password(password: str) -> None:
    secret = f"zq{password}qz"
    for good in (f"smtp://user:{secret}@mail.example", f"gmail://user:{secret}", f"sendgrid://:{secret}"):
        assert secret not in repr(ProviderUrl.parse(good))
    for bad in (
        f"smtp://user:{secret}@mail.example:notaport",
        f"gmail://user:{secret}@?tls=x",
        f"ses://k:{secret}@eu-west-1",
    ):
        with pytest.raises(InvalidSettings) as refused:
            ProviderUrl.parse(bad)
        assert secret not in str(refused.value)
