"""The machine under any sequence of what can happen to it: in the end every delivery has one honest end, sent once."""

import random
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from chalicelib.domain.delivery import NewNotification
from chalicelib.domain.messages import FAILED, DeliveryMessage, decode_message
from chalicelib.domain.notification import TERMINAL, Status
from chalicelib.domain.recipient import EmailTarget
from chalicelib.errors import AddressRejected, DeliveryError, ProviderUnavailable
from chalicelib.stores.postgres import Database
from tests.machine import Machine, RememberingCourier, RememberingProvider, now

ROUNDS_TO_AN_END = 40
UNAVAILABLE, REJECTED = ProviderUnavailable("later"), AddressRejected("never")


class DeliveryWorld(RuleBasedStateMachine):
    """Notifications come, messages are delivered twice, late, or never, and things go away and return."""

    database: Database

    @initialize(seed=st.integers(0, 1000))
    def begin(self, seed: int) -> None:
        with self.database.session() as connection:
            connection.execute("TRUNCATE notifications.notifications, notifications.deliveries, notifications.events")
            connection.execute("TRUNCATE notifications.failed, notifications.lanes")
        self.machine = Machine(self.database, RememberingCourier(), RememberingProvider())
        self.recorded: list[NewNotification] = []
        self.queue: list[DeliveryMessage] = []
        self.order = random.Random(seed)  # noqa: S311  an order, not a secret

    @rule(count=st.integers(1, 4), scheduled=st.booleans(), published=st.booleans())
    def accept(self, count: int, scheduled: bool, published: bool) -> None:
        targets = [EmailTarget(f"person-{number}@example.org") for number in range(count)]
        send_at = now() + timedelta(minutes=10) if scheduled else None
        new = self.machine.record(targets=targets, send_at=send_at)
        self.recorded.append(new)
        if published and not scheduled:
            self.queue += self.machine.messages(new)

    @rule(errors=st.lists(st.sampled_from([UNAVAILABLE, REJECTED]), max_size=3), short=st.booleans())
    def deliver_some_and_hand_some_over_twice(self, errors: list[DeliveryError], short: bool) -> None:
        self.machine.provider.errors = list(errors)
        batch = self.order.sample(self.queue, self.order.randint(0, len(self.queue)))
        self.deliver([*batch, *batch[:2]], remaining_s=4 if short else 60)
        self.machine.provider.errors = []
        kept = self.order.random() < 0.5  # an acknowledgement may be lost: then they come again
        self.queue = self.queue if kept else [message for message in self.queue if message not in batch]

    @rule()
    def die_after_the_claim(self) -> None:
        self.machine.claims.claim(self.queue, lease_s=30)

    @rule()
    def cancel_one(self) -> None:
        if self.recorded:
            self.machine.cancel(self.order.choice(self.recorded))

    @rule()
    def let_one_expire(self) -> None:
        if self.recorded:
            with self.database.session() as connection:
                connection.execute(
                    "UPDATE notifications.notifications SET expires_at = now() WHERE id = %s",
                    [self.order.choice(self.recorded).notification_id],
                )

    @rule()
    def wipe_the_broker(self) -> None:
        self.queue = []

    @rule(up=st.booleans())
    def let_the_broker_go_or_return(self, up: bool) -> None:
        self.machine.courier.up = up

    @rule(minutes=st.sampled_from([0.2, 1, 5]))
    def let_time_pass(self, minutes: float) -> None:
        self.machine.let_pass(timedelta(minutes=minutes))

    @rule()
    def relay(self) -> None:
        self.machine.courier.ready["email"] = len(self.queue)
        self.queue += self.machine.relay()

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        sent = [outgoing.delivery_id for outgoing in self.machine.provider.sent]
        assert len(sent) == len(set(sent))

    def teardown(self) -> None:
        """Everything is up again and time goes by: each delivery comes to its end."""
        if not hasattr(self, "machine"):
            return
        self.machine.courier.up = True
        for _ in range(ROUNDS_TO_AN_END):
            if not self.open_rows():
                break
            batch, self.queue = self.queue, []
            self.deliver(batch)
            self.machine.let_pass(timedelta(minutes=15))
            self.relay()
        self.require_honest_ends()

    def require_honest_ends(self) -> None:
        sent = {outgoing.delivery_id for outgoing in self.machine.provider.sent}
        for new in self.recorded:
            for delivery in self.machine.trace(new).deliveries:
                assert delivery.status in TERMINAL
                assert (delivery.status is Status.SENT) == (delivery.delivery_id in sent)
                ends = [event.event for event in delivery.events if event.event in set(map(str, TERMINAL))]
                assert ends == [str(delivery.status)]

    def deliver(self, batch: list[DeliveryMessage], *, remaining_s: float = 60) -> None:
        before = len(self.machine.courier.taken)
        self.machine.deliver(*batch, remaining_s=remaining_s)
        returned = [one for one in self.machine.courier.taken[before:] if one.destination != FAILED]
        self.queue += [decode_message(dispatch.body) for dispatch in returned]

    def open_rows(self) -> int:
        with self.database.session() as connection:
            counted = connection.execute("SELECT count(*) FROM notifications.deliveries WHERE wake_at IS NOT NULL")
            (count,) = counted.fetchone() or (0,)
        return int(count)


@pytest.mark.parametrize("examples", [20])
def test_whatever_happens_every_delivery_comes_to_one_honest_end(database: Database, examples: int) -> None:
    class OverThisDatabase(DeliveryWorld):
        pass

    OverThisDatabase.database = database
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        OverThisDatabase,
        settings=settings(max_examples=examples, stateful_step_count=20, deadline=None, suppress_health_check=checks),
    )
