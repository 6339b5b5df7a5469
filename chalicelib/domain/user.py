"""People and their devices, as they are registered."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from chalicelib.domain.notification import Platform

MIN_PASSWORD_LENGTH, MAX_PASSWORD_BYTES = 8, 72
"""bcrypt reads no further; a longer password is refused rather than cut."""

MAX_DEVICES = 100
"""A person's at most, as of a recipient's device tokens: each notification to them has a delivery for every device."""


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
    is_admin: bool = False

    @property
    def email_key(self) -> str:
        """Addresses that differ in case alone are one address."""
        return email_key(self.email)


@dataclass(frozen=True, slots=True)
class User:
    """A person as stored. `revision` grows by one with every change."""

    id: UUID
    email: str
    name: str
    locale: str | None
    timezone: str
    external_id: str | None
    is_admin: bool
    revision: int
    created_at: datetime
    updated_at: datetime


class UserField(StrEnum):
    """What of a person can be changed."""

    EMAIL = "email"
    NAME = "name"
    PASSWORD = "password"  # noqa: S105  the field's name
    LOCALE = "locale"
    TIMEZONE = "timezone"
    EXTERNAL_ID = "external_id"
    IS_ADMIN = "is_admin"


CHANGEABLE_BY_ONESELF = frozenset({UserField.NAME, UserField.PASSWORD, UserField.LOCALE, UserField.TIMEZONE})
"""By what the rest says, others know a person, or decide what they may do."""

ENDS_SESSIONS = frozenset({UserField.PASSWORD, UserField.IS_ADMIN})
"""After a change of one of these, what was issued before it must not hold any longer."""


@dataclass(frozen=True, slots=True)
class UserChanges:
    """A change of the fields that `given` names; the values of the others mean nothing.

    None removes a locale, an external id or a password. `password_hash` is bcrypt's. Who becomes an administrator by
    this keeps no password from before: whoever set it would be one, too.
    """

    given: frozenset[UserField]
    email: str | None = None
    name: str | None = None
    password_hash: str | None = field(default=None, repr=False)
    locale: str | None = None
    timezone: str | None = None
    external_id: str | None = None
    is_admin: bool | None = None

    @property
    def demotes(self) -> bool:
        """Whether this makes an administrator one no more."""
        return UserField.IS_ADMIN in self.given and not self.is_admin


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Which people a list shows: those to whom every part that is not None applies."""

    email: str | None = None
    external_id: str | None = None


def email_key(email: str) -> str:
    """The form in which addresses are compared."""
    return email.casefold()


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
