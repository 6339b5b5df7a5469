"""The composition root: which adapter stands behind which port. The only module that knows them all.

Every factory is cached: an execution environment builds a thing when it is first needed and keeps it between
invocations. Nothing connects at import. SDKs that only one function needs are imported by the factory that needs them.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from uuid import UUID

from chalicelib.broker.publisher import Publisher
from chalicelib.broker.topology import LANES
from chalicelib.channels.base import Provider
from chalicelib.domain.catalog import NewTemplate, Template, TemplateVersion
from chalicelib.domain.messages import Received
from chalicelib.domain.notification import Channel
from chalicelib.domain.request import SendNotification
from chalicelib.domain.trace import TracedNotification
from chalicelib.domain.user import Device, User
from chalicelib.observability import PowertoolsLog
from chalicelib.observability import log as powertools_log
from chalicelib.security.keys import KeyRing
from chalicelib.security.tokens import AccessTokens
from chalicelib.services import accept as accepting
from chalicelib.services import archive as archiving
from chalicelib.services import check_health as checking
from chalicelib.services import create_template as adding
from chalicelib.services import create_user as creating
from chalicelib.services import deliver as delivering
from chalicelib.services import forget_device as forgetting
from chalicelib.services import list_devices as listing
from chalicelib.services import publish_template as publishing
from chalicelib.services import register_device as registering
from chalicelib.services import relay as relaying
from chalicelib.services import trace as tracing
from chalicelib.services.authenticate_client import AccessToken
from chalicelib.services.authenticate_client import authenticate_client as authenticate
from chalicelib.services.establish import FirstAdmin, FirstClient
from chalicelib.services.establish import establish as establishing
from chalicelib.services.load_compiled import load_compiled
from chalicelib.services.ports import CompiledContents
from chalicelib.services.settle import Settler
from chalicelib.settings import Settings, load_settings
from chalicelib.stores.archive import ArchiveStore
from chalicelib.stores.cache import Cache
from chalicelib.stores.claims import ClaimStore
from chalicelib.stores.clients import ClientStore
from chalicelib.stores.devices import DeviceStore
from chalicelib.stores.founders import FounderStore
from chalicelib.stores.notifications import NotificationStore
from chalicelib.stores.outbox import OutboxStore
from chalicelib.stores.people import PeopleStore
from chalicelib.stores.pings import ping_cache, ping_databases
from chalicelib.stores.postgres import Database
from chalicelib.stores.request_memory import RedisRequestMemory
from chalicelib.stores.settlements import SettlementStore
from chalicelib.stores.templates import TemplateStore
from chalicelib.stores.traces import TraceStore
from chalicelib.stores.users import UserStore

BROKER_CHECK_TIMEOUT_S = 1.0
MOST_COMPILED_VERSIONS = 512
STORES = ("users", "templates", "notifications")


def clock() -> datetime:
    return datetime.now(UTC)


def log() -> PowertoolsLog:
    return powertools_log


@cache
def settings() -> Settings:
    return load_settings()


@cache
def _database_at(url: str) -> Database:
    """Equal URLs share one connection."""
    return Database(url)


def database(store: str) -> Database:
    return _database_at(settings().database_url_of(store))


@cache
def redis_cache() -> Cache:
    return Cache(settings().redis_url.get_secret_value())


@cache
def publisher() -> Publisher:
    return Publisher(settings().rabbitmq_url.get_secret_value())


@cache
def people() -> PeopleStore:
    return PeopleStore(database=database("users"))


@cache
def templates() -> TemplateStore:
    return TemplateStore(database=database("templates"))


@lru_cache(maxsize=MOST_COMPILED_VERSIONS)
def compiled(code: str, number: int) -> CompiledContents:
    """A version's contents, compiled once an environment: versions never change."""
    return load_compiled(code, number, versions=templates())


@cache
def outbox() -> OutboxStore:
    return OutboxStore(database=database("notifications"))


@cache
def access_tokens() -> AccessTokens:
    keys = KeyRing.parse(settings().jwt_private_keys.get_secret_value())
    return AccessTokens(keys=keys, issuer=settings().jwt_issuer, audience=settings().jwt_audience)


@cache
def authenticate_client() -> Callable[[str, str], AccessToken]:
    return partial(authenticate, clients=ClientStore(database=database("users")), tokens=access_tokens(), clock=clock)


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


@cache
def create_template() -> Callable[[NewTemplate], tuple[Template, TemplateVersion]]:
    return partial(adding.create_template, templates=templates())


@cache
def publish_template() -> Callable[[str, int], TemplateVersion]:
    return partial(publishing.publish_template, templates=templates())


@cache
def check_health() -> Callable[[], checking.Health]:
    checks: dict[str, checking.Check] = {
        "postgresql": partial(ping_databases, [database(store) for store in STORES]),
        "redis": partial(ping_cache, redis_cache()),
        "rabbitmq": partial(publisher().count_ready, LANES[0], timeout_s=BROKER_CHECK_TIMEOUT_S),
    }
    return partial(checking.check_health, checks=checks, required={"postgresql"}, monotonic_s=time.monotonic)


@cache
def accept() -> Callable[[SendNotification], accepting.Accepted]:
    return partial(
        accepting.accept,
        memory=RedisRequestMemory(cache=redis_cache()),
        people=people(),
        catalog=templates(),
        compiled=compiled,
        notifications=NotificationStore(database=database("notifications")),
        outbox=outbox(),
        courier=publisher(),
        clock=clock,
        remember_s=settings().idempotency_ttl_s,
    )


@cache
def trace() -> Callable[[UUID], TracedNotification]:
    return partial(tracing.trace, traces=TraceStore(database=database("notifications")))


@cache
def providers(channel: Channel) -> Sequence[Provider]:
    """The providers of a channel in the order in which they are tried."""
    from chalicelib.channels import registry  # noqa: PLC0415  only a delivering function pays for its SDK

    if channel is Channel.EMAIL:
        return registry.email_providers(
            settings().provider_urls, sender=settings().email_from, timeout_s=settings().provider_timeout_s
        )
    return (
        registry.push_provider(
            settings().fcm_project_id,
            settings().fcm_credentials.get_secret_value(),
            settings().fcm_endpoint,
            timeout_s=settings().provider_timeout_s,
            connections=concurrency(Channel.PUSH),
        ),
    )


def concurrency(channel: Channel) -> int:
    return settings().email_concurrency if channel is Channel.EMAIL else settings().push_concurrency


@cache
def sending_pool(channel: Channel) -> ThreadPoolExecutor:
    """Threads that outlive an invocation, so that each keeps its connection."""
    return ThreadPoolExecutor(max_workers=concurrency(channel), thread_name_prefix=f"send-{channel}")


def deliver(channel: Channel, remaining_s: Callable[[], float]) -> Callable[[Sequence[Received]], None]:
    """The delivery of one batch of this channel, within the time that its invocation has left."""
    settler = Settler(
        settlements=SettlementStore(database=database("notifications")),
        people=people(),
        courier=publisher(),
        outbox=outbox(),
        clock=clock,
        log=log(),
        remaining_s=remaining_s,
        pause=pause,
    )
    return partial(
        delivering.deliver,
        claims=ClaimStore(database=database("notifications")),
        people=people(),
        compiled=compiled,
        providers=providers(channel),
        pool=sending_pool(channel),
        concurrency=concurrency(channel),
        send_timeout_s=settings().provider_timeout_s,
        delays=settings().retry_delays,
        settler=settler,
        courier=publisher(),
        remaining_s=remaining_s,
        log=log(),
    )


@cache
def archive() -> Callable[[Sequence[Received]], None]:
    records = ArchiveStore(database=database("notifications"))
    return partial(archiving.archive, records=records, courier=publisher(), clock=clock, log=log())


def relay(remaining_s: Callable[[], float]) -> Callable[[], None]:
    return partial(
        relaying.relay,
        outbox=outbox(),
        courier=publisher(),
        gauge=publisher(),
        clock=clock,
        remaining_s=remaining_s,
        pause=pause,
        log=log(),
    )


def pause(seconds: float) -> None:
    """Let time pass between two tries."""
    threading.Event().wait(seconds)


def upgrade_schemas() -> None:
    from chalicelib.migrations.run import upgrade  # noqa: PLC0415  only `migrate` pays for Alembic

    for store in STORES:
        upgrade(store, settings().database_url_of(store))


def establish_topology() -> None:
    from chalicelib.broker.establish import establish_topology  # noqa: PLC0415  only `migrate` declares

    establish_topology(settings().rabbitmq_url.get_secret_value(), retry_delays_s=settings().retry_delays.delays_s)


def establish(*, admin: FirstAdmin | None, client: FirstClient | None) -> None:
    from chalicelib.security.passwords import hash_password  # noqa: PLC0415  bcrypt is `migrate`'s and the API's alone

    founders = FounderStore(database=database("users"))
    establishing(admin=admin, client=client, founders=founders, hash_password=hash_password, clock=clock)
