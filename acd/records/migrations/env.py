"""Alembic's entry. The connection, its transaction and its lock come from `acd.records.schema`."""

from __future__ import annotations

from alembic import context

from acd.records.schema import VERSION_TABLE
from acd.records.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
context.run_migrations()
