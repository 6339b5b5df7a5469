"""The canary: one a minute, a template of its own, and a broken path that raises nothing."""

from dataclasses import dataclass, field

import pytest

from chalicelib.domain.backlog import CanarySighting
from chalicelib.domain.content import EmailContent, PushContent
from chalicelib.domain.notification import Channel
from chalicelib.domain.request import SendNotification
from chalicelib.domain.template import compile_content
from chalicelib.errors import CarillonError, Conflict, DatabaseUnavailable, InvalidRequest, RequestInProgress
from chalicelib.services.canary import TEMPLATE, Canary, CanaryRecipient
from chalicelib.services.create_template import CreateTemplate
from chalicelib.services.publish_template import PublishVersion
from tests.fakes_core import ManualClock
from tests.fakes_queues import FakeCanaries, RecordingGauges


@dataclass
class Path:
    """Where a canary is accepted, as soon as its template is published; the errors are what its steps end in."""

    made: list[CreateTemplate] = field(default_factory=list)
    published: list[PublishVersion] = field(default_factory=list)
    accepted: dict[str, SendNotification] = field(default_factory=dict)
    broken: CarillonError | None = None
    publishing: CarillonError | None = None

    def accept(self, command: SendNotification) -> None:
        if self.broken is not None:
            raise self.broken
        if not self.published:
            code = "template_not_published" if self.made else "template_not_found"
            raise InvalidRequest("no", code=code)
        assert command.idempotency is not None
        self.accepted.setdefault(command.idempotency.key, command)

    def create(self, command: CreateTemplate) -> None:
        if self.made:
            raise Conflict("made")
        self.made.append(command)

    def publish(self, command: PublishVersion) -> None:
        if self.publishing is not None:
            raise self.publishing
        self.published.append(command)


def a_canary(
    path: Path,
    *,
    clock: ManualClock | None = None,
    canaries: FakeCanaries | None = None,
    log: RecordingGauges | None = None,
    recipient: CanaryRecipient = CanaryRecipient(email="canary@example.test"),  # noqa: B008  frozen
) -> Canary:
    return Canary(
        recipient=recipient,
        accept=path.accept,
        create_template=path.create,
        publish_template=path.publish,
        canaries=canaries or FakeCanaries(),
        clock=clock or ManualClock(),
        log=log or RecordingGauges(),
    )


def test_its_template_is_made_and_published_at_first_use_and_never_again() -> None:
    path, clock = Path(), ManualClock()
    canary = a_canary(path, clock=clock)
    for _ in range(3):
        canary()
        clock.advance(60)
    assert [each.template.code for each in path.made] == [TEMPLATE]
    assert [(each.code, each.number) for each in path.published] == [(TEMPLATE, 1)]
    assert len(path.accepted) == 3


def test_one_that_died_between_making_and_publishing_is_completed_by_the_next() -> None:
    path = Path(publishing=DatabaseUnavailable("down"))
    a_canary(path)()
    assert (len(path.made), path.accepted) == (1, {})
    path.publishing = None
    a_canary(path)()
    assert len(path.made) == len(path.published) == len(path.accepted) == 1


def test_two_copies_in_one_minute_send_one() -> None:
    path, clock = Path(), ManualClock()
    a_canary(path, clock=clock)()
    clock.advance(59)
    a_canary(path, clock=clock)()
    assert len(path.accepted) == 1


@pytest.mark.parametrize(
    ("recipient", "channels"),
    [
        (CanaryRecipient(email="canary@example.test"), (Channel.EMAIL,)),
        (CanaryRecipient(device_token="token"), (Channel.PUSH,)),
        (CanaryRecipient("canary@example.test", "token"), (Channel.EMAIL, Channel.PUSH)),
    ],
)
def test_it_goes_where_it_was_told_to_and_nowhere_else(
    recipient: CanaryRecipient, channels: tuple[Channel, ...]
) -> None:
    path = Path()
    a_canary(path, recipient=recipient)()
    (command,) = path.accepted.values()
    assert (command.client_id, command.template_code, command.channels) == ("canary", TEMPLATE, channels)
    assert command.recipient is not None
    assert (command.recipient.email, len(command.recipient.devices)) == (
        recipient.email,
        int(recipient.device_token is not None),
    )


def test_its_template_renders_with_what_it_is_given() -> None:
    path = Path()
    a_canary(path, recipient=CanaryRecipient("canary@example.test", "token"))()
    (command,) = path.accepted.values()
    contents = path.made[0].template.contents
    assert {type(each) for each in contents} == {EmailContent, PushContent}
    for content in contents:
        compiled = compile_content(content)
        assert compiled.variables <= command.variables.keys()


@pytest.mark.parametrize(
    ("error", "level"),
    [(DatabaseUnavailable("down"), "warning"), (InvalidRequest("no", code="channel_not_in_template"), "error")],
)
def test_a_path_that_is_broken_raises_nothing_and_still_shows_the_age(error: CarillonError, level: str) -> None:
    log = RecordingGauges()
    a_canary(Path(broken=error), canaries=FakeCanaries(CanarySighting(360, 0.4)), log=log)()
    assert log.told(level) == ["canary_not_accepted"]
    assert log.measured == {("canary_age_s",): 360, ("canary_latency_s",): 0.4}


def test_another_copy_that_is_at_it_is_no_fault() -> None:
    log = RecordingGauges()
    a_canary(Path(broken=RequestInProgress("under way", retry_after_s=1)), log=log)()
    assert log.lines == []


def test_one_that_has_never_arrived_has_an_age_and_no_latency() -> None:
    log = RecordingGauges()
    a_canary(Path(), canaries=FakeCanaries(CanarySighting(7200, None)), log=log)()
    assert log.measured == {("canary_age_s",): 7200}


@pytest.mark.parametrize("canaries", [FakeCanaries(), FakeCanaries(up=False)])
def test_what_nobody_can_tell_is_not_measured(canaries: FakeCanaries) -> None:
    log = RecordingGauges()
    a_canary(Path(), canaries=canaries, log=log)()
    assert log.measured == {}
    assert log.told("warning") == ([] if canaries.up else ["canary_unknown"])
