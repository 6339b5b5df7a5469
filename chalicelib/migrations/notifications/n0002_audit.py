"""Who changed what in this store: written in the transaction of the change."""

from alembic import op

revision = "n0002"
down_revision = "n0001"

STATEMENTS = (
    """
    CREATE TABLE notifications.audit (
        id             uuid PRIMARY KEY,  -- begins with the time: newest first is descending
        at             timestamptz NOT NULL DEFAULT now(),
        actor          text NOT NULL,
        action         text NOT NULL,
        target         text NOT NULL,
        correlation_id text NOT NULL,
        detail         jsonb NOT NULL
    )
    """,
    "CREATE INDEX audit_by_actor ON notifications.audit (actor, id)",
    "CREATE INDEX audit_by_action ON notifications.audit (action, id)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
