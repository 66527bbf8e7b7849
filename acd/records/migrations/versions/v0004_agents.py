"""What of the agents outlives the daemon, and when it was last alive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables; agents begin as the configuration says."""
    op.create_table(
        "agents",
        sa.Column("agent_id", _key, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("logged_in", sa.Boolean, nullable=False),
        sa.Column("pause_reason", sa.Text),
        sa.Column("wrap_until", sa.Double),
        sa.Column("idle_since", sa.Double, nullable=False),
        sa.Column("missed_in_row", sa.Integer, nullable=False),
        sa.Column("failures_in_row", sa.Integer, nullable=False),
        sa.Column("rest_until", sa.Double, nullable=False),
        sa.Column("unanswered", sa.Boolean, nullable=False),
    )
    op.create_table(
        "life",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("alive_at", sa.Double, nullable=False),
    )


def downgrade() -> None:
    """Drop them with all that is in them."""
    op.drop_table("life")
    op.drop_table("agents")
