"""Providers are built from settings, in order, without connecting and without loading what they do not need."""

import subprocess
import sys

import pytest

from chalicelib.channels.registry import email_providers
from chalicelib.domain.provider_url import ProviderUrl
from chalicelib.errors import InvalidSettings

URLS = [ProviderUrl.parse("smtp://one.invalid?name=first"), ProviderUrl.parse("smtp://two.invalid?name=second")]


def test_providers_keep_the_order_of_the_setting() -> None:
    made = email_providers(URLS, sender="Carillon <no-reply@x.example>", timeout_s=1)
    assert [provider.name for provider in made] == ["first", "second"]


def test_two_providers_of_one_name_stop_the_start() -> None:
    with pytest.raises(InvalidSettings, match="name="):
        email_providers([URLS[0], URLS[0]], sender="no-reply@x.example", timeout_s=1)


def test_a_malformed_sender_stops_the_start() -> None:
    with pytest.raises(InvalidSettings, match="EMAIL_FROM"):
        email_providers(URLS, sender="nobody", timeout_s=1)


def test_every_scheme_makes_a_provider_in_the_order_of_the_setting() -> None:
    texts = [
        "ses://eu-west-1",
        "gmail://u:p",
        "smtp://one.invalid",
        "sendgrid://:k",
        "mailgun://u:p",
        "ses://us-east-1?name=us",
    ]
    made = email_providers([ProviderUrl.parse(text) for text in texts], sender="no-reply@x.example", timeout_s=1)
    assert [provider.name for provider in made] == ["ses", "gmail", "smtp", "sendgrid", "mailgun", "us"]


@pytest.mark.parametrize("url", ["smtp://x.invalid", "gmail://u:p", "sendgrid://:k", "mailgun://u:p"])
def test_providers_that_speak_smtp_load_neither_boto3_nor_firebase(url: str) -> None:
    assert _loaded_by(url) == set()


def test_ses_loads_boto3_alone() -> None:
    assert _loaded_by("ses://eu-west-1") == {"boto3", "botocore"}


def _loaded_by(url: str) -> set[str]:
    """Which SDKs a fresh process has loaded once it has built this provider."""
    program = (
        "import sys; from chalicelib.channels.registry import email_providers;"
        "from chalicelib.domain.provider_url import ProviderUrl;"
        f"email_providers([ProviderUrl.parse({url!r})], sender='a@x.example', timeout_s=1);"
        "print(*{'boto3', 'botocore', 'firebase_admin', 'requests'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    return set(done.stdout.split())
