"""The tables. The same on SQLite and PostgreSQL; `migrations/` makes them, a test holds the two together.

Moments are kept as float seconds since 1970 (UTC), as the brain has them. A double is the one type that both
databases give back to the last bit: SQLite has no type for time, PostgreSQL's timestamptz rounds to microseconds, and
a pagination cursor, a replayed fact and a folded record must all compare equal to what was written. It also knows no
time zone to get wrong. SQL turns it into a date with `to_timestamp(x)` or `datetime(x, 'unixepoch')`.

Words (outcomes, states, facts) are text, so that a new one needs no migration. Facts keep their data as JSON: `json`
on PostgreSQL, not `jsonb`, which would rewrite numbers and refuse an escaped NUL.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

# Ids are compared byte by byte everywhere; PostgreSQL would otherwise order them by the database's language.
_key = Text().with_variant(Text(collation="C"), "postgresql")
_row_number = BigInteger().with_variant(Integer(), "sqlite")  # SQLite counts up by itself only in an INTEGER
_json = JSON(none_as_null=True)

calls = Table(
    "calls",
    metadata,
    Column("id", _key, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("node", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("number_norm", Text, nullable=False),  # numbers.normalise(number), for finding
    Column("did", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("queue", Text),
    Column("entered_at", Double, nullable=False),
    Column("queued_at", Double),
    Column("answered_at", Double),
    Column("talk_ended_at", Double),
    Column("ended_at", Double),
    Column("outcome", Text),
    Column("ended_by", Text),
    Column("wait_s", Double),
    Column("talk_s", Double),
    Column("agent", Text),
    Column("from_agent", Text),
    Column("merged_into", Text),
    Column("legs", _json),  # a list of conversations; null in rows older than the column
    Column("disposition", _json),
    Column("reconciled", Boolean, nullable=False),
    Column("fallback", Boolean),  # null in rows older than the column
)
Index("ix_calls_entered", calls.c.entered_at, calls.c.id)
Index("ix_calls_queue", calls.c.queue, calls.c.entered_at, calls.c.id)
Index("ix_calls_agent", calls.c.agent, calls.c.entered_at, calls.c.id)
Index("ix_calls_number", calls.c.number_norm, calls.c.entered_at, calls.c.id)
# Partial, only WHERE ended_at IS NULL: the migration says so. Said here it would load the dialects of both databases.
Index("ix_calls_open", calls.c.entered_at, calls.c.id)

call_events = Table(
    "call_events",
    metadata,
    Column("call_id", _key, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("fact", Text, nullable=False),
    Column("data", _json, nullable=False),
)

offers = Table(
    "offers",
    metadata,
    Column("call_id", _key, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    Column("nth", Integer, primary_key=True, autoincrement=False),  # from 1 within the call
    Column("offer_id", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("result", Text),
    Column("ring_s", Double),
)
Index("ix_offers_agent", offers.c.agent, offers.c.at)

surveys = Table(
    "surveys",
    metadata,
    Column("call_id", _key, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    Column("asked_at", Double),
    Column("result", Text),
    Column("score", Integer),
)
Index("ix_surveys_asked", surveys.c.asked_at)

voicemails = Table(
    "voicemails",
    metadata,
    Column("call_id", _key, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True),
    Column("at", Double, nullable=False),
    Column("duration_s", Double),
    Column("heard_at", Double),
)

# What of each agent the next daemon must know: the last word only. `at`: when it was said.
agents = Table(
    "agents",
    metadata,
    Column("agent_id", _key, primary_key=True),
    Column("at", Double, nullable=False),
    Column("logged_in", Boolean, nullable=False),
    Column("pause_reason", Text),
    Column("wrap_until", Double),
    Column("idle_since", Double, nullable=False),
    Column("missed_in_row", Integer, nullable=False),
    Column("failures_in_row", Integer, nullable=False),
    Column("rest_until", Double, nullable=False),
    Column("unanswered", Boolean, nullable=False),
)

# One row: when the daemon was last alive.
life = Table(
    "life",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("alive_at", Double, nullable=False),
)

# One row per change; a stretch ends where the agent's next one begins, so nothing needs to be closed afterwards and
# a change written twice, or late, harms nothing. `id` orders changes of one and the same moment.
agent_sessions = Table(
    "agent_sessions",
    metadata,
    Column("id", _row_number, primary_key=True, autoincrement=True),
    Column("agent_id", _key, nullable=False),
    Column("began_at", Double, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("call_id", Text),
    UniqueConstraint("agent_id", "began_at", "state", name="uq_agent_sessions_change"),
)
