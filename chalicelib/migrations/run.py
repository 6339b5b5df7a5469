"""Brings the three logical stores to the newest schema. Forward only; running it again changes nothing."""

from pathlib import Path

from alembic import command
from alembic.config import Config

HERE = Path(__file__).parent


LEFT_ALONE = "left_alone"


def upgrade(store: str, database_url: str, *, to: str = "head") -> bool:
    """Apply what is missing of `store` ("users", "templates" or "notifications"), up to revision `to`: all or nothing.

    Two that run at once wait for each other. A schema with a revision that this release does not know is left as it is,
    and False: a later release made it. Each revision only adds, so that the code before it works with it, and a
    rollback needs nothing undone.
    """
    config = Config()
    config.set_main_option("script_location", _literal(HERE))
    config.set_main_option("version_locations", _literal(HERE / store))
    config.set_main_option("path_separator", "os")
    config.attributes.update(schema=store, url=_with_driver(database_url))
    command.upgrade(config, to)
    return LEFT_ALONE not in config.attributes


def _literal(path: Path) -> str:
    """A path as the configuration takes it: a percent sign would begin an interpolation."""
    return str(path).replace("%", "%%")


def _with_driver(database_url: str) -> str:
    _, separator, rest = database_url.partition("://")
    return f"postgresql+psycopg{separator}{rest}"
