"""People and their devices."""

from collections.abc import Callable
from functools import cache, partial
from uuid import UUID

from chalicelib.domain.user import Device, User
from chalicelib.services import create_user as creating
from chalicelib.services import forget_device as forgetting
from chalicelib.services import list_devices as listing
from chalicelib.services import register_device as registering
from chalicelib.stores.devices import DeviceStore
from chalicelib.stores.people import PeopleStore
from chalicelib.stores.users import UserStore
from chalicelib.wiring.environment import clock, database


@cache
def people() -> PeopleStore:
    return PeopleStore(database=database("users"))


@cache
def create_user() -> Callable[[creating.CreateUser], User]:
    from chalicelib.security.passwords import hash_password  # noqa: PLC0415  only a password pays for bcrypt

    users = UserStore(database=database("users"))
    return partial(creating.create_user, users=users, hash_password=hash_password, clock=clock)


@cache
def register_device() -> Callable[[registering.RegisterDevice], Device]:
    return partial(registering.register_device, devices=DeviceStore(database=database("users")), clock=clock)


@cache
def list_devices() -> partial[listing.DevicePage]:
    return partial(listing.list_devices, devices=DeviceStore(database=database("users")))


@cache
def forget_device() -> Callable[[UUID, UUID], None]:
    return partial(forgetting.forget_device, devices=DeviceStore(database=database("users")))
