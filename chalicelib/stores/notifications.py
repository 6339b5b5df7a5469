"""Records a notification with its deliveries, events and idempotency key: all of it in one statement, or nothing."""

from collections.abc import Mapping
from datetime import timedelta
from typing import LiteralString

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from chalicelib.domain.delivery import PUBLISH_OVERDUE_S, NewDelivery, NewNotification, RememberedRequest
from chalicelib.domain.recipient import pack_reference
from chalicelib.errors import RequestInProgress
from chalicelib.stores.postgres import Database

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
    SELECT %(client_id)s, %(key)s::text, %(request_hash)s::bytea, %(id)s, %(answer)s::jsonb, now() + %(kept)s
    WHERE %(key)s::text IS NOT NULL
"""

FORGET_EXPIRED_KEY: LiteralString = """
    DELETE FROM notifications.idempotency_keys
    WHERE client_id = %(client_id)s AND key = %(key)s AND expires_at <= now()
"""

SELECT_KEY: LiteralString = """
    SELECT request_hash, answer, expires_at > now() FROM notifications.idempotency_keys
    WHERE client_id = %(client_id)s AND key = %(key)s
"""


class NotificationStore:
    """The writing side of notifications."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def record(self, new: NewNotification, *, remember: RememberedRequest | None, remember_s: int) -> None:
        """Commit a notification. The deliveries are the outbox: each open one has a `wake_at` from this moment on.

        Raises:
            RequestInProgress: the idempotency key was taken by a request that committed first; nothing was stored.
            DatabaseUnavailable: whether it was stored is not known to the caller, who must not answer 202.
        """
        with self._database.session() as connection:
            try:
                connection.execute(RECORD, _packed(new) | _packed_key(remember, remember_s))
            except UniqueViolation as error:
                raise RequestInProgress("the idempotency key was taken meanwhile", retry_after_s=1) from error

    def find_remembered(self, client_id: str, key: str) -> RememberedRequest | None:
        """The request that an idempotency key stands for. One whose time is over is forgotten, and free again."""
        named = {"client_id": client_id, "key": key}
        with self._database.session() as connection:
            row = connection.execute(SELECT_KEY, named).fetchone()
            if row is None:
                return None
            request_hash, answer, is_kept = row
            if not is_kept:
                connection.execute(FORGET_EXPIRED_KEY, named)
                return None
        return RememberedRequest(key=key, request_hash=request_hash, answer=answer)


def _packed(new: NewNotification) -> dict[str, object]:
    return {
        "id": new.notification_id,
        "client_id": new.client_id,
        "user_id": new.user_id,
        "recipient": None if new.user_id else Jsonb({"name": new.recipient_name}),
        "template_code": new.template_code,
        "template_version": new.template_version,
        "category": new.category,
        "priority": new.priority,
        "locale": new.locale,
        "variables": Jsonb(new.variables),
        "metadata": Jsonb(new.metadata),
        "correlation_id": new.correlation_id,
        "send_at": new.send_at,
        "expires_at": new.expires_at,
        "publish_overdue": timedelta(seconds=PUBLISH_OVERDUE_S),
        "deliveries": Jsonb([_packed_delivery(delivery) for delivery in new.deliveries]),
    }


def _packed_delivery(delivery: NewDelivery) -> Mapping[str, object]:
    return {
        "id": str(delivery.delivery_id),
        "channel": delivery.channel,
        "lane": delivery.lane,
        "locale": delivery.locale,
        "target": pack_reference(delivery.reference),
        "status": delivery.status,
        "reason": delivery.reason,
        "wake_at": None if delivery.wake_at is None else delivery.wake_at.isoformat(),
    }


def _packed_key(remember: RememberedRequest | None, remember_s: int) -> dict[str, object]:
    return {
        "key": None if remember is None else remember.key,
        "request_hash": None if remember is None else remember.request_hash,
        "answer": None if remember is None else Jsonb(remember.answer),
        "kept": timedelta(seconds=remember_s),
    }
