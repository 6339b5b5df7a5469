"""Each guard that keeps a notification from being lost or sent twice, taken away, and the test that must notice."""

from dataclasses import dataclass

MACHINE = "tests/integration/machine"
CLAIMS = "chalicelib/stores/claims.py"
SETTLEMENTS = "chalicelib/stores/settlements.py"
OUTBOX = "chalicelib/stores/outbox.py"
PUBLISHER = "chalicelib/broker/publisher.py"
ENDED = "chalicelib/stores/ended_notifications.py"


@dataclass(frozen=True, slots=True)
class Mutation:
    """`text`, which stands exactly once in `file`, becomes `replacement`; then `test` must fail."""

    name: str
    consequence: str
    file: str
    text: str
    replacement: str
    test: str


MUTATIONS = (
    Mutation(
        "the ticket, from the claim",
        "Every old copy of a message starts another attempt: retries come at once and are used up in a moment.",
        CLAIMS,
        "SELECT d.id, d.status\n"
        "        FROM notifications.deliveries d JOIN wanted w ON w.id = d.id AND w.ticket = d.ticket",
        "SELECT d.id, d.status\n        FROM notifications.deliveries d JOIN wanted w ON w.id = d.id",
        f"{MACHINE}/test_machine_faults.py::test_a_ticket_from_the_future_is_void",
    ),
    Mutation(
        "the fence, from the settle",
        "A worker that was frozen past its lease writes its failure over the success of the one that took over.",
        SETTLEMENTS,
        "ON o.delivery_id = d.id AND o.ticket = d.ticket\n        WHERE d.status = 'sending'",
        "ON o.delivery_id = d.id\n        WHERE d.status = 'sending'",
        f"{MACHINE}/test_fences.py::test_a_late_outcome_does_not_settle_the_claim_of_another",
    ),
    Mutation(
        "the wait for confirms",
        "A broker that dies with a message in its memory was believed to have it: it is late by a minute or more.",
        PUBLISHER,
        "        session.run_until(lambda: confirms.outstanding == 0, timeout_s=left_s(deadline_s))\n",
        "        taken.update(missing)\n",
        "tests/integration/broker/test_confirms.py::test_what_the_broker_has_not_confirmed_in_time_is_not_taken",
    ),
    Mutation(
        "`mandatory`, from the publish",
        "A message for a queue that is not there is confirmed, and gone.",
        PUBLISHER,
        "mandatory=True,",
        "mandatory=False,",
        "tests/integration/broker/test_publisher.py::test_an_unroutable_message_is_not_taken_and_its_neighbours_are",
    ),
    Mutation(
        "the unique key of idempotency",
        "A client that repeats its request while the first one runs sends twice.",
        "chalicelib/migrations/notifications/n0001_notifications.py",
        "        PRIMARY KEY (client_id, key)\n",
        "        CHECK (key <> '')\n",
        f"{MACHINE}/test_delivery_machine.py::test_an_idempotency_key_is_taken_once",
    ),
    Mutation(
        "the delivery limit, left at a broker's default",
        "A database that is away for seconds sends healthy messages to the failed queue.",
        "chalicelib/broker/topology.py",
        "DELIVERY_LIMIT = 2_147_483_647",
        "DELIVERY_LIMIT = 20",
        "tests/integration/broker/test_publisher.py::test_a_message_that_is_given_back_often_stays",
    ),
    Mutation(
        "relay's look at wake_at",
        "Everything open is published again at every pass, however recently it was.",
        OUTBOX,
        "WHERE d.wake_at <= now() AND d.status <> 'queued'",
        "WHERE d.status <> 'queued'",
        f"{MACHINE}/test_delivery_machine.py::test_relay_publishes_what_was_committed_and_not_published",
    ),
    Mutation(
        "the wake_at that relay sets when it takes a row",
        "Every relay that runs meanwhile publishes the same rows, again and again while the broker is away.",
        OUTBOX,
        "THEN NULL ELSE now() + %(taken)s END,",
        "THEN NULL ELSE d.wake_at END,",
        f"{MACHINE}/test_fences.py::test_what_relay_has_taken_is_its_own_for_a_while",
    ),
    Mutation(
        "the watch over queued rows",
        "What a wiped broker lost stays `queued` for ever.",
        OUTBOX,
        "WHERE d.wake_at <= now() AND d.status = 'queued' AND d.lane",
        "WHERE d.wake_at IS NULL AND d.status = 'queued' AND d.lane",
        f"{MACHINE}/test_delivery_machine.py"
        "::test_a_message_that_a_wiped_broker_lost_is_published_again_but_a_backlog_is_not_copied",
    ),
    Mutation(
        "the release of leases",
        "What a function had in hand when it died stays `sending` for ever.",
        OUTBOX,
        "d.wake_at <= now() AND d.status <> 'queued'",
        "d.wake_at <= now() AND d.status NOT IN ('queued', 'sending')",
        f"{MACHINE}/test_delivery_machine.py::test_an_ended_lease_voids_the_claim_and_its_late_outcome_changes_nothing",
    ),
    Mutation(
        "the ticket of an ended lease",
        "A worker that comes back late takes its outcome for written, and no event tells that it was not.",
        OUTBOX,
        "ticket = d.ticket + (f.status_before = 'sending')::int,",
        "ticket = d.ticket,",
        f"{MACHINE}/test_concurrency.py::test_relays_at_once_count_an_ended_lease_once",
    ),
    Mutation(
        "SKIP LOCKED, from relay",
        "One relay that hangs in its transaction holds up all others, until their statements time out.",
        OUTBOX,
        "ORDER BY d.wake_at LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED\n    ), fate AS (",
        "ORDER BY d.wake_at LIMIT %(limit)s FOR UPDATE OF d\n    ), fate AS (",
        f"{MACHINE}/test_fences.py::test_relay_passes_by_what_another_has_in_hand",
    ),
    Mutation(
        "the order in which a claim locks",
        "Workers with overlapping batches deadlock: one of them loses its batch, which is delivered again and again.",
        CLAIMS,
        "ORDER BY d.id FOR UPDATE OF d\n    ), claimed AS (",
        "ORDER BY d.id DESC FOR UPDATE OF d\n    ), claimed AS (",
        f"{MACHINE}/test_fences.py::test_rows_are_locked_in_the_order_of_their_ids_in_whatever_order_they_are_named",
    ),
    Mutation(
        "the order in which a settle locks",
        "Two settles deadlock, and what the provider has taken is not written down: it is sent again.",
        SETTLEMENTS,
        "ORDER BY d.id FOR UPDATE OF d",
        "ORDER BY d.id DESC FOR UPDATE OF d",
        f"{MACHINE}/test_fences.py::test_rows_are_locked_in_the_order_of_their_ids_in_whatever_order_they_are_named",
    ),
    Mutation(
        "the end of what crashes again and again",
        "One message that kills its function does so for ever, and takes its neighbours' time.",
        "chalicelib/services/prepare.py",
        "MOST_CRASHES = 3",
        "MOST_CRASHES = 3000",
        f"{MACHINE}/test_delivery_machine.py::test_what_crashed_three_times_fails",
    ),
    Mutation(
        "the rule that an open row has a time to wake",
        "A slip in any statement leaves a row that nobody will ever look at, and nothing says so.",
        "chalicelib/migrations/notifications/n0001_notifications.py",
        "= (wake_at IS NOT NULL))",
        "IS NOT NULL)",
        f"{MACHINE}/test_delivery_machine.py::test_an_open_row_cannot_be_written_without_a_time_to_wake",
    ),
    Mutation(
        "persistence, from the publish",
        "A broker that restarts has forgotten what it confirmed.",
        PUBLISHER,
        "pika.DeliveryMode.Persistent.value",
        "pika.DeliveryMode.Transient.value",
        "tests/integration/broker/test_publisher.py::test_what_is_taken_is_in_its_queue_as_it_was_given",
    ),
    Mutation(
        "a purge's hold on a notification",
        "A failure that somebody replays at this very moment is purged while its message is under way.",
        ENDED,
        "WHERE id = ANY (%(ids)s) ORDER BY id FOR UPDATE SKIP LOCKED",
        "WHERE id = ANY (%(ids)s) ORDER BY id",
        f"{MACHINE}/test_purging_races.py::test_what_is_about_to_be_replayed_is_left_alone_and_waited_for_by_nobody",
    ),
    Mutation(
        "a purge's second look, under its hold",
        "What was replayed a moment ago is purged, although it is open.",
        ENDED,
        "ended = [notification_id for notification_id in held if notification_id not in kept]",
        "ended = [*held]",
        f"{MACHINE}/test_purging_races.py::test_what_was_replayed_since_it_was_found_is_left_whole",
    ),
    Mutation(
        "the look for open rows, from the dropping of a month",
        "A month goes with a delivery that is still to be sent.",
        "chalicelib/stores/partitions.py",
        "if holds_open(connection, month.keys):",
        "if False:",
        f"{MACHINE}/test_purging_races.py::test_a_month_in_which_something_is_open_cannot_be_dropped_by_anybody",
    ),
)
