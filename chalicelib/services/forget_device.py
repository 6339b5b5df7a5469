"""Removes one of a person's devices."""

from typing import Protocol
from uuid import UUID

from chalicelib.errors import NotFound


class DeviceRemoval(Protocol):
    def delete(self, user_id: UUID, device_id: UUID) -> UUID | None:
        """Remove the person's device; its id, or None when they have no such device."""
        ...


def forget_device(user_id: UUID, device_id: UUID, *, devices: DeviceRemoval) -> None:
    """No push goes to the device any more.

    Raises:
        NotFound: the person has no such device.
        DatabaseUnavailable: nothing changed, or it is not known whether it did.
    """
    if devices.delete(user_id, device_id) is None:
        raise NotFound("This user has no such device.", code="device_not_found")
