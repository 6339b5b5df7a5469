"""A broker in memory: lanes, wait queues, what is handed over and not yet acknowledged, and everything gone at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from chalicelib.broker import topology
from chalicelib.domain.messages import FAILED, Dispatch, Received, decode_message

ROUTED = frozenset({FAILED, *topology.LANES})


@dataclass
class Queues:
    """Takes over what is routable. Messages lie in the order of their deliveries: a run does not depend on more."""

    taken: list[Dispatch] = field(default_factory=list)
    ready: dict[str, list[Dispatch]] = field(default_factory=lambda: {name: [] for name in ROUTED})
    waiting: list[tuple[float, Dispatch]] = field(default_factory=list)
    disk: int = 0
    """Which one it is: what was handed over from another than this cannot be given back."""

    def publish(self, dispatches: Sequence[Dispatch], *, timeout_s: float) -> frozenset[int]:
        taken = [index for index, one in enumerate(dispatches) if one.destination in ROUTED]
        for index in taken:
            self.taken.append(dispatches[index])
            self._put(dispatches[index])
        return frozenset(taken)

    def count_ready(self, lane: str, *, timeout_s: float) -> int:
        return len(self.ready[lane])

    def hand_over(self, name: str, most: int, *, newest: bool = False) -> list[Dispatch]:
        """Messages of a queue for one consumer, who acknowledges them by not giving them back."""
        lying = self.ready[name]
        handed = lying[-most:] if newest else lying[:most]
        self.ready[name] = [one for one in lying if one not in handed]
        return handed

    def give_back(self, name: str, messages: Sequence[Dispatch]) -> None:
        """To be handed over again."""
        self.ready[name] = sorted([*self.ready[name], *messages], key=_order)

    def dead_letter(self, name: str) -> None:
        """Give the first message of a queue up, as a broker does whose limits are exceeded."""
        self.give_back(FAILED, self.hand_over(name, 1))

    def copy(self, name: str) -> None:
        """Hand some messages over twice, as a broker does whose acknowledgements were lost."""
        self.give_back(name, self.ready[name][:2])

    def lose(self, name: str) -> None:
        self.ready[name] = []

    def lose_everything(self) -> None:
        """The disk is wiped."""
        self.waiting = []
        self.disk += 1
        for name in self.ready:
            self.ready[name] = []

    def let_pass(self, duration: timedelta) -> None:
        """What has waited long enough lies in its lane; and every message is older."""
        passed_s = duration.total_seconds()
        due = [one for left_s, one in self.waiting if left_s <= passed_s]
        self.waiting = [(left_s - passed_s, _aged(one, duration)) for left_s, one in self.waiting if left_s > passed_s]
        for name, lying in self.ready.items():
            self.ready[name] = [_aged(one, duration) for one in lying]
        for one in due:
            self._put(replace(_aged(one, duration), delay_s=None))

    @property
    def empty(self) -> bool:
        return not self.waiting and not any(self.ready.values())

    def _put(self, dispatch: Dispatch) -> None:
        if dispatch.delay_s is None:
            self.give_back(dispatch.destination, [dispatch])
        else:
            self.waiting.append((dispatch.delay_s, dispatch))


def received(name: str, message: Dispatch) -> Received:
    return Received(topology.queue_of(name), message.body, message.message_id, message.correlation_id, message.headers)


def _order(message: Dispatch) -> tuple[str, int]:
    return message.message_id, decode_message(message.body).ticket


def _aged(message: Dispatch, by: timedelta) -> Dispatch:
    told = decode_message(message.body)
    return replace(message, body=told.model_copy(update={"published_at": told.published_at - by}).encode())
