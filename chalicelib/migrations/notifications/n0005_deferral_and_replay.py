"""Deferral that counts itself in one event, and failures that somebody replays or discards."""

from alembic import op

revision = "n0005"
down_revision = "n0004"

STATEMENTS = (
    """
    ALTER TABLE notifications.deliveries
        ADD COLUMN deferrals        integer NOT NULL DEFAULT 0,  -- in a row, with no attempt between
        ADD COLUMN deferred_event   uuid,                        -- the event row that counts them
        ADD COLUMN template_version integer                      -- of a replay; the notification's otherwise
    """,
    # `at` is when it first happened, `last_at` when it last did
    """
    ALTER TABLE notifications.events
        ADD COLUMN count   integer NOT NULL DEFAULT 1,
        ADD COLUMN last_at timestamptz
    """,
    # what waits for its provider, to be released early, and the oldest first, when the provider is back
    """
    CREATE INDEX deliveries_left_alone ON notifications.deliveries (channel, id)
        WHERE status = 'deferred' AND reason IN ('circuit_open', 'throttled')
    """,
    """
    ALTER TABLE notifications.failed
        ADD COLUMN state     text NOT NULL DEFAULT 'failed' CHECK (state IN ('failed', 'replayed', 'discarded')),
        ADD COLUMN closed_at timestamptz
    """,
    "CREATE INDEX failed_by_time ON notifications.failed (created_at, id)",
    "CREATE INDEX failed_by_delivery ON notifications.failed (delivery_id) WHERE delivery_id IS NOT NULL",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
