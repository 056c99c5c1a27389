"""Alembic's entry: runs the migrations on the connection that the store hands over."""

from __future__ import annotations

from alembic import context

from strongroom.store.database import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    # SQLite can roll back DDL, now that we begin transactions ourselves: a kill leaves all or none.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
