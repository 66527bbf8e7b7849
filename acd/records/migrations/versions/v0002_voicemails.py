"""Messages that callers left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "voicemails",
        sa.Column("call_id", _key, sa.ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("duration_s", sa.Double),
        sa.Column("heard_at", sa.Double),
    )


def downgrade() -> None:
    """Drop it; the messages themselves lie with Asterisk."""
    op.drop_table("voicemails")
