"""Passwords as bcrypt digests, cost 12: about a quarter of a second each, which is the point."""

import bcrypt

from chalicelib.domain.user import MAX_PASSWORD_BYTES

COST = 12


def hash_password(password: str) -> str:
    """A salted digest in bcrypt's own format.

    Raises:
        ValueError: the password has more than 72 bytes in UTF-8.
    """
    encoded = password.encode()
    if len(encoded) > MAX_PASSWORD_BYTES:
        raise ValueError(f"a password has at most {MAX_PASSWORD_BYTES} bytes")
    return bcrypt.hashpw(encoded, bcrypt.gensalt(COST)).decode()


def is_password(password: str, digest: str) -> bool:
    """Whether the digest is of this password. One that is too long is of no digest."""
    encoded = password.encode()
    return len(encoded) <= MAX_PASSWORD_BYTES and bcrypt.checkpw(encoded, digest.encode())
