"""Calls with their facts, offers and surveys; the agents' stretches of work."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_row_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _make_calls()
    _make_parts_of_calls()
    _make_agent_sessions()


def downgrade() -> None:
    """Drop them with all that is in them."""
    for table in ("agent_sessions", "surveys", "offers", "call_events", "calls"):
        op.drop_table(table)


def _make_calls() -> None:
    op.create_table(
        "calls",
        sa.Column("id", _key, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("number_norm", sa.Text, nullable=False),
        sa.Column("did", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("queue", sa.Text),
        sa.Column("entered_at", sa.Double, nullable=False),
        sa.Column("queued_at", sa.Double),
        sa.Column("answered_at", sa.Double),
        sa.Column("talk_ended_at", sa.Double),
        sa.Column("ended_at", sa.Double),
        sa.Column("outcome", sa.Text),
        sa.Column("ended_by", sa.Text),
        sa.Column("wait_s", sa.Double),
        sa.Column("talk_s", sa.Double),
        sa.Column("agent", sa.Text),
        sa.Column("disposition", sa.JSON),
        sa.Column("reconciled", sa.Boolean, nullable=False),
    )
    op.create_index("ix_calls_entered", "calls", ["entered_at", "id"])
    op.create_index("ix_calls_queue", "calls", ["queue", "entered_at", "id"])
    op.create_index("ix_calls_agent", "calls", ["agent", "entered_at", "id"])
    op.create_index("ix_calls_number", "calls", ["number_norm", "entered_at", "id"])
    still_open = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_calls_open", "calls", ["entered_at", "id"], sqlite_where=still_open, postgresql_where=still_open
    )


def _make_parts_of_calls() -> None:
    op.create_table(
        "call_events",
        _call_id(),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("fact", sa.Text, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
    )
    op.create_table(
        "offers",
        _call_id(),
        sa.Column("nth", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("offer_id", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("result", sa.Text),
        sa.Column("ring_s", sa.Double),
    )
    op.create_index("ix_offers_agent", "offers", ["agent", "at"])
    op.create_table(
        "surveys",
        _call_id(),
        sa.Column("asked_at", sa.Double),
        sa.Column("result", sa.Text),
        sa.Column("score", sa.Integer),
    )
    op.create_index("ix_surveys_asked", "surveys", ["asked_at"])


def _call_id() -> sa.Column[str]:
    return sa.Column("call_id", _key, sa.ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)


def _make_agent_sessions() -> None:
    op.create_table(
        "agent_sessions",
        sa.Column("id", _row_number, primary_key=True, autoincrement=True),
        sa.Column("agent_id", _key, nullable=False),
        sa.Column("began_at", sa.Double, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("call_id", sa.Text),
        sa.UniqueConstraint("agent_id", "began_at", "state", name="uq_agent_sessions_change"),
    )
