"""Brings the three logical stores to the newest schema. Forward only; running it again changes nothing."""

from pathlib import Path

from alembic import command
from alembic.config import Config

HERE = Path(__file__).parent


def upgrade(store: str, database_url: str) -> None:
    """Apply what is missing of `store` ("users", "templates" or "notifications"): all of it, or nothing.

    Two that run at once wait for each other.
    """
    config = Config()
    config.set_main_option("script_location", _literal(HERE))
    config.set_main_option("version_locations", _literal(HERE / store))
    config.set_main_option("path_separator", "os")
    config.attributes.update(schema=store, url=_with_driver(database_url))
    command.upgrade(config, "head")


def _literal(path: Path) -> str:
    """A path as the configuration takes it: a percent sign would begin an interpolation."""
    return str(path).replace("%", "%%")


def _with_driver(database_url: str) -> str:
    _, separator, rest = database_url.partition("://")
    return f"postgresql+psycopg{separator}{rest}"
