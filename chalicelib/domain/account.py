"""What logging in needs to know of a person."""

import hashlib
from dataclasses import dataclass, field
from uuid import UUID

from chalicelib.domain.principal import Principal, Scope


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may log in, or who may not: without a password nobody does."""

    user_id: UUID
    password_hash: str | None = field(repr=False)
    is_admin: bool = False

    @property
    def credential(self) -> str:
        """The fingerprint of the present password: another one whenever the password is set, also to the same."""
        return hashlib.sha256((self.password_hash or "").encode()).hexdigest()[:32]

    def principal(self, session_id: str) -> Principal:
        """The person in one of their sessions: an administrator with every scope, anybody else with none."""
        scopes = frozenset(Scope) if self.is_admin else frozenset[Scope]()
        return Principal(subject=str(self.user_id), scopes=scopes, session_id=session_id)
