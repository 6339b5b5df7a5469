"""Event source mappings on LocalStack: a real queue, a real function, the states and the reasons of Lambda."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from tests.integration.emulator.workbench import HANDLERS_FOLDER, Journal, TestQueue, eventually
from tests.integration.plugin.account import BROKER_ARN, Account

HANDLERS = (HANDLERS_FOLDER / "handlers.py").read_text()

# Keywords of create_event_source_mapping, free JSON.
MapQueue = Callable[..., str]


@pytest.fixture(scope="session")
def journal_function(account: Account) -> Callable[[Journal], str]:
    """Deploys `handlers.obey`, which tells a journal of its invocation and does what it is told."""

    def create(journal: Journal) -> str:
        return account.create_function(HANDLERS, handler="code.obey", JOURNAL=str(journal.path))

    return create


@pytest.fixture
def map_queue(
    account: Account, journal: Journal, source: TestQueue, secret_arn: str, journal_function: Callable[[Journal], str]
) -> Iterator[MapQueue]:
    """Maps the queue to a new function; keywords change the mapping."""
    created: list[str] = []

    def create(**more: object) -> str:
        created.append(
            account.map_queue(
                journal_function(journal), source, secret_arn, **{"MaximumBatchingWindowInSeconds": 0, **more}
            )
        )
        return created[-1]

    yield create
    for uuid in created:
        account.functions.delete_event_source_mapping(UUID=uuid)


def test_a_message_arrives_as_the_documented_event(
    account: Account, map_queue: MapQueue, source: TestQueue, journal: Journal
) -> None:
    uuid = map_queue()
    source.publish("hello")
    visit = journal.next()
    assert visit.bodies == ["hello"]
    assert visit.report["event"]["eventSource"] == "aws:rmq"
    assert visit.report["event"]["eventSourceArn"] == BROKER_ARN
    assert list(visit.report["event"]["rmqMessagesByQueue"]) == [f"{source.name}::{source.virtual_host}"]
    visit.succeed()
    assert account.becomes(uuid, "Enabled")


def test_a_batch_that_fails_comes_again_whole(map_queue: MapQueue, source: TestQueue, journal: Journal) -> None:
    source.publish("one", "two", "three")
    map_queue(BatchSize=3)
    journal.next().fail()
    again = journal.next()
    assert (sorted(again.bodies), again.redelivered) == (["one", "three", "two"], {True})
    again.succeed()
    assert journal.stays_silent(0.3)


def test_a_mapping_has_one_execution_at_a_time(map_queue: MapQueue, source: TestQueue, journal: Journal) -> None:
    source.publish("one", "two")
    map_queue(BatchSize=1)
    first = journal.next()
    assert journal.stays_silent(0.3)
    first.succeed()
    journal.next().succeed()


def test_disabling_settles_the_batch_under_way_first(
    account: Account, map_queue: MapQueue, source: TestQueue, journal: Journal
) -> None:
    uuid = map_queue()
    source.publish("held")
    visit = journal.next()
    account.functions.update_event_source_mapping(UUID=uuid, Enabled=False)
    assert account.mapping(uuid)["State"] == "Disabling"
    visit.succeed()
    assert account.becomes(uuid, "Disabled")
    assert account.mapping(uuid)["StateTransitionReason"] == "USER_INITIATED"
    assert source.ready() == 0
    source.publish("later")
    assert journal.stays_silent(0.3)
    account.functions.update_event_source_mapping(UUID=uuid, Enabled=True)
    later = journal.next()
    assert later.bodies == ["later"]
    later.succeed()
    assert account.becomes(uuid, "Enabled")


def test_a_changed_batch_size_waits_for_the_batch_under_way(
    account: Account, map_queue: MapQueue, source: TestQueue, journal: Journal
) -> None:
    uuid = map_queue(BatchSize=1)
    source.publish("one", "two", "three")
    first = journal.next()
    account.functions.update_event_source_mapping(UUID=uuid, BatchSize=10, MaximumBatchingWindowInSeconds=1)
    assert journal.stays_silent(0.3)
    first.succeed()
    second = journal.next()
    assert sorted(second.bodies) == ["three", "two"]
    second.succeed()
    assert account.becomes(uuid, "Enabled")
    assert account.mapping(uuid)["BatchSize"] == 10


def test_a_list_tells_the_states_of_this_moment(account: Account, map_queue: MapQueue) -> None:
    uuid = map_queue(Enabled=False)
    assert account.becomes(uuid, "Disabled")
    account.functions.update_event_source_mapping(UUID=uuid, Enabled=True)
    assert account.becomes(uuid, "Enabled")
    account.functions.update_event_source_mapping(UUID=uuid, BatchSize=7)
    assert account.becomes(uuid, "Enabled")
    name = account.mapping(uuid)["FunctionArn"]
    listed = account.functions.list_event_source_mappings(FunctionName=name, EventSourceArn=BROKER_ARN)
    assert [(one["State"], one["BatchSize"]) for one in listed["EventSourceMappings"]] == [("Enabled", 7)]


def test_a_deleted_mapping_is_gone_when_its_batch_is_settled(
    account: Account, source: TestQueue, journal: Journal, secret_arn: str, journal_function: Callable[[Journal], str]
) -> None:
    uuid = account.map_queue(journal_function(journal), source, secret_arn)
    source.publish("last")
    visit = journal.next()
    assert account.functions.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"
    listed = account.functions.list_event_source_mappings()["EventSourceMappings"]
    assert [one["State"] for one in listed if one["UUID"] == uuid] == ["Deleting"]
    assert account.mapping(uuid)["State"] == "Deleting"
    visit.succeed()
    assert eventually(
        lambda: (
            uuid not in [one["UUID"] for one in account.functions.list_event_source_mappings()["EventSourceMappings"]]
        )
    )
    assert source.ready() == 0


def test_only_messages_that_match_a_filter_reach_the_function(
    map_queue: MapQueue, source: TestQueue, journal: Journal
) -> None:
    map_queue(FilterCriteria={"Filters": [{"Pattern": '{"data": {"kind": ["wanted"]}}'}]})
    source.publish('{"kind": "other"}', '{"kind": "wanted"}')
    visit = journal.next()
    assert visit.bodies == ['{"kind": "wanted"}']
    visit.succeed()
    assert eventually(lambda: source.ready() == 0)


def test_a_function_that_is_killed_gets_its_batch_again(
    map_queue: MapQueue, source: TestQueue, journal: Journal
) -> None:
    map_queue()
    source.publish("survivor")
    first = journal.next()
    os.kill(first.pid, signal.SIGKILL)
    second = journal.next()
    assert (second.bodies, second.redelivered) == (["survivor"], {True})
    assert second.pid != first.pid
    second.succeed()


def test_a_queue_that_is_not_there_stops_the_mapping(account: Account, map_queue: MapQueue, source: TestQueue) -> None:
    source.delete()
    uuid = map_queue()
    assert account.becomes(uuid, "Disabled")
    assert account.mapping(uuid)["StateTransitionReason"].startswith("ESM_CONFIG_NOT_VALID")


def test_a_wrong_password_stops_the_mapping_until_it_is_enabled_again(
    account: Account, map_queue: MapQueue, source: TestQueue, journal: Journal, secret_arn: str
) -> None:
    wrong = account.create_secret(username="carillon", password="wrong")
    access = [{"Type": "BASIC_AUTH", "URI": wrong}, {"Type": "VIRTUAL_HOST", "URI": source.virtual_host}]
    uuid = map_queue(SourceAccessConfigurations=access)
    assert account.becomes(uuid, "Disabled")
    assert account.mapping(uuid)["StateTransitionReason"].startswith("EVENT_SOURCE_AUTHN_ERROR")
    access[0] = {"Type": "BASIC_AUTH", "URI": secret_arn}
    account.functions.update_event_source_mapping(UUID=uuid, SourceAccessConfigurations=access, Enabled=True)
    source.publish("welcome")
    journal.next().succeed()
    assert account.becomes(uuid, "Enabled")


def test_a_secret_that_is_not_there_stops_the_mapping(account: Account, map_queue: MapQueue, secret_arn: str) -> None:
    missing = [{"Type": "BASIC_AUTH", "URI": f"{secret_arn[:-6]}gone12"}]
    uuid = map_queue(SourceAccessConfigurations=missing)
    assert account.becomes(uuid, "Disabled")
    reason = account.mapping(uuid)["StateTransitionReason"]
    assert reason.startswith("ESM_CONFIG_NOT_VALID")
    assert "secret" in reason


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"Queues": ["one", "two"]}, "Queues"),
        ({"SourceAccessConfigurations": []}, "BASIC_AUTH"),
        ({"BatchSize": 10_001}, "BatchSize"),
        ({"MaximumBatchingWindowInSeconds": 301}, "MaximumBatchingWindowInSeconds"),
        ({"FilterCriteria": {"Filters": [{"Pattern": '{"body": ["x"]}'}]}}, "filter"),
        ({"FunctionResponseTypes": ["ReportBatchItemFailures"]}, "FunctionResponseTypes"),
    ],
)
def test_what_lambda_refuses_is_refused(map_queue: MapQueue, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ClientError, match=told) as refusal:
        map_queue(**wrong)
    assert refusal.value.response["Error"]["Code"] == "InvalidParameterValueException"


def test_a_refused_update_changes_nothing(account: Account, map_queue: MapQueue) -> None:
    uuid = map_queue(BatchSize=5)
    with pytest.raises(ClientError, match="BatchSize"):
        account.functions.update_event_source_mapping(UUID=uuid, BatchSize=20_000)
    assert account.becomes(uuid, "Enabled")
    assert account.mapping(uuid)["BatchSize"] == 5


def test_a_broker_can_be_described(account: Account) -> None:
    brokers = account.client("mq")
    made = brokers.create_broker(
        AutoMinorVersionUpgrade=True,
        BrokerName="broker",
        DeploymentMode="SINGLE_INSTANCE",
        EngineType="RabbitMQ",
        EngineVersion="3.13",
        HostInstanceType="mq.m5.large",
        PubliclyAccessible=False,
        Users=[{"Username": "admin", "Password": "admin-admin-admin"}],
    )
    assert brokers.describe_broker(BrokerId=made["BrokerId"])["EngineType"] == "RabbitMQ"
