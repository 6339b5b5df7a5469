"""Who changed what in this store: written in the transaction of the change."""

from alembic import op

revision = "t0002"
down_revision = "t0001"

STATEMENTS = (
    """
    CREATE TABLE templates.audit (
        id             uuid PRIMARY KEY,  -- begins with the time: newest first is descending
        at             timestamptz NOT NULL DEFAULT now(),
        actor          text NOT NULL,
        action         text NOT NULL,
        target         text NOT NULL,
        correlation_id text NOT NULL,
        detail         jsonb NOT NULL
    )
    """,
    "CREATE INDEX audit_by_actor ON templates.audit (actor, id)",
    "CREATE INDEX audit_by_action ON templates.audit (action, id)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
