"""People and their devices, as they are registered."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chalicelib.domain.notification import Platform

MAX_PASSWORD_BYTES = 72
"""bcrypt reads no further; a longer password is refused rather than cut."""


@dataclass(frozen=True, slots=True)
class NewUser:
    """A person to be stored. `password_hash` is bcrypt's; None means that they cannot log in."""

    id: UUID
    email: str
    name: str
    password_hash: str | None
    locale: str | None
    timezone: str
    external_id: str | None

    @property
    def email_key(self) -> str:
        """Addresses that differ in case alone are one address."""
        return self.email.casefold()


@dataclass(frozen=True, slots=True)
class User:
    """A person as stored. `revision` grows by one with every change."""

    id: UUID
    email: str
    name: str
    locale: str | None
    timezone: str
    external_id: str | None
    revision: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class NewDevice:
    id: UUID
    user_id: UUID
    token: str
    platform: Platform


@dataclass(frozen=True, slots=True)
class Device:
    id: UUID
    user_id: UUID
    token: str
    platform: Platform
    created_at: datetime
    updated_at: datetime
