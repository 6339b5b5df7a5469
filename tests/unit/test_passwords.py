"""Passwords."""

import pytest

from chalicelib.security.passwords import hash_password, is_password


def test_a_digest_is_of_its_password_alone_and_never_the_same_twice() -> None:
    digest = hash_password("correct horse")
    assert is_password("correct horse", digest)
    assert not is_password("correct hors", digest)
    assert digest.startswith("$2b$12$")
    assert digest != hash_password("correct horse")


def test_a_password_that_bcrypt_would_cut_is_refused() -> None:
    digest = hash_password("é" * 36)
    assert not is_password("é" * 36 + "x", digest)
    with pytest.raises(ValueError, match="72 bytes"):
        hash_password("é" * 36 + "x")
