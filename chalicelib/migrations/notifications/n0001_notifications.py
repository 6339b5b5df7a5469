"""Notifications, their deliveries (the outbox), the append-only events, the failed archive and idempotency keys.

The three large tables are partitioned by month on the identifier itself, which begins with its time; a delivery's and
an event's identifier share their notification's millisecond, so all of them lie in one partition.
"""

from alembic import op

revision = "n0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE notifications.notifications (
        id               uuid PRIMARY KEY,
        client_id        text NOT NULL,
        user_id          uuid,
        recipient        jsonb,  -- of a notification without a user: {name}; the addresses rest in the deliveries
        template_code    text NOT NULL,
        template_version integer NOT NULL,
        category         text,
        priority         text NOT NULL CHECK (priority IN ('high', 'normal', 'low')),
        locale           text NOT NULL,
        variables        jsonb NOT NULL,
        metadata         jsonb NOT NULL,
        correlation_id   text NOT NULL,
        send_at          timestamptz,
        expires_at       timestamptz,
        created_at       timestamptz NOT NULL DEFAULT now()
    ) PARTITION BY RANGE (id)
    """,
    """
    CREATE TABLE notifications.deliveries (
        id                  uuid PRIMARY KEY,
        notification_id     uuid NOT NULL,
        channel             text NOT NULL CHECK (channel IN ('email', 'push')),
        lane                text NOT NULL,
        locale              text NOT NULL,   -- of the content chosen at acceptance
        target              jsonb NOT NULL,  -- {} for the user's address, {device_id}, or what the request named itself
        status              text NOT NULL CHECK (status IN (
                                'scheduled', 'accepted', 'queued', 'sending', 'retrying', 'deferred',
                                'sent', 'failed', 'skipped', 'expired', 'cancelled')),
        reason              text,
        ticket              bigint NOT NULL DEFAULT 1,
        wake_at             timestamptz,
        published_at        timestamptz,
        attempts            integer NOT NULL DEFAULT 0,
        crashes             integer NOT NULL DEFAULT 0,
        provider            text,
        provider_message_id text,
        created_at          timestamptz NOT NULL DEFAULT now(),
        updated_at          timestamptz NOT NULL DEFAULT now(),
        -- nothing open is ever without a time at which somebody looks at it again
        CONSTRAINT open_rows_wake CHECK (
            (status IN ('scheduled', 'accepted', 'queued', 'sending', 'retrying', 'deferred')) = (wake_at IS NOT NULL))
    ) PARTITION BY RANGE (id)
    """,
    "CREATE INDEX deliveries_to_wake ON notifications.deliveries (wake_at) WHERE wake_at IS NOT NULL",
    "CREATE SEQUENCE notifications.event_order",
    """
    CREATE TABLE notifications.events (
        id              uuid PRIMARY KEY,
        notification_id uuid NOT NULL,
        delivery_id     uuid NOT NULL,
        position        bigint NOT NULL DEFAULT nextval('notifications.event_order'),
        at              timestamptz NOT NULL DEFAULT clock_timestamp(),
        event           text NOT NULL,
        attempt         integer NOT NULL,
        provider        text,
        reason          text,
        detail          text,
        correlation_id  text NOT NULL
    ) PARTITION BY RANGE (id)
    """,
    """
    CREATE TABLE notifications.failed (
        id              uuid PRIMARY KEY,
        source_key      text NOT NULL UNIQUE,  -- the delivery and its ticket, or a digest of an unreadable message
        delivery_id     uuid,
        notification_id uuid,
        channel         text,
        template_code   text,
        queue           text NOT NULL,
        reason          text NOT NULL,
        detail          text NOT NULL,
        provider        text,
        provider_code   text,
        body            bytea,
        correlation_id  text,
        created_at      timestamptz NOT NULL DEFAULT now(),
        updated_at      timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE notifications.idempotency_keys (
        client_id       text NOT NULL,
        key             text NOT NULL,
        request_hash    bytea NOT NULL,
        notification_id uuid NOT NULL,
        answer          jsonb NOT NULL,
        created_at      timestamptz NOT NULL DEFAULT now(),
        expires_at      timestamptz NOT NULL,
        PRIMARY KEY (client_id, key)
    )
    """,
    "CREATE INDEX idempotency_keys_by_expiry ON notifications.idempotency_keys (expires_at)",
    """
    CREATE TABLE notifications.lanes (
        lane              text PRIMARY KEY,
        claimed_published timestamptz NOT NULL  -- the newest publishing time among the messages claimed so far
    )
    """,
    """
    CREATE FUNCTION notifications.month_key(month timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
        SELECT (lpad(to_hex((extract(epoch FROM month) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
    $$
    """,
    """
    -- a fresh UUIDv7 that shares the leading 48 bits, the millisecond, of another
    CREATE FUNCTION notifications.sibling(of uuid) RETURNS uuid LANGUAGE sql VOLATILE AS $$
        SELECT overlay(gen_random_uuid()::text PLACING left(of::text, 14) || '7' FROM 1)::uuid
    $$
    """,
    """
    CREATE FUNCTION notifications.ensure_partitions(months_ahead integer) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        parent text;
        month timestamptz;
        first_month CONSTANT timestamptz := date_trunc('month', now(), 'UTC');
    BEGIN
        FOREACH parent IN ARRAY ARRAY['notifications', 'deliveries', 'events'] LOOP
            EXECUTE format('CREATE TABLE IF NOT EXISTS notifications.%I PARTITION OF notifications.%I DEFAULT',
                           parent || '_default', parent);
            FOR i IN 0..months_ahead LOOP
                month := (first_month AT TIME ZONE 'UTC' + make_interval(months => i)) AT TIME ZONE 'UTC';
                EXECUTE format(
                    'CREATE TABLE IF NOT EXISTS notifications.%I PARTITION OF notifications.%I '
                    'FOR VALUES FROM (%L) TO (%L)',
                    parent || to_char(month AT TIME ZONE 'UTC', '"_"YYYY"_"MM'),
                    parent,
                    notifications.month_key(month),
                    notifications.month_key((month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC'));
            END LOOP;
        END LOOP;
    END
    $$
    """,
    "SELECT notifications.ensure_partitions(3)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
