"""Bodies, queries and answers of /v1/users."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from chalicelib.domain.audit import Actor
from chalicelib.domain.principal import Principal, Scope
from chalicelib.domain.user import MAX_PASSWORD_BYTES, MIN_PASSWORD_LENGTH, User, UserField, UserFilter
from chalicelib.handlers.answers import ResourceModel
from chalicelib.handlers.fields import Email, ExternalId, Line, Locale, Timezone
from chalicelib.handlers.paging import NextCursor, PageQuery
from chalicelib.handlers.request import RequestModel
from chalicelib.services.change_user import ChangeUser
from chalicelib.services.create_user import CreateUser


def _fits_bcrypt(password: str) -> str:
    if len(password.encode()) > MAX_PASSWORD_BYTES:
        raise ValueError(f"must have at most {MAX_PASSWORD_BYTES} bytes in UTF-8")
    return password


Password = Annotated[
    str,
    Field(
        min_length=MIN_PASSWORD_LENGTH,
        max_length=MAX_PASSWORD_BYTES,
        examples=["correct horse battery"],
        json_schema_extra={"format": "password"},
    ),
    AfterValidator(_fits_bcrypt),
]
AnEmail = Annotated[Email, Field(examples=["ada@example.com"])]
AName = Annotated[Line, Field(examples=["Ada Lovelace"])]
ALocale = Annotated[Locale | None, Field(examples=["fr-CA"], description="A BCP 47 tag of registered subtags.")]
ATimezone = Annotated[Timezone | None, Field(examples=["Europe/Paris"], description="Of the IANA database; else UTC.")]
AnExternalId = Annotated[ExternalId | None, Field(examples=["crm-4711"], description="What another system says.")]


class UserBody(RequestModel):
    """A person to be registered. Without a password they cannot log in."""

    email: AnEmail
    name: AName
    password: Password | None = Field(default=None, repr=False)
    locale: ALocale = None
    timezone: ATimezone = None
    external_id: AnExternalId = None
    is_admin: bool = Field(default=False, description="Only an administrator makes an administrator.")

    def command(self, *, by: Actor, may_make_admins: bool) -> CreateUser:
        return CreateUser(
            by=by,
            email=self.email,
            name=self.name,
            password=self.password,
            locale=self.locale,
            timezone=self.timezone or "UTC",
            external_id=self.external_id,
            is_admin=self.is_admin,
            may_make_admins=may_make_admins,
        )


class UserPatch(RequestModel):
    """A JSON merge patch (RFC 7396): what is absent stays, null removes."""

    # a factory: what is absent has no value that a schema could name, and may not be null either
    email: AnEmail = Field(default_factory=str)
    name: AName = Field(default_factory=str)
    password: Password | None = Field(default=None, repr=False)
    locale: ALocale = None
    timezone: ATimezone = None
    external_id: AnExternalId = None
    is_admin: bool = Field(default_factory=bool, description="Only an administrator decides who is one.")

    def command(
        self, user_id: UUID, *, by: Actor, if_match: frozenset[int] | None, only_own: bool, is_by_admin: bool
    ) -> ChangeUser:
        return ChangeUser(
            user_id=user_id,
            by=by,
            given=frozenset(map(UserField, self.model_fields_set)),
            email=self.email,
            name=self.name,
            password=self.password,
            locale=self.locale,
            timezone=self.timezone,
            external_id=self.external_id,
            is_admin=self.is_admin,
            if_match=if_match,
            only_own=only_own,
            is_by_admin=is_by_admin,
        )


class UserQuery(PageQuery):
    """Filters of the list; each must fit exactly, an e-mail address whatever its case and its domain's script."""

    email: Email | None = Field(default=None, examples=["ada@example.com"])
    external_id: ExternalId | None = Field(default=None, examples=["crm-4711"])

    @property
    def wanted(self) -> UserFilter:
        return UserFilter(email=self.email, external_id=self.external_id)


class UserResource(ResourceModel):
    """A person. The ETag is the revision, which If-Match may require."""

    id: Annotated[UUID, Field(examples=["0192d3f0-0000-7000-8000-000000000001"])]
    email: Annotated[str, Field(examples=["ada@example.com"])]
    name: Annotated[str, Field(examples=["Ada Lovelace"])]
    locale: Annotated[str | None, Field(examples=["fr-CA"])]
    timezone: Annotated[str, Field(examples=["Europe/Paris"])]
    external_id: Annotated[str | None, Field(examples=["crm-4711"])]
    is_admin: Annotated[bool, Field(examples=[False])]
    created_at: Annotated[datetime, Field(examples=["2026-11-22T12:00:00.123Z"])]
    updated_at: Annotated[datetime, Field(examples=["2026-11-22T12:00:00.123Z"])]

    @classmethod
    def of(cls, user: User) -> "UserResource":
        return cls(
            id=user.id,
            email=user.email,
            name=user.name,
            locale=user.locale,
            timezone=user.timezone,
            external_id=user.external_id,
            is_admin=user.is_admin,
            created_at=user.created_at,
            updated_at=user.updated_at,
        )


class UserList(ResourceModel):
    """Some people, newest first; `next_cursor` is null on the last page."""

    items: list[UserResource]
    next_cursor: NextCursor


def is_admin(caller: Principal) -> bool:
    return caller.may(Scope.ADMIN)
