"""What erasing a person looks up by notification."""

from alembic import op

revision = "n0004"
down_revision = "n0003"

STATEMENTS = (
    "CREATE INDEX failed_by_notification ON notifications.failed (notification_id)",
    "CREATE INDEX idempotency_keys_by_notification ON notifications.idempotency_keys (notification_id)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
