"""A person's devices, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from chalicelib.domain.user import Device
from chalicelib.errors import NotFound


class DeviceLists(Protocol):
    def has_user(self, user_id: UUID) -> bool: ...

    def newest(self, user_id: UUID, *, before: UUID | None, limit: int) -> Sequence[Device]:
        """Up to `limit` devices with smaller ids than `before`, the greatest id first."""
        ...


@dataclass(frozen=True, slots=True)
class DevicePage:
    """Some devices; `more` tells whether others follow the last one."""

    devices: tuple[Device, ...]
    more: bool


def list_devices(user_id: UUID, *, before: UUID | None, limit: int, devices: DeviceLists) -> DevicePage:
    """At most `limit` devices that follow the device `before`.

    Raises:
        NotFound: there is no such person.
        DatabaseUnavailable: nothing can be read.
    """
    found = devices.newest(user_id, before=before, limit=limit + 1)
    if not found and not devices.has_user(user_id):
        raise NotFound("There is no such user.", code="user_not_found")
    return DevicePage(devices=tuple(found[:limit]), more=len(found) > limit)
