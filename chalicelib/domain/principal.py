"""Who makes a request, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum


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
    """An API client whose token was verified."""

    client_id: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes
