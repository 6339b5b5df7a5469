"""Passwords."""

import time

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


def test_a_password_that_nobody_has_is_of_nobody_and_costs_the_same() -> None:
    digest = hash_password("correct horse")
    spent_s = {}
    for name, password, known in (
        ("wrong", "wrong", digest),
        ("unknown", "correct horse", None),
        ("too long", "x" * 73, digest),
    ):
        started_s = time.process_time()
        assert not is_password(password, known)
        spent_s[name] = time.process_time() - started_s
    assert min(spent_s.values()) > max(spent_s.values()) / 3, spent_s
