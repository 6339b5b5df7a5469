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


def test_building_e_mail_providers_does_not_load_firebase() -> None:
    program = (
        "import sys; from chalicelib.channels.registry import email_providers;"
        "from chalicelib.domain.provider_url import ProviderUrl;"
        "email_providers([ProviderUrl.parse('smtp://x.invalid')], sender='a@x.example', timeout_s=1);"
        "sys.exit('firebase_admin' in sys.modules or 'requests' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
