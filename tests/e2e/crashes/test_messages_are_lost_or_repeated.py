"""What RabbitMQ forgets is published again, and what it repeats is void."""

from datetime import timedelta

import psycopg

from offline.services.management import ask
from offline.stack.stack import Stack
from tests.e2e.api import Client
from tests.e2e.crashes.crashing import lose_next_acknowledgement
from tests.e2e.crashes.ledger import draw_up
from tests.e2e.crashes.posting import an_email
from tests.e2e.emulator import mapping, paused
from tests.e2e.waiting import eventually

FUNCTION = "deliver_email"
COUNT = 20
WATCHED = timedelta(minutes=2)
SENT_WITHIN_S = 20


def test_a_batch_whose_acknowledgement_was_lost_is_redelivered_and_not_sent_again(
    stack: Stack, client: Client, email_template: str
) -> None:
    with paused(stack, FUNCTION):
        accepted = [client.notify(**an_email(email_template)) for _ in range(COUNT)]
        before = mapping(stack, FUNCTION)
        lose_next_acknowledgement(stack, FUNCTION)
    draw_up(client, accepted, within_s=SENT_WITHIN_S).require_each_sent_once()

    def redelivered() -> bool:
        after = mapping(stack, FUNCTION)
        lost = after["acknowledgements_lost"] - before["acknowledgements_lost"]
        return bool(lost == 1 and after["batches_ok"] - before["batches_ok"] >= 2 and after["in_flight"] == 0)

    eventually(redelivered, within_s=SENT_WITHIN_S, otherwise=lambda: mapping(stack, FUNCTION))
    ledger = draw_up(client, accepted, within_s=SENT_WITHIN_S)
    ledger.require_each_sent_once()
    assert {tuple(line.events) for line in ledger.lines.values()} == {("accepted", "queued", "sending", "sent")}


def test_what_was_in_a_wiped_queue_is_published_again_and_sent_once(
    stack: Stack, client: Client, email_template: str
) -> None:
    with paused(stack, FUNCTION):
        accepted = [client.notify(**an_email(email_template)) for _ in range(COUNT)]
        wipe(stack, "email.queue")
        let_pass(stack, WATCHED, [each["notification_id"] for each in accepted])
    ledger = draw_up(client, accepted, within_s=SENT_WITHIN_S)
    ledger.require_each_sent_once()
    assert all("republished" in line.events for line in ledger.lines.values())


def wipe(stack: Stack, queue: str) -> None:
    management_url, path = stack.addresses["RABBITMQ_MANAGEMENT_URL"], f"/api/queues/%2F/{queue}"
    one = {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"}
    assert ask(management_url, f"{path}/get", method="POST", body=one), "nothing was in the queue"
    ask(management_url, f"{path}/contents", method="DELETE")
    assert ask(management_url, f"{path}/get", method="POST", body=one) == []


def let_pass(stack: Stack, duration: timedelta, notification_ids: list[str]) -> None:
    """Make the rows of these so much older, as the time would."""
    with psycopg.connect(stack.addresses["DATABASE_URL"]) as connection:
        connection.execute(
            "UPDATE notifications.deliveries SET wake_at = wake_at - %s, published_at = published_at - %s "
            "WHERE notification_id = ANY (%s::uuid[]) AND wake_at IS NOT NULL",
            (duration, duration, notification_ids),
        )
