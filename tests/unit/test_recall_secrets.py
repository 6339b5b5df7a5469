"""When secrets are read, believed, looked at again, and doubted."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier

import pytest

from chalicelib.domain.secret_reference import SecretReference
from chalicelib.errors import CarillonError, InvalidSettings, SecretUnavailable
from chalicelib.services.recall_secrets import AFTER_AWAY_S, AT_MOST_EVERY_S, RecalledSecrets
from tests.fakes_core import ManualClock, RecordingLog

MAX_AGE_S = 300.0
THREADS = 8


def reference(name: str) -> SecretReference:
    return SecretReference.parse(f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:carillon/dev/{name}-AbCdEf")


REDIS, BROKER = reference("REDIS_URL"), reference("RABBITMQ_URL")


@dataclass
class Place:
    """A place of secrets that says what a test puts there, or fails as it says, and counts who asks."""

    says: dict[SecretReference, str | CarillonError] = field(
        default_factory=lambda: {REDIS: "redis://one", BROKER: "amqp://one"}
    )
    asked: list[SecretReference] = field(default_factory=list)

    def __call__(self, reference: SecretReference) -> str:
        self.asked.append(reference)
        said = self.says[reference]
        if isinstance(said, CarillonError):
            raise said
        return said


def must_be_a_url(_setting: str, value: str) -> None:
    if "://" not in value:
        raise ValueError("must be a URL")


@dataclass
class Bench:
    clock: ManualClock = field(default_factory=ManualClock)
    place: Place = field(default_factory=Place)
    log: RecordingLog = field(default_factory=RecordingLog)

    def __post_init__(self) -> None:
        self.secrets = RecalledSecrets(
            fetch=self.place, check=must_be_a_url, clock=self.clock, log=self.log, max_age_s=lambda: MAX_AGE_S
        )

    def read(self) -> str:
        return self.secrets.read("redis_url", REDIS)

    def rotate(self, value: str | CarillonError = "redis://two") -> None:
        self.place.says[REDIS] = value


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_secret_is_read_once_when_it_is_needed(bench: Bench) -> None:
    assert bench.place.asked == []
    assert [bench.read(), bench.read()] == ["redis://one"] * 2
    assert bench.place.asked == [REDIS]


def test_who_has_read_nothing_looks_at_nothing(bench: Bench) -> None:
    bench.clock.advance(MAX_AGE_S)
    bench.secrets.doubt()
    assert not bench.secrets.look_again()
    assert bench.place.asked == []


def test_a_rotated_secret_is_noticed_when_it_is_time_and_told_once(bench: Bench) -> None:
    bench.read()
    bench.rotate()
    bench.clock.advance(MAX_AGE_S - 1)
    assert not bench.secrets.look_again()
    bench.clock.advance(1)
    assert bench.secrets.look_again()
    assert bench.read() == "redis://two"
    assert not bench.secrets.look_again()
    assert bench.log.lines == [("info", "secret_changed")]


def test_a_secret_that_did_not_change_renews_nothing(bench: Bench) -> None:
    bench.read()
    bench.clock.advance(MAX_AGE_S)
    assert not bench.secrets.look_again()
    assert bench.place.asked == [REDIS, REDIS]


def test_all_that_are_in_use_are_looked_at_together(bench: Bench) -> None:
    bench.read()
    bench.clock.advance(MAX_AGE_S / 2)
    bench.secrets.read("rabbitmq_url", BROKER)
    bench.clock.advance(MAX_AGE_S / 2)
    bench.secrets.look_again()
    assert bench.place.asked == [REDIS, BROKER, REDIS, BROKER]


def test_a_clock_that_was_set_back_makes_nobody_wait(bench: Bench) -> None:
    bench.read()
    bench.rotate()
    bench.clock.advance(-3600)
    assert bench.secrets.look_again()


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (SecretUnavailable("could not be reached"), ("warning", "secret_unavailable")),
        (InvalidSettings("cannot be read (AccessDeniedException)"), ("error", "secret_unusable")),
        ("not what was meant", ("error", "secret_unusable")),
    ],
    ids=["away", "denied", "against the rule"],
)
def test_who_has_a_good_value_keeps_it(bench: Bench, trouble: str | CarillonError, told: tuple[str, str]) -> None:
    bench.read()
    bench.rotate(trouble)
    bench.clock.advance(MAX_AGE_S)
    assert not bench.secrets.look_again()
    assert bench.read() == "redis://one"
    assert bench.log.lines == [told]


def test_a_place_that_is_away_costs_one_question_and_is_asked_again_after_a_rest(bench: Bench) -> None:
    bench.read()
    bench.secrets.read("rabbitmq_url", BROKER)
    bench.place.says = dict.fromkeys((REDIS, BROKER), SecretUnavailable("away"))
    bench.clock.advance(MAX_AGE_S)
    bench.secrets.look_again()
    bench.clock.advance(AFTER_AWAY_S - 1)
    bench.secrets.look_again()
    assert len(bench.place.asked) == 3
    bench.place.says = {REDIS: "redis://two", BROKER: "amqp://one"}
    bench.clock.advance(1)
    assert bench.secrets.look_again()


def test_one_secret_that_may_not_be_read_keeps_no_other_from_being_renewed(bench: Bench) -> None:
    bench.secrets.read("rabbitmq_url", BROKER)
    bench.read()
    bench.place.says = {BROKER: InvalidSettings("cannot be read"), REDIS: "redis://two"}
    bench.clock.advance(MAX_AGE_S)
    assert bench.secrets.look_again()
    assert bench.read() == "redis://two"


@pytest.mark.parametrize("trouble", [SecretUnavailable("away"), InvalidSettings("denied"), "no address"])
def test_a_secret_that_was_never_read_stops_who_needs_it(bench: Bench, trouble: str | CarillonError) -> None:
    bench.rotate(trouble)
    kind = type(trouble) if isinstance(trouble, CarillonError) else InvalidSettings
    with pytest.raises(kind):
        bench.read()


def test_a_secret_that_breaks_its_rule_is_named_and_not_shown(bench: Bench) -> None:
    bench.rotate("hunter2")
    with pytest.raises(InvalidSettings, match="REDIS_URL: its secret must be a URL") as refused:
        bench.read()
    assert "hunter2" not in str(refused.value)


def test_nobody_waits_for_a_place_that_was_away_a_moment_ago(bench: Bench) -> None:
    bench.rotate(SecretUnavailable("away"))
    for _ in range(3):
        with pytest.raises(SecretUnavailable):
            bench.read()
    assert bench.place.asked == [REDIS]
    bench.rotate("redis://one")
    bench.clock.advance(AT_MOST_EVERY_S)
    assert bench.read() == "redis://one"


def test_a_doubt_makes_the_next_invocation_look_but_not_every_one(bench: Bench) -> None:
    bench.read()
    bench.clock.advance(AT_MOST_EVERY_S)
    bench.secrets.doubt()
    assert not bench.secrets.look_again()
    for _ in range(4):
        bench.secrets.doubt()
        bench.clock.advance(1)
        bench.secrets.look_again()
    assert len(bench.place.asked) == 2
    bench.rotate()
    bench.clock.advance(1)
    assert bench.secrets.look_again()


def test_who_is_refused_learns_at_once_what_stands_in_the_place_of_a_value(bench: Bench) -> None:
    bench.read()
    bench.rotate()
    bench.clock.advance(AT_MOST_EVERY_S)
    assert bench.secrets.successor_of("redis://one") == "redis://two"
    assert bench.secrets.look_again(), "what else was built of it is built anew before the next invocation"


def test_a_second_one_who_was_refused_with_the_same_value_needs_no_look(bench: Bench) -> None:
    bench.read()
    bench.rotate()
    bench.clock.advance(AT_MOST_EVERY_S)
    assert [bench.secrets.successor_of("redis://one") for _ in range(2)] == ["redis://two"] * 2
    assert len(bench.place.asked) == 2


def test_a_value_that_is_refused_and_still_the_secret_s_own_has_no_successor(bench: Bench) -> None:
    bench.read()
    bench.clock.advance(AT_MOST_EVERY_S)
    assert [bench.secrets.successor_of("redis://one") for _ in range(3)] == [None] * 3
    assert len(bench.place.asked) == 2


def test_a_value_that_no_secret_holds_has_no_successor(bench: Bench) -> None:
    assert bench.secrets.successor_of("redis://of-the-environment") is None
    assert bench.place.asked == []


@pytest.mark.parametrize("ask", [RecalledSecrets.look_again, lambda secrets: secrets.successor_of("redis://one")])
def test_a_place_that_is_away_for_good_never_harms(bench: Bench, ask: Callable[[RecalledSecrets], object]) -> None:
    bench.read()
    bench.rotate(SecretUnavailable("away"))
    for _ in range(10):
        bench.clock.advance(MAX_AGE_S)
        assert not ask(bench.secrets)
    assert bench.read() == "redis://one"


def test_threads_that_need_a_secret_at_the_same_time_read_it_once(bench: Bench) -> None:
    together = Barrier(THREADS)

    def read() -> str:
        together.wait(10)
        return bench.read()

    with ThreadPoolExecutor(THREADS) as threads:
        values = [each.result() for each in [threads.submit(read) for _ in range(THREADS)]]
    assert values == ["redis://one"] * THREADS
    assert bench.place.asked == [REDIS]


def test_threads_that_are_refused_at_the_same_time_all_learn_of_the_successor(bench: Bench) -> None:
    bench.read()
    bench.rotate()
    bench.clock.advance(AT_MOST_EVERY_S)
    with ThreadPoolExecutor(THREADS) as threads:
        successors = list(threads.map(bench.secrets.successor_of, ["redis://one"] * THREADS))
    assert successors == ["redis://two"] * THREADS
    assert bench.place.asked == [REDIS, REDIS]
