"""A person's session: what a login begins, and a refresh token of which carries it on."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Self
from uuid import UUID

SESSION_ID_BYTES = 16
REFRESH_SECRET_BYTES = 32
MAX_REFRESH_TOKEN_LENGTH = 128


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it is kept. `credential` is the fingerprint of the password that opened it: a session whose
    password is no longer the person's is over, whoever forgot to end it.
    """

    id: str
    user_id: UUID
    credential: str


@dataclass(frozen=True, slots=True, repr=False)
class RefreshToken:
    """What carries a session on, once: `<session id>.<256 random bits>`. Only the digest of the bits is kept.

    Whoever has seen the session's id, which each of its access tokens shows, can end it by presenting the id with any
    other bits, for that cannot be told from a token that was used before. It logs somebody out, and lets nobody in.
    """

    session_id: str
    secret: str

    @classmethod
    def of(cls, session_id: str) -> Self:
        """A fresh one for this session."""
        return cls(session_id, secrets.token_urlsafe(REFRESH_SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read one as a caller presents it; None when it cannot be one of ours."""
        session_id, separator, secret = text.partition(".")
        is_whole = separator and session_id and secret and len(text) <= MAX_REFRESH_TOKEN_LENGTH
        return cls(session_id, secret) if is_whole else None

    @property
    def text(self) -> str:
        return f"{self.session_id}.{self.secret}"

    @property
    def digest(self) -> str:
        """A plain hash will do: 256 random bits cannot be searched."""
        return hashlib.sha256(self.secret.encode()).hexdigest()


def new_session_id() -> str:
    """128 random bits: whoever is to end a session must have seen one of its tokens, expired ones included."""
    return secrets.token_urlsafe(SESSION_ID_BYTES)
