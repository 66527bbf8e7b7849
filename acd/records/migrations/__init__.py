"""The history of the schema, run by `acd.records.schema` and never by the alembic command alone."""
