"""What people want to get, and the erasures that are not finished in every store yet."""

from alembic import op

revision = "u0004"
down_revision = "u0003"

STATEMENTS = (
    """
    CREATE TABLE users.preferences (
        user_id     uuid PRIMARY KEY REFERENCES users.users ON DELETE CASCADE,
        channels    jsonb NOT NULL,  -- {channel: wanted}; what is not said is wanted
        categories  jsonb NOT NULL,  -- {category: {channel: wanted}}
        quiet_start time,
        quiet_end   time,
        revision    bigint NOT NULL DEFAULT 1,
        created_at  timestamptz NOT NULL DEFAULT now(),
        updated_at  timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT quiet_hours_are_whole CHECK ((quiet_start IS NULL) = (quiet_end IS NULL)),
        CONSTRAINT quiet_hours_end CHECK (quiet_start <> quiet_end)
    )
    """,
    """
    CREATE TABLE users.erasures (
        user_id      uuid PRIMARY KEY,  -- of somebody who is in no other table
        requested_at timestamptz NOT NULL DEFAULT now(),
        tried_at     timestamptz  -- who waited longest for another try is next
    )
    """,
    "CREATE INDEX administrators ON users.users (id) WHERE is_admin",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
