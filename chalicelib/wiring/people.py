"""People, what they want, and their devices."""

import time
from collections.abc import Callable
from functools import partial
from uuid import UUID

from chalicelib.domain.preferences import PreferencesRecord
from chalicelib.domain.user import Device, User
from chalicelib.services import change_user as changing
from chalicelib.services import create_user as creating
from chalicelib.services import erase_user as erasing
from chalicelib.services import find_user as finding
from chalicelib.services import forget_device as forgetting
from chalicelib.services import list_devices as listing
from chalicelib.services import register_device as registering
from chalicelib.services import replace_preferences as replacing
from chalicelib.services.ports import PreferencesOf
from chalicelib.services.recall_preferences import recall_preferences
from chalicelib.stores.devices import DeviceStore
from chalicelib.stores.erasures import ErasureStore
from chalicelib.stores.erasures_of_notifications import NotificationErasureStore
from chalicelib.stores.people import PeopleStore
from chalicelib.stores.preferences import PreferencesStore
from chalicelib.stores.preferences_memory import RedisPreferencesMemory
from chalicelib.stores.progress_memory import RedisProgressMemory
from chalicelib.stores.sessions import SessionStore
from chalicelib.stores.users import UserStore
from chalicelib.wiring.environment import clock, database, log, read_database, redis_cache
from chalicelib.wiring.kept import kept


@kept
def people() -> PeopleStore:
    return PeopleStore(database=database("users"))


@kept
def preferences_of() -> PreferencesOf:
    """What people want, at most five seconds old."""
    return partial(
        recall_preferences,
        memory=_preferences_memory(),
        records=_preferences(),
        clock=clock,
        monotonic_s=time.monotonic,
    )


@kept
def find_preferences() -> Callable[[UUID], PreferencesRecord]:
    return partial(replacing.find_preferences, records=_preferences())


@kept
def replace_preferences() -> Callable[[replacing.ReplacePreferences], PreferencesRecord]:
    return partial(replacing.replace_preferences, records=_preferences(), memory=_preferences_memory(), clock=clock)


@kept
def create_user() -> Callable[[creating.CreateUser], User]:
    from chalicelib.security.passwords import hash_password  # noqa: PLC0415  only a password pays for bcrypt

    return partial(creating.create_user, users=_users(), hash_password=hash_password, clock=clock)


@kept
def find_user() -> Callable[[UUID], User]:
    return partial(finding.find_user, users=_users())


@kept
def list_users() -> partial[finding.UserPage]:
    return partial(finding.list_users, users=UserStore(database=read_database("users")))


@kept
def change_user() -> Callable[[changing.ChangeUser], User]:
    from chalicelib.security.passwords import hash_password  # noqa: PLC0415  only a password pays for bcrypt

    return partial(
        changing.change_user,
        users=_users(),
        sessions=SessionStore(cache=redis_cache()),
        preferences=_preferences_memory(),
        hash_password=hash_password,
        clock=clock,
    )


@kept
def erase_user() -> Callable[[erasing.EraseUser], None]:
    return partial(erasing.erase_user, erasures=_erasures(), traces=_traces(), clock=clock)


def finish_erasures(remaining_s: Callable[[], float]) -> Callable[[], None]:
    return partial(erasing.finish_erasures, erasures=_erasures(), traces=_traces(), remaining_s=remaining_s)


@kept
def register_device() -> Callable[[registering.RegisterDevice], Device]:
    return partial(registering.register_device, devices=_devices(), clock=clock)


@kept
def list_devices() -> partial[listing.DevicePage]:
    return partial(listing.list_devices, devices=DeviceStore(database=read_database("users")))


@kept
def forget_device() -> partial[None]:
    return partial(forgetting.forget_device, devices=_devices(), clock=clock)


@kept
def _users() -> UserStore:
    return UserStore(database=database("users"))


@kept
def _devices() -> DeviceStore:
    return DeviceStore(database=database("users"))


@kept
def _preferences() -> PreferencesStore:
    return PreferencesStore(database=database("users"))


@kept
def _preferences_memory() -> RedisPreferencesMemory:
    return RedisPreferencesMemory(cache=redis_cache())


@kept
def _erasures() -> ErasureStore:
    return ErasureStore(database=database("users"))


@kept
def _traces() -> erasing.Traces:
    return erasing.Traces(
        notifications=NotificationErasureStore(database=database("notifications")),
        progress=RedisProgressMemory(cache=redis_cache()),
        sessions=SessionStore(cache=redis_cache()),
        preferences=_preferences_memory(),
        log=log(),
    )
