"""Whom a caller talked to, one after the other, and calls from agents' own phones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; calls of before have none of it."""
    with op.batch_alter_table("calls") as calls:
        calls.add_column(sa.Column("from_agent", sa.Text))
        calls.add_column(sa.Column("merged_into", sa.Text))
        calls.add_column(sa.Column("legs", sa.JSON))


def downgrade() -> None:
    """Drop them with all that is in them."""
    with op.batch_alter_table("calls") as calls:
        for column in ("legs", "merged_into", "from_agent"):
            calls.drop_column(column)
