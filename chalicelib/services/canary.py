"""Sends one notification a minute through the whole path, and tells how long ago one last arrived."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.audit import Actor
from chalicelib.domain.backlog import CanarySighting
from chalicelib.domain.catalog import NewTemplate
from chalicelib.domain.content import EmailContent, PushContent
from chalicelib.domain.notification import Channel, Platform
from chalicelib.domain.recipient import PushTarget
from chalicelib.domain.request import IdempotencyKey, NamedRecipient, SendNotification
from chalicelib.errors import CarillonError, Conflict, DependencyUnavailable, InvalidRequest, RequestInProgress
from chalicelib.services.create_template import CreateTemplate
from chalicelib.services.measure_queues import Gauges
from chalicelib.services.ports import Clock
from chalicelib.services.publish_template import PublishVersion

CLIENT = "canary"
TEMPLATE = "carillon-canary"
FIRST = 1
_MADE_AT_FIRST_USE = {"template_not_found", "template_not_published"}

_CONTENTS = (
    EmailContent(locale="en", subject="Canary of {{ minute }}", html="<p>Accepted for the minute {{ minute }}.</p>"),
    PushContent(locale="en", title="Canary", body="Accepted for the minute {{ minute }}."),
)


@dataclass(frozen=True, slots=True)
class CanaryRecipient:
    """Where canaries go: at least one of the two is given."""

    email: str | None = None
    device_token: str | None = None

    @property
    def channels(self) -> tuple[Channel, ...]:
        reached = {Channel.EMAIL: self.email, Channel.PUSH: self.device_token}
        return tuple(channel for channel, target in reached.items() if target is not None)

    @property
    def named(self) -> NamedRecipient:
        token = self.device_token
        return NamedRecipient(email=self.email, devices=() if token is None else (PushTarget(token, Platform.ANDROID),))


class Canaries(Protocol):
    def find_newest_sent(self, template_code: str, *, client_id: str) -> CanarySighting | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """Never raises for its own sake: a path that is broken shows as an age that grows."""

    recipient: CanaryRecipient
    accept: Callable[[SendNotification], object]
    create_template: Callable[[CreateTemplate], object]
    publish_template: Callable[[PublishVersion], object]
    canaries: Canaries
    clock: Clock
    log: Gauges

    def __call__(self) -> None:
        """Accept this minute's canary, unless that was done already, and report on those before it."""
        try:
            with suppress(RequestInProgress):  # another copy of this function is at it
                self._send()
        except CarillonError as error:
            self._complain(error)
        try:
            self._report()
        except DependencyUnavailable as error:
            self.log.warning("canary_unknown", error=type(error).__name__)

    def _send(self) -> None:
        command = self._command()
        try:
            self.accept(command)
        except InvalidRequest as error:
            if error.problem_code not in _MADE_AT_FIRST_USE:
                raise
            self._make_template()
            self.accept(command)

    def _command(self) -> SendNotification:
        """The minute is its key: however many copies run, one canary a minute is accepted."""
        minute = self.clock().strftime("%Y-%m-%dT%H:%MZ")
        return SendNotification(
            client_id=CLIENT,
            correlation_id=f"canary-{minute.replace(':', '')}",
            template_code=TEMPLATE,
            recipient=self.recipient.named,
            channels=self.recipient.channels,
            variables={"minute": minute},
            idempotency=IdempotencyKey(minute, hashlib.sha256(minute.encode()).digest()),
        )

    def _make_template(self) -> None:
        """Two copies may do so at once; one of them finds it made, and publishing twice changes nothing."""
        by = Actor(CLIENT, f"{CLIENT}-template")
        template = NewTemplate(code=TEMPLATE, name="Canary", category=None, default_locale="en", contents=_CONTENTS)
        try:
            self.create_template(CreateTemplate(template, by))
        except Conflict:
            self.log.info("canary_template_found")
        self.publish_template(PublishVersion(TEMPLATE, FIRST, by))

    def _complain(self, error: CarillonError) -> None:
        tell = self.log.warning if isinstance(error, DependencyUnavailable) else self.log.error
        tell("canary_not_accepted", error=type(error).__name__)

    def _report(self) -> None:
        sighting = self.canaries.find_newest_sent(TEMPLATE, client_id=CLIENT)
        if sighting is None:
            return
        values: Mapping[str, float | None] = {"canary_age_s": sighting.age_s, "canary_latency_s": sighting.latency_s}
        self.log.gauge({name: value for name, value in values.items() if value is not None})
