"""The use cases of people, devices and clients, over stores in memory that keep the stores' contract."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from chalicelib.domain.client import ApiClient, digest_secret, new_secret
from chalicelib.domain.notification import Platform
from chalicelib.domain.principal import Principal, Scope
from chalicelib.errors import BrokerUnavailable, NotFound, Unauthenticated
from chalicelib.services.authenticate_client import authenticate_client
from chalicelib.services.check_health import Check, check_health
from chalicelib.services.create_user import CreateUser, create_user
from chalicelib.services.forget_device import forget_device
from chalicelib.services.list_devices import list_devices
from chalicelib.services.register_device import RegisterDevice, register_device
from tests.contract_people import SOMEBODY, PeopleContract, PeopleStores, a_stranger, a_user, insert
from tests.contract_people_limits import PeopleLimitsContract
from tests.fakes_people import FakeClients, FakeDevices, FakePeople, FakeUsers

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Mint:
    """Issues tokens that tell what they are for."""

    lifetime_s = 900

    def issue(self, principal: Principal, *, at: datetime) -> str:
        return f"{principal.client_id} may {','.join(sorted(principal.scopes))} from {at:%H:%M}"


def clock() -> datetime:
    return NOW


@pytest.fixture
def stores() -> PeopleStores:
    users = FakeUsers()
    devices = FakeDevices(users)
    return PeopleStores(users=users, devices=devices, people=FakePeople(users, devices))


class TestPeopleInMemory(PeopleContract, PeopleLimitsContract):
    """The contracts, kept by the fakes."""


def test_the_audit_trail_knows_from_whom_a_device_was_taken() -> None:
    users = FakeUsers()
    devices = FakeDevices(users)
    ada, grace = users.insert(a_user()), users.insert(a_user("grace@example.com"))
    for owner in (ada, grace):
        command = RegisterDevice(user_id=owner.id, token="phone", platform=Platform.IOS, by=SOMEBODY)
        register_device(command, devices=devices, clock=clock)
    assert [audit.detail for audit in devices.audits] == [
        {"user_id": str(ada.id)},
        {"user_id": str(grace.id), "taken_from": str(ada.id)},
    ]


def test_a_secret_has_256_random_bits_and_only_its_digest_knows_it() -> None:
    secret = new_secret()
    assert len(secret) == 43
    assert secret != new_secret()
    client = ApiClient("billing", "Billing", frozenset(), digest_secret(secret))
    assert client.has_secret(secret)
    assert not client.has_secret(secret[:-1])
    assert secret not in repr(client)


def test_a_client_with_its_secret_gets_a_token_with_its_scopes() -> None:
    client = ApiClient("billing", "Billing", frozenset({Scope.USERS_READ}), digest_secret("s3cret"))
    clients = FakeClients({"billing": client})
    token = authenticate_client("billing", "s3cret", clients=clients, tokens=Mint(), clock=clock)
    assert (token.text, token.expires_in_s) == ("billing may users:read from 12:00", 900)
    assert "billing" not in repr(token)


@pytest.mark.parametrize(
    ("client_id", "secret"), [("billing", "wrong"), ("nobody", "s3cret"), ("", ""), ("", "\0" * 32)]
)
def test_whoever_is_not_a_client_learns_nothing_more(client_id: str, secret: str) -> None:
    clients = FakeClients({"billing": ApiClient("billing", "Billing", frozenset(), digest_secret("s3cret"))})
    with pytest.raises(Unauthenticated) as refused:
        authenticate_client(client_id, secret, clients=clients, tokens=Mint(), clock=clock)
    assert refused.value.problem_code == "invalid_credentials"


def test_a_person_is_registered_with_the_digest_of_their_password() -> None:
    users = FakeUsers()
    command = CreateUser(by=SOMEBODY, email="ada@example.com", name="Ada", password="correct horse")
    user = create_user(command, users=users, hash_password=lambda password: f"digest of {password}", clock=clock)
    assert users.password_hashes[user.id] == "digest of correct horse"
    assert "horse" not in repr(command)


def test_a_person_without_a_password_costs_no_hashing() -> None:
    users = FakeUsers()
    user = create_user(
        CreateUser(by=SOMEBODY, email="ada@example.com", name="Ada"), users=users, hash_password=str.title, clock=clock
    )
    assert users.password_hashes[user.id] is None
    assert user.timezone == "UTC"


def test_devices_come_in_pages(stores: PeopleStores) -> None:
    user = insert(stores, a_user())
    for number in range(3):
        later = NOW + timedelta(seconds=number)
        command = RegisterDevice(user_id=user.id, token=f"phone-{number}", platform=Platform.IOS, by=SOMEBODY)
        register_device(command, devices=stores.devices, clock=later.replace)
    first = list_devices(user.id, before=None, limit=2, devices=stores.devices)
    rest = list_devices(user.id, before=first.devices[-1].id, limit=2, devices=stores.devices)
    assert [device.token for device in (*first.devices, *rest.devices)] == ["phone-2", "phone-1", "phone-0"]
    assert (first.more, rest.more) == (True, False)


def test_a_person_without_devices_has_an_empty_list_and_a_stranger_none(stores: PeopleStores) -> None:
    user = insert(stores, a_user())
    assert list_devices(user.id, before=None, limit=2, devices=stores.devices).devices == ()
    with pytest.raises(NotFound):
        list_devices(a_stranger(), before=None, limit=2, devices=stores.devices)


def test_only_a_device_that_is_there_can_be_forgotten(stores: PeopleStores) -> None:
    user = insert(stores, a_user())
    command = RegisterDevice(user_id=user.id, token="phone", platform=Platform.WEB, by=SOMEBODY)
    device = register_device(command, devices=stores.devices, clock=clock)
    forget_device(user.id, device.id, by=SOMEBODY, devices=stores.devices, clock=clock)
    with pytest.raises(NotFound):
        forget_device(user.id, device.id, by=SOMEBODY, devices=stores.devices, clock=clock)


def test_health_tells_of_each_dependency_and_only_what_acceptance_needs_decides() -> None:
    ticks = iter([0.0, 0.001, 5.0, 5.25])

    def away() -> None:
        raise BrokerUnavailable("gone")

    checks: dict[str, Check] = {"postgresql": dict, "rabbitmq": away}
    without_circuits = partial(check_health, circuits=list, required_circuits=frozenset())
    health = without_circuits(checks=checks, required={"postgresql"}, monotonic_s=lambda: next(ticks))
    assert health.ready
    assert {name: state.available for name, state in health.dependencies.items()} == {
        "postgresql": True,
        "rabbitmq": False,
    }
    assert [state.latency_ms for state in health.dependencies.values()] == [1.0, 250.0]
    assert not without_circuits(checks=checks, required={"rabbitmq"}, monotonic_s=lambda: 0.0).ready
