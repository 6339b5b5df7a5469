"""What waits in the queues, as an administrator sees it while a mapping stands still."""

from offline.stack.stack import Stack
from tests.chaos.alarms import publishers_blocked
from tests.e2e.api import EMAIL, Client, Json, address, succeeded
from tests.e2e.emulator import invoke, paused
from tests.e2e.waiting import eventually

CONSUMED = ["email.queue", "push.queue", "email.bulk.queue", "push.bulk.queue", "failed.queue"]


def queues(client: Client) -> dict[str, Json]:
    return {each["name"]: each for each in succeeded(client.call("GET /v1/queues"))["items"]}


def test_every_queue_is_there_and_each_that_feeds_a_function_has_its_consumer(client: Client) -> None:
    shown = eventually(
        lambda: found if all((found := queues(client))[name]["consumers"] == 1 for name in CONSUMED) else None,
        within_s=15,
        otherwise=lambda: queues(client),
    )
    assert list(shown)[: len(CONSUMED)] == CONSUMED
    assert {each["consumers"] for name, each in shown.items() if ".retry." in name} == {None}
    assert all(each["depth"] >= 0 for each in shown.values())


def test_what_waits_for_a_mapping_that_stands_still_is_seen_to_wait(stack: Stack, client: Client) -> None:
    code = client.publish_template(EMAIL)
    with paused(stack, "deliver_email_bulk"):
        promised = [
            client.notify(template_code=code, recipient={"email": address()}, priority="low")["notification_id"]
            for _ in range(3)
        ]
        waiting = eventually(
            lambda: found if (found := queues(client)["email.bulk.queue"])["depth"] == 3 else None,
            within_s=15,
            otherwise=lambda: queues(client),
        )
        assert waiting["consumers"] == 0
        assert waiting["oldest_age_s"] > 0
        measured = invoke(stack, "measure_queues", {})
        assert "X-Amz-Function-Error" not in measured.headers, measured.text
    client.wait_all_ended(promised, within_s=20)
    emptied = eventually(
        lambda: found if (found := queues(client)["email.bulk.queue"])["depth"] == 0 else None,
        within_s=15,
        otherwise=lambda: queues(client),
    )
    assert emptied["oldest_age_s"] is None


def test_a_broker_that_blocks_its_publishers_still_tells_what_waits(breakable_stack: Stack, client: Client) -> None:
    with publishers_blocked(breakable_stack):
        shown = succeeded(client.call("GET /v1/queues"))
    assert (shown["broker"], shown["database"]) == ("up", "up")
    assert all(each["depth"] is not None for each in shown["items"])
