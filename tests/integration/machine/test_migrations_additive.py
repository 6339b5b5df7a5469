"""Schema N works with the code before it: every revision only adds. PostgreSQL's catalogue is asked, step by step."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from alembic.script import ScriptDirectory

from chalicelib.migrations import run
from chalicelib.migrations.run import upgrade

MIGRATIONS = Path(run.__file__).parent
STORES = ("users", "templates", "notifications")
COLUMNS: LiteralString = """
    SELECT table_name || '.' || column_name, data_type,
           is_nullable = 'YES' OR column_default IS NOT NULL OR is_identity = 'YES' OR is_generated = 'ALWAYS'
      FROM information_schema.columns WHERE table_schema = %s
"""
# the columns that a constraint, or a unique index, is about
RULES: LiteralString = """
    SELECT conrelid::regclass::text, conname, array_remove(array_agg(attname::text), NULL)
      FROM pg_constraint LEFT JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)
     WHERE connamespace = %s::regnamespace AND conrelid <> 0 GROUP BY conrelid, conname
    UNION ALL
    SELECT indrelid::regclass::text, indexrelid::regclass::text, array_remove(array_agg(attname::text), NULL)
      FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
      LEFT JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
     WHERE relnamespace = %s::regnamespace AND indisunique GROUP BY indrelid, indexrelid
"""
FUNCTIONS: LiteralString = "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = %s::regnamespace"


@dataclass(frozen=True, slots=True)
class Schema:
    """What code can rely on, and what it must obey. `columns` have their type, and whether an INSERT may omit them."""

    columns: Mapping[str, tuple[str, bool]]
    rules: Mapping[tuple[str, str], frozenset[str]]
    functions: frozenset[str]

    @property
    def tables(self) -> set[str]:
        return {column.partition(".")[0] for column in self.columns}


def look(connection: psycopg.Connection[Any], store: str) -> Schema:  # Any: rows of whatever shape
    columns = {name: (kind, optional) for name, kind, optional in connection.execute(COLUMNS, [store])}
    rules = {
        (table.removeprefix(f"{store}."), name): frozenset(about)
        for table, name, about in connection.execute(RULES, [store, store])
    }
    functions = frozenset(name for (name,) in connection.execute(FUNCTIONS, [store]))
    return Schema(columns, rules, functions)


def broken_by(before: Schema, after: Schema) -> Iterator[str]:
    """What the code of before would stumble over."""
    for name, (kind, optional) in before.columns.items():
        if name not in after.columns:
            yield f"{name} is gone"
        elif after.columns[name][0] != kind:
            yield f"{name} was {kind} and is {after.columns[name][0]}"
        elif optional and not after.columns[name][1]:
            yield f"{name} must be given now"
    for name in after.columns.keys() - before.columns.keys():
        if name.partition(".")[0] in before.tables and not after.columns[name][1]:
            yield f"{name} is new, and must be given"
    for (table, name), about in after.rules.items():
        if (table, name) not in before.rules and {f"{table}.{each}" for each in about} & before.columns.keys():
            yield f"{name} is a new rule for what {table} had"
    yield from (f"{name} is gone" for name in before.functions - after.functions)


def revisions_of(store: str) -> Sequence[str]:
    """The first one first."""
    scripts = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS / store)])
    return [script.revision for script in scripts.walk_revisions()][::-1]


@pytest.mark.parametrize("store", STORES)
def test_no_revision_takes_anything_from_the_code_before_it(store: str, fresh_database: str) -> None:
    first, *others = revisions_of(store)
    upgrade(store, fresh_database, to=first)
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        before = look(connection, store)
        for revision in others:
            upgrade(store, fresh_database, to=revision)
            after = look(connection, store)
            assert [*broken_by(before, after)] == [], revision
            before = after


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DROP TABLE users.audit", "audit.id is gone"),
        ("ALTER TABLE users.users DROP COLUMN locale", "users.locale is gone"),
        ("ALTER TABLE users.users RENAME COLUMN locale TO language", "users.locale is gone"),
        ("ALTER TABLE users.users ALTER COLUMN locale TYPE char(2)", "users.locale was text and is character"),
        ("ALTER TABLE users.users ALTER COLUMN locale SET NOT NULL", "users.locale must be given now"),
        ("ALTER TABLE users.users ALTER COLUMN revision DROP DEFAULT", "users.revision must be given now"),
        ("ALTER TABLE users.users ADD COLUMN phone text NOT NULL", "users.phone is new, and must be given"),
        ("ALTER TABLE users.users ADD CONSTRAINT short CHECK (name < 'z')", "short is a new rule for what users had"),
        ("CREATE UNIQUE INDEX one_name ON users.users (name)", "users.one_name is a new rule for what users had"),
        ("DROP FUNCTION users.key_of CASCADE", "users.key_of(timestamp with time zone) is gone"),
    ],
)
def test_what_takes_something_is_found_and_named(statement: LiteralString, told: str, migrated_url: str) -> None:
    with psycopg.connect(migrated_url) as connection:
        before = look(connection, "users")
        connection.execute(statement)
        assert told in [*broken_by(before, look(connection, "users"))]
        connection.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE users.users ADD COLUMN phone text UNIQUE",
        "ALTER TABLE users.users ADD COLUMN seen integer NOT NULL DEFAULT 0 CHECK (seen >= 0)",
        "CREATE TABLE users.phones (user_id uuid NOT NULL REFERENCES users.users, number text NOT NULL UNIQUE)",
        "CREATE INDEX by_name ON users.users (name)",
    ],
)
def test_what_only_adds_is_let_pass(statement: LiteralString, migrated_url: str) -> None:
    with psycopg.connect(migrated_url) as connection:
        before = look(connection, "users")
        connection.execute(statement)
        assert [*broken_by(before, look(connection, "users"))] == []
        connection.rollback()


def test_a_schema_that_a_later_release_made_is_left_as_it_is(fresh_database: str) -> None:
    upgrade("users", fresh_database)
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute("UPDATE users.alembic_version SET version_num = 'u9999'")
        before = look(connection, "users")
        upgrade("users", fresh_database)
        assert look(connection, "users") == before
        assert connection.execute("SELECT version_num FROM users.alembic_version").fetchall() == [("u9999",)]
