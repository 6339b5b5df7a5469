"""Removes one of a person's devices."""

from typing import Protocol
from uuid import UUID

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.errors import NotFound
from chalicelib.services.ports import Clock


class DeviceRemoval(Protocol):
    def delete(self, user_id: UUID, device_id: UUID, *, audit: NewAudit) -> UUID | None:
        """Remove the person's device; its id, or None when they have no such device."""
        ...


def forget_device(user_id: UUID, device_id: UUID, *, by: Actor, devices: DeviceRemoval, clock: Clock) -> None:
    """No push goes to the device any more.

    Raises:
        NotFound: the person has no such device.
        DatabaseUnavailable: nothing changed, or it is not known whether it did.
    """
    audit = new_audit(by, "device.forgotten", f"device:{device_id}", at=clock(), user_id=str(user_id))
    if devices.delete(user_id, device_id, audit=audit) is None:
        raise NotFound("This user has no such device.", code="device_not_found")
