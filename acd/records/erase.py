"""What is taken out of the records again: when its time is over, or when somebody asks to be forgotten.

Calls are made nobody's and stay: number, name and what people wrote about the caller go, the figures of every queue
and day remain as they were. Each function is one short transaction's work on one page of rows, so that nobody who
writes waits for long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, Text, bindparam, cast, delete, func, select, tuple_, update

from acd.queues.journey import Fact
from acd.queues.known_callers import ABOUT
from acd.records.tables import agent_sessions, call_events, calls, voicemails

PAGE: Final = 200
"""Rows of one transaction: some milliseconds."""
_PEOPLES: Final[Mapping[str, tuple[str, ...]]] = {
    Fact.ENTERED: ("number", "name"),
    Fact.KNOWN: ("name",),  # and every attribute, see `_is_peoples`
    Fact.DISPOSITION: ("note",),
    Fact.TRANSFERRED: ("to",),
}
"""Facts that tell of a person, and in which of their data."""
_OURS: Final = ("agent", "queue")
"""Targets of a transfer that are nobody's number."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk over the calls, oldest first, has come to."""

    entered_at: float = 0.0
    id: str = ""


def ended_calls(connection: Connection, before: float, after: Place) -> Sequence[Row[Any]]:
    """The next page of ended calls that entered before `before` (seconds since 1970)."""
    query: Select[Any] = (
        select(calls.c.id, calls.c.entered_at, calls.c.number, calls.c.name, calls.c.disposition)
        .where(calls.c.entered_at < before, calls.c.ended_at.is_not(None))
        .where(tuple_(calls.c.entered_at, calls.c.id) > tuple_(after.entered_at, after.id))
        .order_by(calls.c.entered_at, calls.c.id)
        .limit(PAGE)
    )
    return connection.execute(query).all()


def calls_of(connection: Connection, number_norm: str) -> Sequence[Row[Any]]:
    """A page of this number's ended calls; those that are anonymised are found no more."""
    query: Select[Any] = select(calls.c.id, calls.c.entered_at, calls.c.number, calls.c.name, calls.c.disposition)
    mine = (calls.c.number_norm == number_norm, calls.c.ended_at.is_not(None))
    return connection.execute(query.where(*mine).limit(PAGE)).all()


def live_calls_of(connection: Connection, number_norm: str) -> int:
    """How many of this number's calls have not ended."""
    query = select(func.count()).where(calls.c.number_norm == number_norm, calls.c.ended_at.is_(None))
    return int(connection.execute(query).scalar_one())


def anonymise(connection: Connection, found: Sequence[Row[Any]]) -> int:
    """Make these calls nobody's, their facts too; how many were somebody's until now."""
    told = [row for row in found if row.number or row.name or (row.disposition or {}).get("note")]
    if not told:
        return 0
    nobodys = [
        {"key": row.id, "value": None if row.disposition is None else {**row.disposition, "note": ""}} for row in told
    ]
    blank = {"number": "", "number_norm": "", "name": ""}
    statement = update(calls).where(calls.c.id == bindparam("key")).values(disposition=bindparam("value"), **blank)
    connection.execute(statement, nobodys)
    facts = select(call_events).where(call_events.c.call_id.in_([row.id for row in told]))
    _rewrite(connection, connection.execute(facts.where(call_events.c.fact.in_(_PEOPLES))).all())
    return len(told)


def _rewrite(connection: Connection, facts: Iterable[Row[Any]]) -> None:
    fresh = [
        {"of": fact.call_id, "nth": fact.seq, "value": less}
        for fact in facts
        if (less := impersonal(fact.fact, fact.data)) != fact.data
    ]
    _write_facts(connection, fresh)


def _write_facts(connection: Connection, fresh: list[dict[str, Any]]) -> None:
    if fresh:
        mine = (call_events.c.call_id == bindparam("of"), call_events.c.seq == bindparam("nth"))
        connection.execute(update(call_events).where(*mine).values(data=bindparam("value")), fresh)


def impersonal(fact: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """A fact's data without what they tell of a person."""
    if fact == Fact.TRANSFERRED and data.get("target") in _OURS:
        return dict(data)
    return {key: "" if _is_peoples(fact, key) and value else value for key, value in data.items()}


def _is_peoples(fact: str, key: str) -> bool:
    return key in _PEOPLES.get(fact, ()) or (fact == Fact.KNOWN and key.startswith(ABOUT))


def delete_facts(connection: Connection, found: Sequence[Row[Any]]) -> int:
    """Delete the facts of these calls; how many there were."""
    mine = call_events.c.call_id.in_([row.id for row in found])
    return connection.execute(delete(call_events).where(mine)).rowcount if found else 0


def messages(connection: Connection, before: float, but: Iterable[str]) -> list[str]:
    """A page of calls whose message was left before `before`, less those in `but`."""
    query = select(voicemails.c.call_id).where(voicemails.c.at < before, voicemails.c.call_id.not_in([*but]))
    return list(connection.execute(query.limit(PAGE)).scalars())


def messages_of(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Which of these calls left a message."""
    return list(connection.execute(select(voicemails.c.call_id).where(voicemails.c.call_id.in_(ids))).scalars())


def delete_messages(connection: Connection, ids: Sequence[str]) -> int:
    """Delete the rows of these messages."""
    return connection.execute(delete(voicemails).where(voicemails.c.call_id.in_(ids))).rowcount if ids else 0


def lasting_sessions(connection: Connection, before: float) -> dict[str, float]:
    """Agent -> when the state began that lasted at `before`; it is needed to tell the day that follows."""
    began_at = agent_sessions.c.began_at
    query = select(agent_sessions.c.agent_id, func.max(began_at).label("began_at")).where(began_at < before)
    return {row.agent_id: row.began_at for row in connection.execute(query.group_by(agent_sessions.c.agent_id))}


def delete_sessions(
    connection: Connection, before: float, after: int, lasting: Mapping[str, float]
) -> tuple[int, int | None]:
    """Delete what of a page of changes of agents' states is older; how many, and where to go on (None: nowhere)."""
    query = select(agent_sessions.c.id, agent_sessions.c.agent_id, agent_sessions.c.began_at)
    page = connection.execute(query.where(agent_sessions.c.id > after).order_by(agent_sessions.c.id).limit(PAGE)).all()
    over = [row.id for row in page if row.began_at < before and row.began_at < lasting.get(row.agent_id, 0.0)]
    if over:
        connection.execute(delete(agent_sessions).where(agent_sessions.c.id.in_(over)))
    goes_on = len(page) == PAGE and any(row.began_at < before for row in page)
    return len(over), page[-1].id if goes_on else None


def digits_of(number: str) -> str:
    """What of a number stands in every way of writing it: its last ten digits."""
    return re.sub(r"[^0-9]", "", number)[-10:]


def spelt(number: str) -> re.Pattern[str]:
    """The number in every way people write it: with and without country code, in groups, in brackets."""
    digits = r"[\s().-]{0,3}".join(digits_of(number))
    return re.compile(r"(?<![0-9])(?:\+?[0-9]{1,3}[\s(.-]{0,3})?" + digits + r"(?![0-9])")


def mentions(connection: Connection, number: str) -> list[str]:
    """Ended calls of others in which people wrote this number. Reads every fact that tells of a person."""
    like = f"%{'%'.join(digits_of(number))}%"
    ended = calls.c.ended_at.is_not(None)
    noted = select(calls.c.id).where(ended, cast(calls.c.disposition, Text).like(like))
    told = (
        select(call_events.c.call_id)
        .join(calls)
        .where(ended, call_events.c.fact.in_(_PEOPLES), cast(call_events.c.data, Text).like(like))
    )
    return sorted(set(connection.execute(noted.union(told)).scalars()))


def take_out(connection: Connection, ids: Sequence[str], number: str) -> int:
    """Take the number out of what people wrote in these calls; in how many it was."""
    pattern = spelt(number)
    facts = select(call_events).where(call_events.c.call_id.in_(ids), call_events.c.fact.in_(_PEOPLES))
    fresh = [
        {"of": fact.call_id, "nth": fact.seq, "value": less}
        for fact in connection.execute(facts)
        if (less := _without(fact.fact, fact.data, pattern)) != fact.data
    ]
    _write_facts(connection, fresh)
    noted = connection.execute(select(calls.c.id, calls.c.disposition).where(calls.c.id.in_(ids))).all()
    notes = [
        {"key": row.id, "value": less}
        for row in noted
        if row.disposition and (less := _without(Fact.DISPOSITION, row.disposition, pattern)) != row.disposition
    ]
    if notes:
        statement = update(calls).where(calls.c.id == bindparam("key")).values(disposition=bindparam("value"))
        connection.execute(statement, notes)
    return len({one["of"] for one in fresh} | {one["key"] for one in notes})


def _without(fact: str, data: Mapping[str, Any], pattern: re.Pattern[str]) -> dict[str, Any]:
    return {k: pattern.sub("", v) if _is_peoples(fact, k) and isinstance(v, str) else v for k, v in data.items()}
