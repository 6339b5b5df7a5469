"""Composes a notification from a request: who, which template version, which channels, in which language."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from chalicelib.domain.catalog import TemplateHead
from chalicelib.domain.delivery import NewDelivery, NewNotification
from chalicelib.domain.identity import new_id, sibling_id
from chalicelib.domain.notification import Channel, Priority, SkipReason, Status, lane_of
from chalicelib.domain.recipient import EmailTarget, Person, PersonAddress, RegisteredDevice, TargetReference
from chalicelib.domain.request import NamedRecipient, SendNotification
from chalicelib.domain.template import choose_locale
from chalicelib.errors import Flaw, InvalidRequest
from chalicelib.services.ports import Catalog, CompiledContents, CompiledTemplates, People


def compose(
    command: SendNotification, *, people: People, catalog: Catalog, compiled: CompiledTemplates, now: datetime
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
    send_at = command.send_at if command.send_at is not None and command.send_at > now else None
    notification_id = new_id(now)
    return NewNotification(
        notification_id=notification_id,
        client_id=command.client_id,
        user_id=command.user_id,
        recipient_name=None if command.user_id else recipient.name,
        template_code=template.code,
        template_version=version,
        category=command.category or template.category,
        priority=command.priority,
        locale=wanted,
        variables=command.variables,
        metadata=command.metadata,
        correlation_id=command.correlation_id,
        send_at=send_at,
        expires_at=command.expires_at,
        deliveries=tuple(
            _delivery(notification_id, channel, locales[channel], reference, priority=command.priority, send_at=send_at)
            for channel in channels
            for reference in reachable[channel]
        ),
    )


def _delivery(
    notification_id: UUID,
    channel: Channel,
    locale: str,
    reference: TargetReference | SkipReason,
    *,
    priority: Priority,
    send_at: datetime | None,
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
    if send_at is not None:
        return new(reference=reference, status=Status.SCHEDULED, wake_at=send_at)
    return new(reference=reference, status=Status.ACCEPTED)


def _recipient(
    command: SendNotification, people: People
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
