"""Alembic's entry: runs one store's revisions inside one transaction, with the version table in the store's schema."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from chalicelib.migrations.run import LEFT_ALONE

schema: str = context.config.attributes["schema"]
url: str = context.config.attributes["url"]

with create_engine(url, poolclass=pool.NullPool).connect() as connection, connection.begin():
    connection.execute(text("SET LOCAL statement_timeout = 0"))  # a server may bound all, and an index takes its time
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('carillon.migrate'))"))
    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
    context.configure(connection=connection, version_table_schema=schema, transactional_ddl=True)
    known = {revision.revision for revision in context.script.walk_revisions()}
    if known.issuperset(context.get_context().get_current_heads()):
        context.run_migrations()
    else:
        context.config.attributes[LEFT_ALONE] = True
