"""Who changed what in this store: written in the transaction of the change."""

from alembic import op

revision = "u0002"
down_revision = "u0001"

STATEMENTS = (
    """
    CREATE TABLE users.audit (
        id             uuid PRIMARY KEY,  -- begins with the time: newest first is descending
        at             timestamptz NOT NULL DEFAULT now(),
        actor          text NOT NULL,
        action         text NOT NULL,
        target         text NOT NULL,
        correlation_id text NOT NULL,
        detail         jsonb NOT NULL
    )
    """,
    "CREATE INDEX audit_by_actor ON users.audit (actor, id)",
    "CREATE INDEX audit_by_action ON users.audit (action, id)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
