"""One mapping a queue, whatever was there before and wherever a deployment died."""

from dataclasses import replace

import pytest

from infra.errors import StepFailed
from infra.eventually import Patience
from infra.functions import CONSUMERS
from infra.release.mappings import QUEUES, Broker, Mappings, refuse_unknown_queues
from tests.fake_mappings import Died, FakeMappings

BROKER = Broker("arn:aws:mq:eu-central-1:1:broker:carillon:b-1", "arn:aws:secretsmanager:eu-central-1:1:secret:x", "/")
TABLE = {"deliver_email": "email.queue", "deliver_email_bulk": "email.bulk.queue"}
ARNS = {function: f"arn:aws:lambda:eu-central-1:1:function:carillon-dev-{function}" for function in TABLE}
WANTED = sorted((ARNS[function], [queue], "Enabled") for function, queue in TABLE.items())


def ensure(client: FakeMappings, *, broker: Broker = BROKER) -> None:
    patience = Patience(longest_s=60, pause=lambda _s: None)
    Mappings(client, patience).ensure(TABLE, ARNS, broker=broker)


@pytest.fixture
def client() -> FakeMappings:
    return FakeMappings(queues=sorted(QUEUES))


def test_each_function_gets_one_enabled_mapping_of_its_queue(client: FakeMappings) -> None:
    ensure(client)

    assert client.told() == WANTED


def test_a_second_time_touches_nothing(client: FakeMappings) -> None:
    ensure(client)
    client.changes.clear()

    ensure(client)

    assert client.changes == []


def test_a_mapping_that_somebody_disabled_is_enabled(client: FakeMappings) -> None:
    ensure(client)
    next(iter(client.mappings.values()))["State"] = "Disabled"

    ensure(client)

    assert client.told() == WANTED


def test_a_new_password_of_the_broker_is_taken_over_without_a_second_mapping(client: FakeMappings) -> None:
    ensure(client)

    ensure(client, broker=replace(BROKER, login="arn:aws:secretsmanager:eu-central-1:1:secret:y"))

    assert client.told() == WANTED
    assert {one["SourceAccessConfigurations"][0]["URI"][-1] for one in client.mappings.values()} == {"y"}


def test_a_mapping_of_another_broker_or_queue_makes_room_for_the_right_one(client: FakeMappings) -> None:
    ensure(client)
    first, second = client.mappings.values()
    first["Queues"] = ["push.queue"]
    second["EventSourceArn"] = "arn:aws:mq:eu-central-1:1:broker:carillon:b-0"

    ensure(client)

    assert client.told() == WANTED


@pytest.mark.parametrize("dies_after", range(1, 7))
def test_wherever_a_deployment_dies_the_next_one_ends_with_one_mapping_each(
    client: FakeMappings, dies_after: int
) -> None:
    client.create_event_source_mapping(
        FunctionName=ARNS["deliver_email"],
        EventSourceArn="arn:aws:mq:eu-central-1:1:broker:carillon:b-0",
        Queues=["email.queue"],
        BatchSize=10,
        Enabled=False,
        SourceAccessConfigurations=BROKER.access,
    )
    client.dies_after = dies_after
    try:
        ensure(client)
    except Died:
        ensure(client)

    assert client.told() == WANTED


def test_a_mapping_that_lambda_stopped_is_told_with_its_reason() -> None:
    without_queues = FakeMappings(queues=[])

    with pytest.raises(StepFailed, match=r"deliver_email \(email.queue\) is Disabled: ESM_CONFIG_NOT_VALID"):
        ensure(without_queues)


def test_one_that_does_not_become_enabled_in_time_is_told(client: FakeMappings) -> None:
    client.slowness = 1_000_000
    seconds = iter(range(1_000_000))
    patience = Patience(longest_s=30, pause=lambda _s: None, now_s=lambda: float(next(seconds)))

    with pytest.raises(StepFailed, match="is Creating"):
        Mappings(client, patience).ensure(TABLE, ARNS, broker=BROKER)


def test_a_role_that_lambda_does_not_know_yet_is_waited_for(client: FakeMappings) -> None:
    client.refusals = 3

    ensure(client)

    assert client.told() == WANTED


def test_a_mapping_that_lambda_keeps_refusing_is_told(client: FakeMappings) -> None:
    client.refusals = 1_000_000
    seconds = iter(range(1_000_000))
    patience = Patience(longest_s=300, pause=lambda _s: None, now_s=lambda: float(next(seconds)))

    with pytest.raises(StepFailed, match=r"refuses a mapping of email.queue: .*InvalidParameterValueException"):
        Mappings(client, patience).ensure(TABLE, ARNS, broker=BROKER)


def test_deleting_leaves_mappings_of_functions_with_longer_names_alone(client: FakeMappings) -> None:
    ensure(client)

    Mappings(client, Patience(60, pause=lambda _s: None)).delete_all({"deliver_email": ARNS["deliver_email"]})

    assert client.told() == [(ARNS["deliver_email_bulk"], ["email.bulk.queue"], "Enabled")]


def test_what_a_deployment_that_died_left_on_its_way_is_deleted_when_it_has_arrived(client: FakeMappings) -> None:
    client.slowness, client.dies_after = 3, 1
    with pytest.raises(Died):
        ensure(client)

    Mappings(client, Patience(60, pause=lambda _s: None)).delete_all(ARNS)

    assert client.told() == []


def test_a_mapping_that_names_an_unknown_queue_is_refused_before_anything_is_changed(client: FakeMappings) -> None:
    with pytest.raises(StepFailed, match=r"mapping of deliver_email names the queue 'emial.queue'.*email.queue"):
        Mappings(client).ensure({"deliver_email": "emial.queue"}, ARNS, broker=BROKER)

    assert client.changes == []


def test_our_own_table_names_only_queues_that_migrate_declares() -> None:
    refuse_unknown_queues(CONSUMERS)
