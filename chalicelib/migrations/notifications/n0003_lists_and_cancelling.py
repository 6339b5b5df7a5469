"""Lists of notifications at a constant cost per page, and the wish to cancel what is being sent."""

from alembic import op

revision = "n0003"
down_revision = "n0002"

STATEMENTS = (
    "CREATE INDEX notifications_by_user ON notifications.notifications (user_id, id) WHERE user_id IS NOT NULL",
    "CREATE INDEX notifications_by_template ON notifications.notifications (template_code, id)",
    # almost every delivery ends as sent: the others are what somebody looks for
    """
    CREATE INDEX deliveries_by_status ON notifications.deliveries (status, notification_id) WHERE status <> 'sent'
    """,
    # while a worker holds the delivery: its attempt ends, and is the last one
    "ALTER TABLE notifications.deliveries ADD COLUMN cancel_requested_at timestamptz",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
