"""The use cases of people, devices, clients and templates, over stores in memory that keep the stores' contract."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.catalog import NewTemplate, VersionStatus
from chalicelib.domain.client import ApiClient, digest_secret, new_secret
from chalicelib.domain.content import Content, EmailContent, PushContent
from chalicelib.domain.notification import Platform
from chalicelib.domain.principal import Principal, Scope
from chalicelib.errors import BrokerUnavailable, Conflict, InvalidRequest, NotFound, Unauthenticated
from chalicelib.services.authenticate_client import authenticate_client
from chalicelib.services.check_health import Check, check_health
from chalicelib.services.create_template import create_template
from chalicelib.services.create_user import CreateUser, create_user
from chalicelib.services.forget_device import forget_device
from chalicelib.services.list_devices import list_devices
from chalicelib.services.publish_template import publish_template
from chalicelib.services.register_device import RegisterDevice, register_device
from tests.contract_people import PeopleContract, PeopleStores, a_stranger, a_user
from tests.contract_templates import Templates, TemplatesContract, a_template
from tests.fakes_people import FakeClients, FakeDevices, FakePeople, FakeTemplates, FakeUsers

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOD = EmailContent(locale="en", subject="Hello {{ name }}", html="<p>{{ name }}</p>")


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


@pytest.fixture
def templates() -> Templates:
    return FakeTemplates()


class TestPeopleInMemory(PeopleContract):
    """The contract, kept by the fakes."""


class TestTemplatesInMemory(TemplatesContract):
    """The contract, kept by the fake."""


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
    command = CreateUser(email="ada@example.com", name="Ada", password="correct horse")
    user = create_user(command, users=users, hash_password=lambda password: f"digest of {password}", clock=clock)
    assert users.password_hashes[user.id] == "digest of correct horse"
    assert "horse" not in repr(command)


def test_a_person_without_a_password_costs_no_hashing() -> None:
    users = FakeUsers()
    user = create_user(
        CreateUser(email="ada@example.com", name="Ada"), users=users, hash_password=str.title, clock=clock
    )
    assert users.password_hashes[user.id] is None
    assert user.timezone == "UTC"


def test_devices_come_in_pages(stores: PeopleStores) -> None:
    user = stores.users.insert(a_user())
    for number in range(3):
        later = NOW + timedelta(seconds=number)
        command = RegisterDevice(user_id=user.id, token=f"phone-{number}", platform=Platform.IOS)
        register_device(command, devices=stores.devices, clock=later.replace)
    first = list_devices(user.id, before=None, limit=2, devices=stores.devices)
    rest = list_devices(user.id, before=first.devices[-1].id, limit=2, devices=stores.devices)
    assert [device.token for device in (*first.devices, *rest.devices)] == ["phone-2", "phone-1", "phone-0"]
    assert (first.more, rest.more) == (True, False)


def test_a_person_without_devices_has_an_empty_list_and_a_stranger_none(stores: PeopleStores) -> None:
    user = stores.users.insert(a_user())
    assert list_devices(user.id, before=None, limit=2, devices=stores.devices).devices == ()
    with pytest.raises(NotFound):
        list_devices(a_stranger(), before=None, limit=2, devices=stores.devices)


def test_only_a_device_that_is_there_can_be_forgotten(stores: PeopleStores) -> None:
    user = stores.users.insert(a_user())
    command = RegisterDevice(user_id=user.id, token="phone", platform=Platform.WEB)
    device = register_device(command, devices=stores.devices, clock=clock)
    forget_device(user.id, device.id, devices=stores.devices)
    with pytest.raises(NotFound):
        forget_device(user.id, device.id, devices=stores.devices)


def a_new_template(*contents: Content, default_locale: str = "en") -> NewTemplate:
    return NewTemplate(code="t", name="T", category=None, default_locale=default_locale, contents=contents)


@pytest.mark.parametrize(
    ("template", "pointers"),
    [
        (a_new_template(GOOD, GOOD), {"/contents/1/locale"}),
        (a_new_template(GOOD, default_locale="fr"), {"/default_locale"}),
        (a_new_template(GOOD, PushContent(locale="fr", title="t", body="b")), {"/default_locale"}),
        (a_new_template(EmailContent("en", "{{ a", "<p>\n{{ b.( }}")), {"/contents/0/subject", "/contents/0/html"}),
        (a_new_template(GOOD, EmailContent("fr", "a", "{% x %}", "{{")), {"/contents/1/html", "/contents/1/text"}),
        (a_new_template(EmailContent("en", "two\nlines", "x")), {"/contents/0/subject"}),
        (a_new_template(EmailContent("en", "a", "{{ a.__class__ }}")), {"/contents/0/html"}),
        (a_new_template(EmailContent("en", "a", "x" * 300_000)), {"/contents/0/html"}),
        (a_new_template(EmailContent("en", "a", "x" * 140_000, "x" * 140_000)), {"/contents/0"}),
        (a_new_template(PushContent("en", "t", "{{", None, "{%", {"a/b": "{{"})), {
            "/contents/0/body", "/contents/0/link", "/contents/0/data/a~1b",
        }),
    ],
)  # fmt: skip
def test_a_template_that_cannot_be_used_is_refused_where_it_is_wrong(template: NewTemplate, pointers: set[str]) -> None:
    templates = FakeTemplates()
    with pytest.raises(InvalidRequest) as refused:
        create_template(template, templates=templates)
    assert {flaw.pointer for flaw in refused.value.flaws} == pointers
    assert refused.value.problem_code == "invalid_template"
    assert not templates.templates


def test_a_template_is_refused_with_the_line_that_is_wrong() -> None:
    with pytest.raises(InvalidRequest) as refused:
        create_template(a_new_template(EmailContent("en", "a", "<p>\n\n{{ b.( }}")), templates=FakeTemplates())
    assert refused.value.flaws[0].detail.startswith("line 3: ")


def test_a_version_is_published_and_one_that_is_not_there_is_not(templates: FakeTemplates) -> None:
    create_template(a_template(), templates=templates)
    assert publish_template("welcome", 1, templates=templates).status is VersionStatus.PUBLISHED
    for code, number in (("welcome", 2), ("other", 1)):
        with pytest.raises(NotFound):
            publish_template(code, number, templates=templates)
    with pytest.raises(Conflict):
        create_template(a_template(), templates=templates)


def test_health_tells_of_each_dependency_and_only_what_acceptance_needs_decides() -> None:
    ticks = iter([0.0, 0.001, 5.0, 5.25])

    def away() -> None:
        raise BrokerUnavailable("gone")

    checks: dict[str, Check] = {"postgresql": dict, "rabbitmq": away}
    health = check_health(checks=checks, required={"postgresql"}, monotonic_s=lambda: next(ticks))
    assert health.ready
    assert {name: state.available for name, state in health.dependencies.items()} == {
        "postgresql": True,
        "rabbitmq": False,
    }
    assert [state.latency_ms for state in health.dependencies.values()] == [1.0, 250.0]
    assert not check_health(checks=checks, required={"rabbitmq"}, monotonic_s=lambda: 0.0).ready
