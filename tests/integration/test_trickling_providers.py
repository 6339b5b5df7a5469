"""No server holds a send past its deadline by trickling its answer, a byte a second: not one of SMTP, FCM or SES."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime

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
from chalicelib.errors import OutcomeUnknown
from tests.scripted_http import Asked, Reply, scripted_http
from tests.scripted_smtp import Connection, scripted_smtp
from tests.service_account import service_account_json
from tests.ses_double import accepted, ses_provider

EVERY_S = 1.0
TIMEOUT_S = 20.0
"""Above the deadline: a timeout of single reads would not end such an answer within a test's patience."""

DEADLINE_S = 3.0
SLACK_S = 2.0

MAIL = EmailTarget("a@x.example"), RenderedEmail("Hi", "<p>Hi</p>", "Hi")
PUSH = PushTarget("token", Platform.ANDROID), RenderedPush("Hi", "Ho", None, None, {})

Bench = tuple[Provider, Target, Rendered]


@contextmanager
def smtp() -> Iterator[Bench]:
    over = threading.Event()

    def trickle(connection: Connection) -> str | None:
        if len(server.mails) == 1:
            return "250 2.0.0 OK"
        connection.trickle("250 2.0.0 OK, as it were", over, every_s=EVERY_S)
        return None

    with scripted_smtp({".": trickle}) as server:
        url = ProviderUrl.parse(f"smtp://127.0.0.1:{server.port}?tls=none")
        provider = SmtpProvider(url, sender=Mailbox("no-reply@x.example"), timeout_s=TIMEOUT_S)
        yield provider, *MAIL
        over.set()
        provider.close()


@contextmanager
def fcm() -> Iterator[Bench]:
    token = Reply(body=b'{"access_token":"t","expires_in":3600,"token_type":"Bearer"}')
    sent = [Reply(body=b'{"name":"1"}', every_s=EVERY_S), Reply(body=b'{"name":"1"}')]

    with scripted_http(lambda asked: token if asked.path == "/token" else sent.pop()) as server:
        provider = FcmProvider(
            project_id="test",
            credentials_json=service_account_json(f"{server.url}/token"),
            timeout_s=TIMEOUT_S,
            connections=1,
            endpoint=server.url,
        )
        yield provider, *PUSH
        provider.close()


@contextmanager
def ses() -> Iterator[Bench]:
    first = iter([accepted()])

    def trickle(_: Asked) -> Reply:
        return next(first, Reply(body=accepted().body, every_s=EVERY_S))

    with scripted_http(trickle) as server, ses_provider(server.url, timeout_s=TIMEOUT_S) as provider:
        yield provider, *MAIL


@pytest.mark.parametrize("bench", [smtp, fcm, ses])
def test_an_answer_of_a_byte_a_second_ends_with_the_deadline(
    bench: Callable[[], AbstractContextManager[Bench]],
) -> None:
    with bench() as (provider, target, content):
        outgoing = Outgoing(new_id(datetime.now(UTC)), "corr-12345678", target, content)
        provider.send(outgoing, deadline=Deadline.after(TIMEOUT_S))
        began_s = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            provider.send(outgoing, deadline=Deadline.after(DEADLINE_S))
        assert DEADLINE_S - 0.1 < time.monotonic() - began_s < DEADLINE_S + SLACK_S
