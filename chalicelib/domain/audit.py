"""Who changed what, and when: a record that is written in the transaction of the change itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from chalicelib.domain.identity import new_id


@dataclass(frozen=True, slots=True)
class Actor:
    """On whose behalf something is done: a principal's name (`client:billing`, `user:…`), in which request."""

    name: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class NewAudit:
    """An entry about to be written. `detail` is JSON and never holds anything personal: no address, name or token."""

    id: UUID
    actor: Actor
    action: str
    target: str
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Audit:
    """An entry as it is stored. `action` is `noun.verb_ed` (`template.published`), `target` is `noun:key`."""

    id: UUID
    at: datetime
    actor: str
    action: str
    target: str
    correlation_id: str
    detail: Mapping[str, object]


def new_audit(actor: Actor, action: str, target: str, *, at: datetime, **detail: object) -> NewAudit:
    """An entry of the moment `at`, such as `new_audit(actor, "template.published", "template:welcome", at=now)`."""
    return NewAudit(id=new_id(at), actor=actor, action=action, target=target, detail=detail)
