"""Bodies and queries of /v1/users."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from chalicelib.domain.notification import Platform
from chalicelib.domain.user import MAX_PASSWORD_BYTES
from chalicelib.handlers.fields import DeviceToken, Email, ExternalId, Line, Locale, Timezone
from chalicelib.handlers.request import RequestModel
from chalicelib.services.create_user import CreateUser
from chalicelib.services.register_device import RegisterDevice


def _fits_bcrypt(password: str) -> str:
    if len(password.encode()) > MAX_PASSWORD_BYTES:
        raise ValueError(f"must have at most {MAX_PASSWORD_BYTES} bytes in UTF-8")
    return password


Password = Annotated[str, Field(min_length=8), AfterValidator(_fits_bcrypt)]


class UserBody(RequestModel):
    email: Email
    name: Line
    password: Password | None = Field(default=None, repr=False)
    locale: Locale | None = None
    timezone: Timezone | None = None
    external_id: ExternalId | None = None

    def command(self) -> CreateUser:
        return CreateUser(
            email=self.email,
            name=self.name,
            password=self.password,
            locale=self.locale,
            timezone=self.timezone or "UTC",
            external_id=self.external_id,
        )


class DeviceBody(RequestModel):
    token: DeviceToken
    platform: Platform

    def command(self, user_id: UUID) -> RegisterDevice:
        return RegisterDevice(user_id=user_id, token=self.token, platform=self.platform)
