"""Which calls were in Asterisk's own queue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of calls of before nobody knows."""
    with op.batch_alter_table("calls") as calls:
        calls.add_column(sa.Column("fallback", sa.Boolean))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("calls") as calls:
        calls.drop_column("fallback")
