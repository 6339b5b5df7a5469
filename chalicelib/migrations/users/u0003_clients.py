"""API clients in pages, with rates of their own, and with secrets that overlap while they are changed."""

from alembic import op

revision = "u0003"
down_revision = "u0002"

STATEMENTS = (
    """
    ALTER TABLE users.clients
        ADD COLUMN key                 uuid,  -- begins with the time: newest first is descending
        ADD COLUMN rate_limit          text,  -- such as 6000/minute; none is the rate that all clients have
        ADD COLUMN previous_secret_hash bytea,
        ADD COLUMN previous_expires_at timestamptz,
        ADD CONSTRAINT a_previous_secret_ends CHECK ((previous_secret_hash IS NULL) = (previous_expires_at IS NULL))
    """,
    # a UUIDv7 of a moment: its milliseconds, and the random rest of a UUIDv4
    """
    CREATE FUNCTION users.key_of(moment timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS $$
        SELECT (left(ms, 8) || '-' || right(ms, 4) || '-7' || substr(gen_random_uuid()::text, 16))::uuid
          FROM lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') AS ms
    $$
    """,
    "UPDATE users.clients SET key = users.key_of(created_at)",
    # clients that the code of before adds have a key, too
    "ALTER TABLE users.clients ALTER COLUMN key SET DEFAULT users.key_of(clock_timestamp())",
    "ALTER TABLE users.clients ALTER COLUMN key SET NOT NULL",
    "CREATE UNIQUE INDEX clients_by_key ON users.clients (key)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
