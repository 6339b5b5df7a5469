"""Records notifications with their deliveries, events and idempotency keys: all of it in one statement, or nothing."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from chalicelib.domain.delivery import PUBLISH_OVERDUE_S, NewDelivery, NewNotification, NewRecord, RememberedRequest
from chalicelib.domain.recipient import pack_reference
from chalicelib.errors import RequestInProgress
from chalicelib.stores.postgres import Database

# The one that every request waits for: it costs two thirds of what the statement for many does.
RECORD: LiteralString = """
    WITH delivery AS (
        SELECT * FROM jsonb_to_recordset(%(deliveries)s) AS d (
            id uuid, channel text, lane text, locale text, target jsonb, status text, reason text, wake_at timestamptz)
    ), notification AS (
        INSERT INTO notifications.notifications (
            id, client_id, user_id, recipient, template_code, template_version, category, priority, locale,
            variables, metadata, correlation_id, send_at, expires_at)
        VALUES (
            %(id)s, %(client_id)s, %(user_id)s, %(recipient)s, %(template_code)s, %(template_version)s, %(category)s,
            %(priority)s, %(locale)s, %(variables)s, %(metadata)s, %(correlation_id)s, %(send_at)s, %(expires_at)s)
    ), deliveries AS (
        INSERT INTO notifications.deliveries (
            id, notification_id, channel, lane, locale, target, status, reason, wake_at)
        SELECT d.id, %(id)s, d.channel, d.lane, d.locale, d.target, d.status, d.reason,
               CASE d.status WHEN 'skipped' THEN NULL ELSE coalesce(d.wake_at, now() + %(publish_overdue)s) END
        FROM delivery d
    ), events AS (
        INSERT INTO notifications.events (id, notification_id, delivery_id, event, attempt, reason, correlation_id)
        SELECT notifications.sibling(%(id)s), %(id)s, d.id, d.status, 0, d.reason, %(correlation_id)s
        FROM delivery d
    )
    INSERT INTO notifications.idempotency_keys (client_id, key, request_hash, notification_id, answer, expires_at)
    SELECT %(client_id)s, %(key)s::text, decode(%(request_hash)s, 'hex'), %(id)s, %(answer)s::jsonb, now() + %(kept)s
    WHERE %(key)s::text IS NOT NULL
"""

# Keys are taken in their order: two batches that hold the same ones would deadlock otherwise. A notification whose key
# belongs to somebody else is left out with all that is its own, and the others are not.
RECORD_ALL: LiteralString = """
    WITH asked AS (
        SELECT * FROM jsonb_to_recordset(%(notifications)s) AS n (
            id uuid, client_id text, user_id uuid, recipient jsonb, template_code text, template_version int,
            category text, priority text, locale text, variables jsonb, metadata jsonb, correlation_id text,
            send_at timestamptz, expires_at timestamptz, key text, request_hash text, answer jsonb)
    ), keys AS (
        INSERT INTO notifications.idempotency_keys (client_id, key, request_hash, notification_id, answer, expires_at)
        SELECT client_id, key, decode(request_hash, 'hex'), id, answer, now() + %(kept)s
        FROM asked WHERE key IS NOT NULL ORDER BY client_id, key
        ON CONFLICT (client_id, key) DO NOTHING
        RETURNING notification_id
    ), kept AS (
        SELECT * FROM asked WHERE key IS NULL OR id IN (SELECT notification_id FROM keys)
    ), delivery AS (
        SELECT d.*, kept.correlation_id
        FROM jsonb_to_recordset(%(deliveries)s) AS d (
            id uuid, notification_id uuid, channel text, lane text, locale text, target jsonb, status text, reason text,
            wake_at timestamptz)
        JOIN kept ON kept.id = d.notification_id
    ), notifications AS (
        INSERT INTO notifications.notifications (
            id, client_id, user_id, recipient, template_code, template_version, category, priority, locale,
            variables, metadata, correlation_id, send_at, expires_at)
        SELECT id, client_id, user_id, recipient, template_code, template_version, category, priority, locale,
               variables, metadata, correlation_id, send_at, expires_at
        FROM kept
    ), deliveries AS (
        INSERT INTO notifications.deliveries (
            id, notification_id, channel, lane, locale, target, status, reason, wake_at)
        SELECT id, notification_id, channel, lane, locale, target, status, reason,
               CASE status WHEN 'skipped' THEN NULL ELSE coalesce(wake_at, now() + %(publish_overdue)s) END
        FROM delivery
    ), events AS (
        INSERT INTO notifications.events (id, notification_id, delivery_id, event, attempt, reason, correlation_id)
        SELECT notifications.sibling(notification_id), notification_id, id, status, 0, reason, correlation_id
        FROM delivery
    )
    SELECT id FROM kept
"""

JSON_COLUMNS = ("recipient", "variables", "metadata", "answer")

FORGET_EXPIRED_KEYS: LiteralString = """
    DELETE FROM notifications.idempotency_keys
    WHERE client_id = %(client_id)s AND key = ANY (%(keys)s) AND expires_at <= now()
"""

SELECT_KEYS: LiteralString = """
    SELECT key, request_hash, answer, expires_at > now() FROM notifications.idempotency_keys
    WHERE client_id = %(client_id)s AND key = ANY (%(keys)s)
"""


class NotificationStore:
    """The writing side of notifications."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def record(self, new: NewNotification, *, remember: RememberedRequest | None, remember_s: int) -> None:
        """Commit one notification.

        Raises:
            RequestInProgress: the idempotency key was taken by a request that committed first; nothing was stored.
            DatabaseUnavailable: whether it was stored is not known to the caller, who must not answer 202.
        """
        packed = _packed(NewRecord(new, remember))
        parameters = {
            **packed,
            **{name: None if packed[name] is None else Jsonb(packed[name]) for name in JSON_COLUMNS},
            "deliveries": Jsonb([_packed_delivery(new, delivery) for delivery in new.deliveries]),
            "publish_overdue": timedelta(seconds=PUBLISH_OVERDUE_S),
            "kept": timedelta(seconds=remember_s),
        }
        with self._database.session() as connection:
            try:
                connection.execute(RECORD, parameters)
            except UniqueViolation as error:
                raise RequestInProgress("the idempotency key was taken meanwhile", retry_after_s=1) from error

    def record_all(self, new: Sequence[NewRecord], *, remember_s: int) -> frozenset[UUID]:
        """Commit notifications in one transaction, and return the ids of those that were recorded.

        The deliveries are the outbox: each open one has a `wake_at` from this moment on. A notification whose
        idempotency key was taken by a request that committed first is not recorded; it stands in nobody's way.

        Raises:
            DatabaseUnavailable: whether they were stored is not known to the caller, who must not answer 202.
        """
        parameters = {
            "notifications": Jsonb([_packed(one) for one in new]),
            "deliveries": Jsonb(
                [_packed_delivery(one.notification, each) for one in new for each in one.notification.deliveries]
            ),
            "publish_overdue": timedelta(seconds=PUBLISH_OVERDUE_S),
            "kept": timedelta(seconds=remember_s),
        }
        with self._database.session() as connection:
            return frozenset(row[0] for row in connection.execute(RECORD_ALL, parameters))

    def find_remembered(self, client_id: str, key: str) -> RememberedRequest | None:
        """The request that an idempotency key stands for."""
        return self.find_all_remembered(client_id, [key]).get(key)

    def find_all_remembered(self, client_id: str, keys: Collection[str]) -> Mapping[str, RememberedRequest]:
        """The requests that idempotency keys stand for. One whose time is over is forgotten, and free again."""
        named = {"client_id": client_id, "keys": list(keys)}
        remembered: dict[str, RememberedRequest] = {}
        has_expired = False
        with self._database.session() as connection:
            for key, request_hash, answer, is_kept in connection.execute(SELECT_KEYS, named):
                if is_kept:
                    remembered[key] = RememberedRequest(key=key, request_hash=request_hash, answer=answer)
                has_expired |= not is_kept
            if has_expired:
                connection.execute(FORGET_EXPIRED_KEYS, named)
        return remembered


def _packed(one: NewRecord) -> dict[str, object]:
    new, remember = one.notification, one.remember
    return {
        "id": str(new.notification_id),
        "client_id": new.client_id,
        "user_id": None if new.user_id is None else str(new.user_id),
        "recipient": None if new.user_id else {"name": new.recipient_name},
        "template_code": new.template_code,
        "template_version": new.template_version,
        "category": new.category,
        "priority": new.priority,
        "locale": new.locale,
        "variables": new.variables,
        "metadata": new.metadata,
        "correlation_id": new.correlation_id,
        "send_at": _text(new.send_at),
        "expires_at": _text(new.expires_at),
        "key": None if remember is None else remember.key,
        "request_hash": None if remember is None else remember.request_hash.hex(),
        "answer": None if remember is None else remember.answer,
    }


def _packed_delivery(new: NewNotification, delivery: NewDelivery) -> Mapping[str, object]:
    return {
        "id": str(delivery.delivery_id),
        "notification_id": str(new.notification_id),
        "channel": delivery.channel,
        "lane": delivery.lane,
        "locale": delivery.locale,
        "target": pack_reference(delivery.reference),
        "status": delivery.status,
        "reason": delivery.reason,
        "wake_at": _text(delivery.wake_at),
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
