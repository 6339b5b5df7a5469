"""Bodies and answers of /v1/users/{user_id}/devices."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chalicelib.domain.audit import Actor
from chalicelib.domain.notification import Platform
from chalicelib.domain.user import Device
from chalicelib.handlers.answers import ResourceModel
from chalicelib.handlers.paging import NextCursor
from chalicelib.handlers.request import RequestModel
from chalicelib.services.register_device import RegisterDevice

RegisteredToken = Annotated[
    str, Field(min_length=1, max_length=2048, pattern=r"^[!-~]+$", examples=["fcm-registration-token"])
]
"""A push token that is unique among all: an index of PostgreSQL holds 2,704 bytes an entry."""


class DeviceBody(RequestModel):
    """A device that shows a person's pushes from now on, and nobody else's."""

    token: RegisteredToken
    platform: Platform

    def command(self, user_id: UUID, *, by: Actor) -> RegisterDevice:
        return RegisterDevice(user_id=user_id, token=self.token, platform=self.platform, by=by)


class DeviceResource(ResourceModel):
    """A person's device. Its id changes when it changes hands."""

    id: Annotated[UUID, Field(examples=["0192d3f0-0000-7000-8000-000000000002"])]
    token: Annotated[str, Field(examples=["fcm-registration-token"])]
    platform: Platform
    created_at: Annotated[datetime, Field(examples=["2026-11-22T12:00:00.123Z"])]
    updated_at: Annotated[datetime, Field(examples=["2026-11-22T12:00:00.123Z"])]

    @classmethod
    def of(cls, device: Device) -> "DeviceResource":
        return cls(
            id=device.id,
            token=device.token,
            platform=device.platform,
            created_at=device.created_at,
            updated_at=device.updated_at,
        )


class DeviceList(ResourceModel):
    """Some devices, newest first; `next_cursor` is null on the last page."""

    items: list[DeviceResource]
    next_cursor: NextCursor
