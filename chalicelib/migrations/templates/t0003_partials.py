"""Partials, the versions of them that each version is fixed to, and the order in which templates came."""

from alembic import op

revision = "t0003"
down_revision = "t0002"

STATEMENTS = (
    """
    ALTER TABLE templates.templates
        ADD COLUMN kind text NOT NULL DEFAULT 'notification' CHECK (kind IN ('notification', 'partial')),
        ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY
    """,
    "CREATE UNIQUE INDEX templates_newest_first ON templates.templates (position) WHERE archived_at IS NULL",
    # null in versions that the code before this one writes: then it is the template's
    "ALTER TABLE templates.versions ADD COLUMN default_locale text",
    """
    UPDATE templates.versions SET default_locale = templates.default_locale
      FROM templates.templates
     WHERE templates.code = versions.template_code
    """,
    """
    CREATE TABLE templates.inclusions (
        template_code   text NOT NULL,
        number          integer NOT NULL,
        included_code   text NOT NULL,
        included_number integer NOT NULL,
        PRIMARY KEY (template_code, number, included_code),
        FOREIGN KEY (template_code, number) REFERENCES templates.versions,
        FOREIGN KEY (included_code, included_number) REFERENCES templates.versions
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
