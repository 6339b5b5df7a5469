"""The URLs by which an operator names e-mail providers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.provider_url import ProviderUrl, Tls
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


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mail.example",
        "ftp://mail.example",
        "ses://eu-west-1",
        "smtp://",
        "smtp://mail.example:99999",
        "smtp://mail.example:port",
        "smtp://[mail.example",
        "smtp://mail.example/path",
        "smtp://user@mail.example",
        "smtp://:pass@mail.example",
        "smtp://mail.example?tls=ssl",
        "smtp://mail.example?tls=",
        "smtp://mail.example?tsl=none",
        "smtp://mail.example?name=a&name=b",
        "smtp://mail.example?name=Main%20One",
        "smtp://mail.example?rate=14/second",
    ],
)
def test_what_is_malformed_or_unknown_is_refused(text: str) -> None:
    with pytest.raises(InvalidSettings):
        ProviderUrl.parse(text)


@given(st.text(min_size=4, alphabet=st.characters(categories=["L", "N"])))
def test_no_repr_and_no_error_shows_the_password(password: str) -> None:
    secret = f"zq{password}qz"
    assert secret not in repr(ProviderUrl.parse(f"smtp://user:{secret}@mail.example"))
    with pytest.raises(InvalidSettings) as refused:
        ProviderUrl.parse(f"smtp://user:{secret}@mail.example:notaport")
    assert secret not in str(refused.value)
