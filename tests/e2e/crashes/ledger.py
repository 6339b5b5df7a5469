"""Three independent records of the same notifications, and whether they agree: the clients' 202s, the API's traces of
what the database holds, and what arrived at the sinks."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.e2e.api import Client, events_of, told
from tests.e2e.crashes.crowd import Answered

Json = Any


@dataclass(frozen=True, slots=True)
class Line:
    """One delivery: what was promised under its id, what its trace tells, how often it arrived."""

    delivery: Json
    copies: int

    @property
    def events(self) -> Sequence[str]:
        return events_of(self.delivery)

    @property
    def unsettled_attempts(self) -> int:
        """Attempts of which nobody wrote down in time how they ended: each may have reached its recipient."""
        return self.events.count("lease_ended")


@dataclass(frozen=True, slots=True)
class Ledger:
    """The lines by delivery id."""

    lines: Mapping[str, Line]

    @property
    def duplicated(self) -> set[str]:
        """The deliveries that arrived more than once."""
        return {delivery_id for delivery_id, line in self.lines.items() if line.copies > 1}

    def require_all_sent(self) -> None:
        """Every promise was kept, and whatever arrived again has its explanation in the events."""
        for line in self.lines.values():
            assert line.delivery["status"] == "sent", told(line.delivery)
            assert line.copies >= 1, f"lost, though it says sent: {told(line.delivery)}"
            assert line.copies <= 1 + line.unsettled_attempts, f"{line.copies} copies of {told(line.delivery)}"

    def require_each_sent_once(self) -> None:
        self.require_all_sent()
        assert not self.duplicated, [told(self.lines[each].delivery) for each in self.duplicated]


def draw_up(client: Client, accepted: Iterable[Json], *, within_s: float) -> Ledger:
    """The ledger of these 202s once every one of them has reached its end."""
    promised = {answer["notification_id"]: answer for answer in accepted}
    ends_at_s = time.monotonic() + within_s
    # one after the other: hundreds that are asked for again and again would slow down what they wait for
    traces = {each: client.wait_ended(each, within_s=ends_at_s - time.monotonic()) for each in promised}
    arrived = arrivals(client, [*traces.values()])
    lines = {}
    for notification_id, trace in traces.items():
        ids = {each["delivery_id"] for each in promised[notification_id]["deliveries"]}
        assert ids == {each["delivery_id"] for each in trace["deliveries"]}, told(trace)
        for delivery in trace["deliveries"]:
            lines[delivery["delivery_id"]] = Line(delivery, arrived[delivery["delivery_id"]])
    return Ledger(lines)


def arrived_unpromised(client: Client, refused: Iterable[Answered]) -> int:
    """How many e-mails arrived of posts that got no 202: for them, a commit was under way when something died."""
    addresses = {answer.posted["recipient"]["email"] for answer in refused}
    return sum(1 for mail in client.mails() if addresses & set(mail["envelope"]["rcpt_to"]))


def arrivals(client: Client, notifications: Sequence[Json]) -> Counter[str]:
    """How often each delivery of these arrived, by its id; those that did not are absent."""
    wanted = {delivery["delivery_id"] for each in notifications for delivery in each["deliveries"]}
    mails = [mail["message_id"].strip("<").partition("@")[0] for mail in client.mails()]
    pushes = [push["message"]["data"]["delivery_id"] for push in client.pushes()]
    return Counter(delivery_id for delivery_id in (*mails, *pushes) if delivery_id in wanted)
