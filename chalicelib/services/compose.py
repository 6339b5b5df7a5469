"""Composes a notification from a request: who, which template version, which channels, in which language."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol
from uuid import UUID

from chalicelib.domain.catalog import TemplateHead
from chalicelib.domain.delivery import NewDelivery, NewNotification
from chalicelib.domain.identity import new_id, sibling_id
from chalicelib.domain.notification import Channel, HoldReason, Priority, SkipReason, Status, lane_of
from chalicelib.domain.preferences import DEFAULT_PREFERENCES, Preferences
from chalicelib.domain.recipient import EmailTarget, Person, PersonAddress, RegisteredDevice, TargetReference
from chalicelib.domain.request import NamedRecipient, SendNotification
from chalicelib.domain.template import choose_locale
from chalicelib.errors import Flaw, InvalidRequest
from chalicelib.services.ports import Catalog, CompiledContents, CompiledTemplates, PreferencesOf


class Persons(Protocol):
    def find_person(self, user_id: UUID) -> Person | None: ...


def compose(
    command: SendNotification,
    *,
    people: Persons,
    preferences_of: PreferencesOf,
    catalog: Catalog,
    compiled: CompiledTemplates,
    now: datetime,
) -> NewNotification:
    """The notification that the command asks for, with its deliveries, not yet recorded.

    Raises:
        InvalidRequest: the user, the template or a channel does not exist, or variables are missing.
    """
    recipient, reachable = _recipient(command, people)
    template, version = _published(command.template_code, catalog)
    contents = compiled(template.code, version)
    channels = _channels(command.channels, contents)
    wanted = command.locale or recipient.locale or template.default_locale
    locales = {
        channel: choose_locale(wanted, [of for on, of in contents if on is channel], template.default_locale)
        for channel in channels
    }
    _require_variables(command.variables, [contents[channel, locales[channel]].variables for channel in channels])
    category = command.category or template.category
    preferences = _preferences(command.user_id, preferences_of)
    hold = _hold(command, preferences, now)
    notification_id = new_id(now)
    return NewNotification(
        notification_id=notification_id,
        client_id=command.client_id,
        user_id=command.user_id,
        recipient_name=None if command.user_id else recipient.name,
        template_code=template.code,
        template_version=version,
        category=category,
        priority=command.priority,
        locale=wanted,
        variables=command.variables,
        metadata=command.metadata,
        correlation_id=command.correlation_id,
        send_at=command.send_at if command.send_at is not None and command.send_at > now else None,
        expires_at=command.expires_at,
        deliveries=tuple(
            _delivery(notification_id, channel, locales[channel], reference, priority=command.priority, hold=hold)
            for channel in channels
            for reference in (reachable[channel] if preferences.wants(channel, category) else [SkipReason.OPTED_OUT])
        ),
    )


@dataclass(frozen=True, slots=True)
class _Hold:
    """Until when the deliveries wait, and why, if it is not the request's own wish."""

    until: datetime
    reason: HoldReason | None


def _hold(command: SendNotification, preferences: Preferences, now: datetime) -> _Hold | None:
    """What keeps the deliveries from going out at once: the request's wish, and the quiet hours that hold then."""
    starts_at = now if command.send_at is None else max(now, command.send_at)
    quiet_until = None if command.priority is Priority.HIGH else preferences.quiet_until(starts_at)
    if quiet_until is None:
        return None if starts_at == now else _Hold(starts_at, None)
    # what expires before its time is looked at when it does, and not later
    return _Hold(min(quiet_until, command.expires_at or quiet_until), HoldReason.QUIET_HOURS)


def _preferences(user_id: UUID | None, preferences_of: PreferencesOf) -> Preferences:
    """A recipient that the request names itself has none."""
    if user_id is None:
        return DEFAULT_PREFERENCES
    return preferences_of([user_id]).get(user_id, DEFAULT_PREFERENCES)


def _delivery(
    notification_id: UUID,
    channel: Channel,
    locale: str,
    reference: TargetReference | SkipReason,
    *,
    priority: Priority,
    hold: _Hold | None,
) -> NewDelivery:
    new = partial(
        NewDelivery,
        delivery_id=sibling_id(notification_id),
        channel=channel,
        lane=lane_of(channel, priority),
        locale=locale,
    )
    if isinstance(reference, SkipReason):
        return new(reference=PersonAddress(), status=Status.SKIPPED, reason=reference)
    if hold is not None:
        return new(reference=reference, status=Status.SCHEDULED, reason=hold.reason, wake_at=hold.until)
    return new(reference=reference, status=Status.ACCEPTED)


def _recipient(
    command: SendNotification, people: Persons
) -> tuple[NamedRecipient, Mapping[Channel, Sequence[TargetReference | SkipReason]]]:
    """Who is meant, and by what each channel reaches them: a reason to skip stands where there is nothing."""
    references: dict[Channel, Sequence[TargetReference | SkipReason]]
    if command.user_id is None:
        named = command.recipient or NamedRecipient()
        references = {
            Channel.EMAIL: [EmailTarget(named.email, named.name)] if named.email else [SkipReason.NO_ADDRESS],
            Channel.PUSH: list(named.devices) or [SkipReason.NO_DEVICE],
        }
        return named, references
    person = people.find_person(command.user_id)
    if person is None:
        raise InvalidRequest(
            "There is no such user.", code="user_not_found", flaws=[Flaw("/user_id", "there is no such user")]
        )
    references = {
        Channel.EMAIL: [PersonAddress()] if person.email else [SkipReason.NO_ADDRESS],
        Channel.PUSH: [RegisteredDevice(device_id) for device_id in _device_ids(person)] or [SkipReason.NO_DEVICE],
    }
    return NamedRecipient(name=person.name, locale=person.locale), references


def _device_ids(person: Person) -> Iterator[UUID]:
    return (device.device_id for device in person.devices if device.device_id is not None)


def _published(code: str, catalog: Catalog) -> tuple[TemplateHead, int]:
    template = catalog.find_published(code)
    if template is None or template.archived:
        raise InvalidRequest(
            "There is no such template.",
            code="template_not_found",
            flaws=[Flaw("/template_code", "there is no such template")],
        )
    if not template.published_version:
        raise InvalidRequest(
            "No version of this template is published.",
            code="template_not_published",
            flaws=[Flaw("/template_code", "no version is published")],
        )
    return template, template.published_version


def _channels(wanted: Sequence[Channel] | None, contents: CompiledContents) -> Sequence[Channel]:
    available = {channel for channel, _ in contents}
    if wanted is None:
        return sorted(available)
    lacking = [channel for channel in wanted if channel not in available]
    if lacking:
        raise InvalidRequest(
            f"The template has no content for: {', '.join(lacking)}.",
            code="channel_not_in_template",
            flaws=[Flaw("/channels", f"the template has no content for {channel}") for channel in lacking],
        )
    return wanted


def _require_variables(given: Mapping[str, object], needed: Sequence[frozenset[str]]) -> None:
    missing = sorted(frozenset().union(*needed) - given.keys())
    if missing:
        raise InvalidRequest(
            f"Variables are missing: {', '.join(missing)}.",
            code="missing_variables",
            flaws=[Flaw(f"/variables/{name}", "the template needs this variable") for name in missing],
        )
