"""Notes that a device shows a person's pushes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.identity import new_id
from chalicelib.domain.notification import Platform
from chalicelib.domain.user import Device, NewDevice


@dataclass(frozen=True, slots=True)
class RegisterDevice:
    user_id: UUID
    token: str = field(repr=False)
    platform: Platform
    by: Actor


class DeviceRegister(Protocol):
    def register(self, device: NewDevice, *, audit: Callable[[Device, UUID | None], NewAudit]) -> Device:
        """Store the device, or move it; `audit` is told the device and from whom it moved.

        Raises: NotFound when there is no such person, Conflict when they have MAX_DEVICES others.
        """
        ...


def register_device(command: RegisterDevice, *, devices: DeviceRegister, clock: Callable[[], datetime]) -> Device:
    """The device, which is this person's from now on and nobody else's.

    Registering it again for the same person keeps its id; taking it over from another gives it a new one, so that what
    was on its way to that person does not reach this one. The audit entry names the person who lost it.

    Raises:
        NotFound: there is no such person.
        Conflict: it is not theirs yet, and they have as many as a person may have.
        DatabaseUnavailable: nothing changed, or it is not known whether it did.
    """
    now = clock()
    device = NewDevice(id=new_id(now), user_id=command.user_id, token=command.token, platform=command.platform)

    def audit(stored: Device, taken_from: UUID | None) -> NewAudit:
        detail = {"user_id": str(stored.user_id)} | ({"taken_from": str(taken_from)} if taken_from else {})
        return new_audit(command.by, "device.registered", f"device:{stored.id}", at=now, **detail)

    return devices.register(device, audit=audit)
