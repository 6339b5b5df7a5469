"""Who makes a request, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from chalicelib.domain.rate import Rate


class Scope(StrEnum):
    """One permission. `admin` holds all others."""

    NOTIFICATIONS_SEND = "notifications:send"
    NOTIFICATIONS_READ = "notifications:read"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    TEMPLATES_READ = "templates:read"
    TEMPLATES_WRITE = "templates:write"
    FAILED_READ = "failed:read"
    FAILED_WRITE = "failed:write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a verified token speaks for: an API client, or a person in one of their sessions.

    `subject` is the client's id, or the person's. `session_id` is None for a client, which has no sessions; `rate` is a
    client's own, when it was given one.
    """

    subject: str
    scopes: frozenset[Scope]
    session_id: str | None = None
    rate: Rate | None = None

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes

    @property
    def client_id(self) -> str | None:
        """The API client, unless this is a person."""
        return self.subject if self.session_id is None else None

    @property
    def user_id(self) -> UUID | None:
        """The person, unless this is an API client."""
        return None if self.session_id is None else UUID(self.subject)

    @property
    def name(self) -> str:
        """Client and person in one name space, such as `client:billing`: for audit, logs and idempotency."""
        return f"client:{self.subject}" if self.session_id is None else f"user:{self.subject}"
