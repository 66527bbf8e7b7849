"""A decision as a value: who got the call, who else could have had it in which order, and what kept the others.

It is made when an offer is made and lives in the journey, as data of the `offered` fact: the record of a call that
ended years ago tells it as the live call does. What is noted is bounded: `MOST_NAMED` candidates by name, the rest by
count. Why a call waits that nobody could be offered is not noted but worked out when asked (`why.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from acd.queues.journey import CallRecord, Fact, JourneyEvent, Value
from acd.queues.model import AgentId, CallId, OfferId

MOST_NAMED: Final = 10
MANY_AGENTS: Final = 1000
MOST_NAMED_OF_MANY: Final = 3
"""To rank one more costs some microseconds, which a house of more than `MANY_AGENTS` has not to give."""
MOST_TOLD: Final = 50
"""Decisions of one call that are noted: whoever refuses for ever fills no record."""


@dataclass(frozen=True, slots=True)
class Considered:
    """An agent who was ready and could have had the call. `rank` counts from 1; `reason` is what gave it."""

    agent: AgentId
    rank: int
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Who was offered the call at `at`, and why they.

    `rule` is the queue's strategy, or `pull` when a supervisor chose. `ready` counts all who could have had the call,
    of whom `candidates` names the first in their order. `others` are those who could not: what kept them -> how many.
    """

    call_id: CallId
    at: float
    offer_id: OfferId
    chosen: tuple[AgentId, ...]
    rule: str
    ready: int
    candidates: tuple[Considered, ...] = ()
    others: Mapping[str, int] = field(default_factory=dict)


def data(
    rule: str, ready: int, ranked: Iterable[tuple[AgentId, str]], others: Mapping[str, int], chosen: Iterable[AgentId]
) -> dict[str, Value]:
    """What the `offered` fact is to hold; one of several that ring at once holds it for all."""
    who = tuple(chosen)
    noted: dict[str, Value] = {
        "rule": rule,
        "ready": ready,
        "ranked": ", ".join(f"{agent} {reason}" for agent, reason in ranked),
        "others": ", ".join(f"{kept} {count}" for kept, count in others.items() if count),
    }
    if len(who) > 1:
        noted["chosen"] = " ".join(who)
    return noted


def told(fact: JourneyEvent) -> Decision | None:
    """The decision that a fact tells of; None when it tells of none."""
    noted = fact.data
    if fact.fact is not Fact.OFFERED or "rule" not in noted:
        return None
    ready = noted.get("ready")
    chosen = str(noted.get("chosen") or noted.get("agent") or "").split()
    return Decision(
        fact.call_id,
        fact.at,
        OfferId(str(noted.get("offer_id") or "")),
        tuple(map(AgentId, chosen)),
        str(noted["rule"]),
        ready if type(ready) is int else 0,
        tuple(_considered(rank, text) for rank, text in enumerate(_parts(noted.get("ranked")), 1)),
        dict(_counted(text) for text in _parts(noted.get("others"))),
    )


def history(record: CallRecord) -> tuple[Decision, ...]:
    """The call's decisions, oldest first."""
    return tuple(decision for fact in record.events if (decision := told(fact)) is not None)


def _parts(text: Value) -> list[str]:
    return text.split(", ") if isinstance(text, str) and text else []


def _considered(rank: int, text: str) -> Considered:
    agent, _, reason = text.partition(" ")
    return Considered(AgentId(agent), rank, reason)


def _counted(text: str) -> tuple[str, int]:
    kept, _, count = text.rpartition(" ")
    return kept, int(count) if count.isdecimal() and len(count) < 10 else 0
