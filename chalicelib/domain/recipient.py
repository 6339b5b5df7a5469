"""To whom a delivery goes: what a row remembers of it, and what that is at the moment of sending.

A delivery to a registered person keeps a reference, resolved when it is sent: an address that changed is followed, a
device that went to somebody else is not, and nothing personal is copied. A recipient that the request named itself is
kept as given.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from chalicelib.domain.notification import Platform


@dataclass(frozen=True, slots=True)
class EmailTarget:
    """An address as the provider shall see it; `name` stands beside it in the To header."""

    address: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class PushTarget:
    """One device. `device_id` is None for a token that the request named itself and nobody registered."""

    token: str
    platform: Platform
    device_id: UUID | None = None


Target = EmailTarget | PushTarget


@dataclass(frozen=True, slots=True)
class PersonAddress:
    """Whatever address the notification's user has when it is sent."""


@dataclass(frozen=True, slots=True)
class RegisteredDevice:
    """A device, as long as it belongs to the notification's user."""

    device_id: UUID


TargetReference = PersonAddress | RegisteredDevice | EmailTarget | PushTarget


@dataclass(frozen=True, slots=True)
class Person:
    """A registered user, as far as reaching them goes."""

    user_id: UUID
    email: str | None
    name: str | None
    locale: str | None
    timezone: str
    devices: tuple[PushTarget, ...] = ()


def pack_reference(reference: TargetReference) -> dict[str, str]:
    """The flat form in which a row keeps a reference."""
    match reference:
        case PersonAddress():
            return {}
        case RegisteredDevice(device_id=device_id):
            return {"device_id": str(device_id)}
        case EmailTarget(address=address, name=name):
            return {"address": address} if name is None else {"address": address, "name": name}
        case PushTarget(token=token, platform=platform):
            return {"token": token, "platform": platform}


def unpack_reference(packed: Mapping[str, str]) -> TargetReference:
    """The inverse of `pack_reference`."""
    if "address" in packed:
        return EmailTarget(address=packed["address"], name=packed.get("name"))
    if "token" in packed:
        return PushTarget(token=packed["token"], platform=Platform(packed["platform"]))
    if "device_id" in packed:
        return RegisteredDevice(device_id=UUID(packed["device_id"]))
    return PersonAddress()
