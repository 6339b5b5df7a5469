"""People, their devices, and the API clients that speak for a backend."""

from alembic import op

revision = "u0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE users.users (
        id            uuid PRIMARY KEY,
        email         text NOT NULL,
        email_key     text NOT NULL UNIQUE,  -- the address folded: unique without case
        name          text NOT NULL,
        password_hash text,
        locale        text,
        timezone      text NOT NULL,
        external_id   text UNIQUE,
        is_admin      boolean NOT NULL DEFAULT false,
        revision      bigint NOT NULL DEFAULT 1,
        created_at    timestamptz NOT NULL DEFAULT now(),
        updated_at    timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE users.devices (
        id         uuid PRIMARY KEY,
        user_id    uuid NOT NULL REFERENCES users.users ON DELETE CASCADE,
        token      text NOT NULL UNIQUE,  -- a device belongs to its last registrant
        platform   text NOT NULL CHECK (platform IN ('ios', 'android', 'web')),
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX devices_by_user ON users.devices (user_id)",
    """
    CREATE TABLE users.clients (
        id          text PRIMARY KEY,
        name        text NOT NULL,
        scopes      text[] NOT NULL,
        secret_hash bytea NOT NULL,  -- SHA-256 of a secret with 256 random bits
        revoked_at  timestamptz,
        created_at  timestamptz NOT NULL DEFAULT now(),
        updated_at  timestamptz NOT NULL DEFAULT now()
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
