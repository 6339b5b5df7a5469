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


def is_password(password: str, digest: str | None) -> bool:
    """Whether the digest is of this password, always at the same cost.

    Without a digest, as of a person whom nobody knows, and for a password that is too long to have one, the answer is
    no, after as much work: how long it takes tells nothing.
    """
    encoded = password.encode()
    if digest is None or len(encoded) > MAX_PASSWORD_BYTES:
        bcrypt.hashpw(encoded[:MAX_PASSWORD_BYTES], bcrypt.gensalt(COST))
        return False
    return bcrypt.checkpw(encoded, digest.encode())
