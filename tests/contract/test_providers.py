"""What every provider promises, tried on each: SMTP, SES and FCM over real sockets, and the fake of other tests."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

import httpx
import pytest

from chalicelib.channels.base import Deadline, Outgoing, Provider
from chalicelib.channels.email.mailbox import Mailbox
from chalicelib.channels.email.smtp import SmtpProvider
from chalicelib.channels.push.fcm import FcmProvider
from chalicelib.domain.content import Rendered, RenderedEmail, RenderedPush
from chalicelib.domain.identity import new_id
from chalicelib.domain.notification import Platform
from chalicelib.domain.provider_url import ProviderUrl
from chalicelib.domain.recipient import EmailTarget, PushTarget, Target
from chalicelib.errors import AddressRejected, DeliveryError, OutcomeUnknown, ProviderUnavailable
from offline.doubles.fcm_double import running_fcm_double
from offline.doubles.mail_sink import running_mail_sink
from tests.fakes import FakeProvider
from tests.scripted_http import Asked, Reply, scripted_http
from tests.service_account import service_account_json
from tests.ses_double import accepted, raw_email, refused, ses_provider

SLOW_S = 4.0
THREADS = 8


class Fate(StrEnum):
    """What is to become of a delivery."""

    ACCEPTED = "ok"
    REJECTED = "rejected"
    UNAVAILABLE = "unavailable"
    ANSWER_TOO_LATE = "slow"


@dataclass(frozen=True, slots=True)
class Bench:
    """A provider, how to make a delivery of a given fate for it, and which deliveries its far end has."""

    provider: Provider
    outgoing: Callable[[Fate], Outgoing]
    received: Callable[[], list[UUID]]


def outgoing(target: Target, content: Rendered) -> Outgoing:
    return Outgoing(new_id(datetime.now(UTC)), "corr-12345678", target, content)


@contextmanager
def smtp() -> Iterator[Bench]:
    local_parts = {
        Fate.ACCEPTED: "ok",
        Fate.REJECTED: "reject-",
        Fate.UNAVAILABLE: "defer-",
        Fate.ANSWER_TOO_LATE: "slow-",
    }

    def mail(fate: Fate) -> Outgoing:
        return outgoing(
            EmailTarget(f"{local_parts[fate]}secret@x.example", "Ann"), RenderedEmail("Hi", "<p>Hi</p>", "Hi")
        )

    with running_mail_sink(slow_s=SLOW_S) as sink:
        url = ProviderUrl.parse(f"{sink.smtp_url}?tls=none&name=main")
        provider = SmtpProvider(url, sender=Mailbox("no-reply@carillon.example"), timeout_s=10)
        yield Bench(
            provider,
            mail,
            lambda: [UUID(m["message_id"][1:37]) for m in httpx.get(f"{sink.http_url}/messages").json()],
        )
        provider.close()


@contextmanager
def ses() -> Iterator[Bench]:
    endings = {
        Fate.ACCEPTED: accepted(),
        Fate.REJECTED: refused("MessageRejected", "Address is on the suppression list: secret@x.example"),
        Fate.UNAVAILABLE: refused("ServiceUnavailable", "not now, secret@x.example", status=503),
        Fate.ANSWER_TOO_LATE: replace(accepted(), after_s=SLOW_S),
    }
    taken: list[UUID] = []

    def answer(asked: Asked) -> Reply:
        mail = raw_email(asked)
        fate = Fate(mail.destination.partition("-")[0])
        if fate in {Fate.ACCEPTED, Fate.ANSWER_TOO_LATE}:
            taken.append(UUID(mail.delivery_id))
        return endings[fate]

    def mail(fate: Fate) -> Outgoing:
        return outgoing(EmailTarget(f"{fate}-secret@x.example", "Ann"), RenderedEmail("Hi", "<p>Hi</p>", "Hi"))

    with scripted_http(answer) as server, ses_provider(server.url) as provider:
        yield Bench(provider, mail, lambda: list(taken))


@contextmanager
def fcm() -> Iterator[Bench]:
    tokens = {
        Fate.ACCEPTED: "ok-",
        Fate.REJECTED: "invalid-",
        Fate.UNAVAILABLE: "unavailable-",
        Fate.ANSWER_TOO_LATE: "slow-",
    }

    def push(fate: Fate) -> Outgoing:
        return outgoing(PushTarget(f"{tokens[fate]}secret", Platform.IOS), RenderedPush("Hi", "Ho", None, None, {}))

    with running_fcm_double(slow_s=SLOW_S) as double:
        provider = FcmProvider(
            project_id="test",
            credentials_json=service_account_json(double.token_uri),
            timeout_s=10,
            connections=THREADS,
            endpoint=double.url,
        )
        yield Bench(
            provider,
            push,
            lambda: [UUID(m["message"]["data"]["delivery_id"]) for m in httpx.get(f"{double.url}/messages").json()],
        )
        provider.close()


@contextmanager
def fake() -> Iterator[Bench]:
    provider = FakeProvider()

    def mail(fate: Fate) -> Outgoing:
        made = outgoing(EmailTarget("secret@x.example"), RenderedEmail("Hi", "<p>Hi</p>", "Hi"))
        if fate is Fate.REJECTED:
            provider.fail(made.delivery_id, AddressRejected("no such mailbox", provider=provider.name))
        elif fate is Fate.UNAVAILABLE:
            provider.fail(made.delivery_id, ProviderUnavailable("not now", provider=provider.name))
        elif fate is Fate.ANSWER_TOO_LATE:
            provider.lose_answers(made.delivery_id)
        return made

    yield Bench(provider, mail, lambda: [sent.delivery_id for sent in provider.accepted])


@pytest.fixture(params=[smtp, ses, fcm, fake], ids=["smtp", "ses", "fcm", "fake"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with request.param() as made:
        yield made


def soon() -> Deadline:
    return Deadline.after(10)


def test_what_is_accepted_is_there_once_and_has_a_receipt(bench: Bench) -> None:
    sent = bench.outgoing(Fate.ACCEPTED)
    receipt = bench.provider.send(sent, deadline=soon())
    assert receipt.provider == bench.provider.name
    assert receipt.provider_message_id
    assert bench.received() == [sent.delivery_id]


@pytest.mark.parametrize(("fate", "error"), [(Fate.REJECTED, AddressRejected), (Fate.UNAVAILABLE, ProviderUnavailable)])
def test_what_is_refused_says_whether_trying_again_makes_sense(
    bench: Bench, fate: Fate, error: type[DeliveryError]
) -> None:
    with pytest.raises(error) as refused:
        bench.provider.send(bench.outgoing(fate), deadline=soon())
    assert refused.value.provider == bench.provider.name
    assert bench.received() == []


@pytest.mark.parametrize("fate", [Fate.REJECTED, Fate.UNAVAILABLE, Fate.ANSWER_TOO_LATE])
def test_no_error_shows_to_whom_it_went(bench: Bench, fate: Fate) -> None:
    with pytest.raises(DeliveryError) as failed:
        bench.provider.send(bench.outgoing(fate), deadline=Deadline.after(0.3))
    assert "secret" not in failed.value.detail


@pytest.mark.parametrize("fate", [Fate.REJECTED, Fate.UNAVAILABLE, Fate.ANSWER_TOO_LATE])
def test_one_failure_leaves_the_next_delivery_unharmed(bench: Bench, fate: Fate) -> None:
    with pytest.raises(DeliveryError):
        bench.provider.send(bench.outgoing(fate), deadline=Deadline.after(0.3))
    sent = bench.outgoing(Fate.ACCEPTED)
    bench.provider.send(sent, deadline=soon())
    assert bench.received().count(sent.delivery_id) == 1


def test_an_answer_that_comes_too_late_leaves_the_outcome_unknown_by_the_deadline(bench: Bench) -> None:
    bench.provider.send(bench.outgoing(Fate.ACCEPTED), deadline=soon())
    late = bench.outgoing(Fate.ANSWER_TOO_LATE)
    began_s = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        bench.provider.send(late, deadline=Deadline.after(0.3))
    assert time.monotonic() - began_s < SLOW_S / 2


def test_nothing_is_sent_once_the_deadline_has_passed(bench: Bench) -> None:
    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            bench.provider.send(bench.outgoing(Fate.ACCEPTED), deadline=Deadline.after(0))
        assert bench.received() == []


def test_many_threads_at_once_send_each_delivery_exactly_once(bench: Bench) -> None:
    deliveries = [bench.outgoing(Fate.ACCEPTED) for _ in range(10 * THREADS)]
    with ThreadPoolExecutor(THREADS) as threads:
        receipts = list(threads.map(lambda each: bench.provider.send(each, deadline=soon()), deliveries))
    assert len(receipts) == len(deliveries)
    assert sorted(bench.received()) == sorted(each.delivery_id for each in deliveries)
