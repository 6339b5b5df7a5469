"""Prepares claimed deliveries for sending: is each still wanted, where does it go now, and what does it say?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from chalicelib.channels.base import Outgoing
from chalicelib.domain.delivery import Claimed, Settlement
from chalicelib.domain.notification import SkipReason, Status
from chalicelib.domain.recipient import EmailTarget, PersonAddress, PushTarget, RegisteredDevice, Target
from chalicelib.errors import DatabaseUnavailable, InvalidTemplate, RenderFailed
from chalicelib.services.ports import CompiledTemplates, People

MOST_CRASHES = 3

DATABASE_AWAY_S = 15.0
"""When a delivery is looked at again that could not be prepared because a database was away."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A delivery that only needs to be sent."""

    claimed: Claimed
    outgoing: Outgoing


@dataclass(frozen=True, slots=True)
class _Addresses:
    """Where the people of one batch can be reached at this moment."""

    emails: Mapping[UUID, EmailTarget]
    devices: Mapping[UUID, tuple[UUID, PushTarget]]


def prepare(
    batch: Sequence[Claimed], *, people: People, compiled: CompiledTemplates
) -> tuple[list[Prepared], list[Settlement]]:
    """Split a batch into what shall be sent and what ends without a provider call.

    Such an end is never counted as an attempt. While the people's or the templates' database is away, the rest of the
    batch is deferred: it is claimed already, and leases left to end would look like crashes.
    """
    prepared: list[Prepared] = []
    ended: list[Settlement] = []
    try:
        addresses = _look_up(batch, people)
        for claimed in batch:
            one = _prepare_one(claimed, addresses, compiled)
            if isinstance(one, Prepared):
                prepared.append(one)
            else:
                ended.append(one)
    except DatabaseUnavailable as error:
        ended += [_defer(claimed, error) for claimed in batch[len(prepared) + len(ended) :]]
    return prepared, ended


def _prepare_one(claimed: Claimed, addresses: _Addresses, compiled: CompiledTemplates) -> Prepared | Settlement:
    if claimed.expired:
        return _end(claimed, Status.EXPIRED, "expired", "expires_at had passed")
    if claimed.crashes >= MOST_CRASHES:
        return _end(claimed, Status.FAILED, "crashed", f"{claimed.crashes} leases ended while it was being sent")
    target = _resolve(claimed, addresses)
    if isinstance(target, SkipReason):
        return _end(claimed, Status.SKIPPED, target, "nothing to send to at the time of sending")
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


def _defer(claimed: Claimed, error: DatabaseUnavailable) -> Settlement:
    return Settlement(
        claimed=claimed,
        status=Status.DEFERRED,
        attempts=claimed.attempt - 1,
        reason=error.code,
        wake_after_s=DATABASE_AWAY_S,
    )


def _look_up(batch: Sequence[Claimed], people: People) -> _Addresses:
    users = {claimed.user_id for claimed in batch if isinstance(claimed.reference, PersonAddress) and claimed.user_id}
    devices = {claimed.reference.device_id for claimed in batch if isinstance(claimed.reference, RegisteredDevice)}
    return _Addresses(
        emails=people.find_addresses(users) if users else {},
        devices=people.find_device_tokens(devices) if devices else {},
    )


def _resolve(claimed: Claimed, addresses: _Addresses) -> Target | SkipReason:
    match claimed.reference:
        case PersonAddress():
            address = addresses.emails.get(claimed.user_id) if claimed.user_id else None
            return address or SkipReason.NO_ADDRESS
        case RegisteredDevice(device_id=device_id):
            owner, target = addresses.devices.get(device_id, (None, None))
            return target if target is not None and owner == claimed.user_id else SkipReason.NO_DEVICE
        case EmailTarget() | PushTarget() as named:
            return named
