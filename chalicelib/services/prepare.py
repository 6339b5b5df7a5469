"""Prepares claimed deliveries for sending: is each still wanted, where does it go now, and what does it say?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chalicelib.channels.base import Outgoing
from chalicelib.domain.delivery import Claimed, Settlement
from chalicelib.domain.notification import HoldReason, Priority, SkipReason, Status
from chalicelib.domain.preferences import Preferences
from chalicelib.domain.recipient import EmailTarget, PersonAddress, PushTarget, RegisteredDevice, Target
from chalicelib.errors import DatabaseUnavailable, InvalidTemplate, RenderFailed
from chalicelib.services.ports import CompiledTemplates, People, PreferencesOf
from chalicelib.services.settle import defer

MOST_CRASHES = 3

LONGEST_DATABASE_AWAY_S = 60.0
"""A database is back sooner than a provider, and asking it costs nobody else anything."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A delivery that only needs to be sent."""

    claimed: Claimed
    outgoing: Outgoing


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the people of one batch at this moment: where they are reached, and what they want."""

    emails: Mapping[UUID, EmailTarget]
    devices: Mapping[UUID, tuple[UUID, PushTarget]]
    preferences: Mapping[UUID, Preferences]
    now: datetime


def prepare(
    batch: Sequence[Claimed],
    *,
    people: People,
    preferences_of: PreferencesOf,
    compiled: CompiledTemplates,
    now: datetime,
) -> tuple[list[Prepared], list[Settlement]]:
    """Split a batch into what shall be sent and what ends without a provider call, or waits once more.

    Such a turn is never counted as an attempt. While the people's or the templates' database is away, the rest of the
    batch is deferred: it is claimed already, and leases left to end would look like crashes.
    """
    prepared: list[Prepared] = []
    ended: list[Settlement] = []
    try:
        known = _look_up(batch, people, preferences_of, now)
        for claimed in batch:
            one = _prepare_one(claimed, known, compiled)
            if isinstance(one, Prepared):
                prepared.append(one)
            else:
                ended.append(one)
    except DatabaseUnavailable as error:
        rest = batch[len(prepared) + len(ended) :]
        ended += [defer(claimed, error.code, longest_s=LONGEST_DATABASE_AWAY_S) for claimed in rest]
    return prepared, ended


def _prepare_one(claimed: Claimed, known: _Known, compiled: CompiledTemplates) -> Prepared | Settlement:
    if claimed.expired:
        return _end(claimed, Status.EXPIRED, "expired", "expires_at had passed")
    if claimed.crashes >= MOST_CRASHES:
        return _end(claimed, Status.FAILED, "crashed", f"{claimed.crashes} leases ended while it was being sent")
    target = _resolve(claimed, known)
    if isinstance(target, SkipReason):
        return _end(claimed, Status.SKIPPED, target, "nothing to send to at the time of sending")
    return _unwanted(claimed, known) or _render(claimed, target, compiled)


def _unwanted(claimed: Claimed, known: _Known) -> Settlement | None:
    """The end, or the delay, that the person's wishes of this moment call for. A named recipient has none."""
    preferences = known.preferences.get(claimed.user_id) if claimed.user_id else None
    if preferences is None:
        return None
    if not preferences.wants(claimed.channel, claimed.category):
        return _end(claimed, Status.SKIPPED, SkipReason.OPTED_OUT, "opted out since it was accepted")
    quiet_until = None if claimed.priority is Priority.HIGH else preferences.quiet_until(known.now)
    if quiet_until is None:
        return None
    return _hold(claimed, HoldReason.QUIET_HOURS, (quiet_until - known.now).total_seconds())


def _render(claimed: Claimed, target: Target, compiled: CompiledTemplates) -> Prepared | Settlement:
    try:
        template = compiled(claimed.template_code, claimed.template_version)[claimed.channel, claimed.locale]
        content = template.render(claimed.variables)
    except RenderFailed as error:
        return _end(claimed, Status.FAILED, error.reason, error.detail)
    except (InvalidTemplate, LookupError) as error:
        detail = f"the template's version cannot be used: {type(error).__name__}"
        return _end(claimed, Status.FAILED, RenderFailed.reason, detail)
    return Prepared(claimed, Outgoing(claimed.delivery_id, claimed.correlation_id, target, content))


def _end(claimed: Claimed, status: Status, reason: str, detail: str) -> Settlement:
    return Settlement(claimed=claimed, status=status, attempts=claimed.attempt - 1, reason=reason, detail=detail)


def _hold(claimed: Claimed, reason: HoldReason, wake_after_s: float) -> Settlement:
    """It has a time of its own to wait for, which says more than a count."""
    return Settlement(
        claimed=claimed,
        status=Status.DEFERRED,
        attempts=claimed.attempt - 1,
        reason=reason,
        wake_after_s=wake_after_s,
    )


def _look_up(batch: Sequence[Claimed], people: People, preferences_of: PreferencesOf, now: datetime) -> _Known:
    addressed = {one.user_id for one in batch if one.user_id and isinstance(one.reference, PersonAddress)}
    devices = {claimed.reference.device_id for claimed in batch if isinstance(claimed.reference, RegisteredDevice)}
    users = {claimed.user_id for claimed in batch if claimed.user_id}
    return _Known(
        emails=people.find_addresses(addressed) if addressed else {},
        devices=people.find_device_tokens(devices) if devices else {},
        preferences=preferences_of(users) if users else {},
        now=now,
    )


def _resolve(claimed: Claimed, known: _Known) -> Target | SkipReason:
    """Where it goes now. What was meant for a person who has been erased since names nobody any more."""
    match claimed.reference:
        case PersonAddress() | RegisteredDevice() if claimed.user_id is None:
            return SkipReason.ERASED
        case PersonAddress():
            # everybody has an address: who has none is gone, and their erasure is on its way here
            address = known.emails.get(claimed.user_id) if claimed.user_id else None
            return address or SkipReason.ERASED
        case RegisteredDevice(device_id=device_id):
            owner, target = known.devices.get(device_id, (None, None))
            return target if target is not None and owner == claimed.user_id else SkipReason.NO_DEVICE
        case EmailTarget() | PushTarget() as named:
            return named
