"""Templates, their immutable versions, and the contents of each version per channel and locale."""

from alembic import op

revision = "t0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE templates.templates (
        code              text PRIMARY KEY,
        name              text NOT NULL,
        category          text,
        default_locale    text NOT NULL,
        published_version integer,
        revision          bigint NOT NULL DEFAULT 1,
        archived_at       timestamptz,
        created_at        timestamptz NOT NULL DEFAULT now(),
        updated_at        timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE templates.versions (
        template_code text NOT NULL REFERENCES templates.templates,
        number        integer NOT NULL CHECK (number > 0),
        status        text NOT NULL CHECK (status IN ('draft', 'published', 'retired')),
        published_at  timestamptz,
        created_at    timestamptz NOT NULL DEFAULT now(),
        updated_at    timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (template_code, number)
    )
    """,
    """
    CREATE TABLE templates.contents (
        template_code text NOT NULL,
        number        integer NOT NULL,
        channel       text NOT NULL CHECK (channel IN ('email', 'push')),
        locale        text NOT NULL,
        parts         jsonb NOT NULL,
        PRIMARY KEY (template_code, number, channel, locale),
        FOREIGN KEY (template_code, number) REFERENCES templates.versions
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
