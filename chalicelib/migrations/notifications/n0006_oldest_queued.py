"""How long the oldest message of a lane has waited, at a constant cost."""

from alembic import op

revision = "n0006"
down_revision = "n0005"

STATEMENTS = (
    """
    CREATE INDEX deliveries_queued ON notifications.deliveries (lane, published_at) WHERE status = 'queued'
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
