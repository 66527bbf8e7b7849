"""The invariants: what the telephones saw is held against the records. Pure.

Each function is one promise and yields what breaks it. What one cannot know (a call that came and went while nobody was
there to see it) is not held against the daemon, but counted: `Verdict.unseen`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from acd.lab.chaos.diary import CallerSeen, LegSeen
from acd.lab.chaos.hammer import Order
from acd.lab.chaos.service import Service, Span

Record = Mapping[str, Any]

SILENCE_LIMIT_S: Final = 10.5
"""Four seconds for a digit, here, and five for an order after it: then the dialplan ends a call that gets none."""
SAME_MOMENT_S: Final = 0.15
"""Two telephones' stamps of one decision: the end of one ringing and the beginning of the next."""
ENTERED_TOLERANCE_S: Final = 1.5
IN_PEACE_AFTER_S: Final = 0.5
SAME_TALK_S: Final = 1.0
TALK_KNOWN_S: Final = 1.0
"""A conversation that lasts this long has surely been heard of, if anybody listened."""
RULED: Final = frozenset({"overflowed", "timed_out", "closed"})
ENDED: Final = ("answered", "abandoned", "overflowed", "timed_out", "closed", "callback", "lost")


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was not kept, and for whom: `number` or `call_id`, where there is one."""

    promise: str
    what: str
    number: str = ""
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was seen. `left` are the numbers still on the line when everybody had had time to go.

    `orders` are those to agents, as they were answered.
    """

    callers: Sequence[CallerSeen]
    legs: Sequence[LegSeen]
    records: Sequence[Record]
    service: Service
    asterisk_down: Sequence[Span] = ()
    deaf: Mapping[str, Sequence[Span]] = field(default_factory=dict)
    left: Sequence[str] = ()
    orders: Sequence[Order] = ()
    today: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Queue -> its figures of the day, in the end."""


def judge(evidence: Evidence) -> list[Violation]:
    """Everything that was not kept, promise by promise."""
    promises = (
        _let_in,
        _served_or_let_go,
        _never_silent,
        _one_offer_an_agent,
        _one_phone_a_call,
        _breaks,
        _records,
        _scores,
        _figures,
    )
    return [violation for promise in promises for violation in promise(evidence)]


def unseen(evidence: Evidence) -> list[CallerSeen]:
    """Who came and went while the daemon could not see, and has no record."""
    known = {record["number"] for record in evidence.records}
    return [caller for caller in _entered(evidence) if caller.number not in known and _unwitnessed(evidence, caller)]


def lost(violations: Iterable[Violation]) -> int:
    """Callers who were not let in, hung up on, cut off or forgotten."""
    promises = {"callers are let in", "callers are not lost"}
    return len({violation.number for violation in violations if violation.promise in promises})


def double_offers(violations: Iterable[Violation]) -> int:
    """Two calls at one telephone, or one call at two."""
    promises = {"one offer an agent", "one phone a call"}
    return sum(violation.promise in promises for violation in violations)


# -- callers --------------------------------------------------------------------------------------------------------


def _let_in(evidence: Evidence) -> Iterator[Violation]:
    for caller in evidence.callers:
        if caller.answered_at is not None or caller.by_caller or caller.cut:
            continue
        until = caller.ended_at or caller.invited_at
        if not _overlaps((caller.invited_at - 1.0, until + 1.0), evidence.asterisk_down):
            yield Violation("callers are let in", f"refused with {caller.status}", caller.number)


def _served_or_let_go(evidence: Evidence) -> Iterator[Violation]:
    """Who did not hang up by themselves talked to an agent to the end, or was let go by a rule."""
    promise = "callers are not lost"
    legs, records = _legs_by_number(evidence), _records_by_number(evidence)
    for caller in _entered(evidence):
        if caller.number in evidence.left:
            yield Violation(promise, "still on the line in the end", caller.number)
            continue
        if caller.by_caller or caller.cut or caller.ended_at is None:
            continue
        talked = [leg for leg in legs[caller.number] if leg.answered_at is not None]
        if talked:
            last = max(talked, key=lambda leg: leg.answered_at or 0.0)
            if not last.by_agent and not last.cut:
                yield Violation(promise, f"the conversation with {last.agent} was ended by neither", caller.number)
        elif not any(record["outcome"] in RULED for record in records[caller.number]):
            waited_s = caller.ended_at - caller.invited_at
            yield Violation(promise, f"hung up on after {waited_s:.1f} s, without an agent or a rule", caller.number)


def _never_silent(evidence: Evidence) -> Iterator[Violation]:
    for caller in _entered(evidence):
        if caller.longest_silence_s > SILENCE_LIMIT_S and not caller.cut:
            yield Violation("no dead ends", f"heard nothing for {caller.longest_silence_s:.1f} s", caller.number)


# -- offers ---------------------------------------------------------------------------------------------------------


def _one_offer_an_agent(evidence: Evidence) -> Iterator[Violation]:
    """A telephone that was deaf may have missed the end of the call before."""
    by_agent: dict[str, list[LegSeen]] = defaultdict(list)
    for leg in evidence.legs:
        by_agent[leg.agent].append(leg)
    for agent, legs in by_agent.items():
        for number, leg in enumerate(legs):
            for earlier in legs[:number]:
                both = (earlier.invited_at, leg.invited_at)
                if not _during(leg, earlier) or earlier.turned_away or _overlaps(both, evidence.deaf.get(agent, ())):
                    continue
                what = f"{agent} had {earlier.number} when {leg.number} came"
                yield Violation("one offer an agent", what, leg.number)


def _one_phone_a_call(evidence: Evidence) -> Iterator[Violation]:
    """No queue here rings several at once."""
    for number, legs in _legs_by_number(evidence).items():
        for place, leg in enumerate(legs):
            for earlier in legs[:place]:
                both = (earlier.invited_at, leg.invited_at)
                deaf = _overlaps(both, evidence.deaf.get(earlier.agent, ()))
                if leg.agent != earlier.agent and _during(leg, earlier) and not deaf:
                    what = f"it came to {leg.agent} while it was at {earlier.agent}"
                    yield Violation("one phone a call", what, number)


def _during(leg: LegSeen, earlier: LegSeen) -> bool:
    return earlier.ended_at is None or leg.invited_at < earlier.ended_at - SAME_MOMENT_S


def _breaks(evidence: Evidence) -> Iterator[Violation]:
    """Who was paused by an order that was answered is left in peace until the next order."""
    by_agent: dict[str, list[Order]] = defaultdict(list)
    for order in sorted(evidence.orders, key=lambda order: order.at):
        by_agent[order.agent].append(order)
    for agent, orders in by_agent.items():
        for place, order in enumerate(orders):
            if order.what != "pause" or order.status != 200:
                continue
            others = [other for other in orders[:place] if other.answered_at > order.at]  # which of them came last?
            until = orders[place + 1].at if place + 1 < len(orders) else float("inf")
            for leg in evidence.legs:
                if not others and leg.agent == agent and order.answered_at + IN_PEACE_AFTER_S < leg.invited_at < until:
                    what = f"{agent} was rung {leg.invited_at - order.answered_at:.1f} s after being paused by order"
                    yield Violation("breaks are respected", what, leg.number)


# -- records --------------------------------------------------------------------------------------------------------


def _records(evidence: Evidence) -> Iterator[Violation]:
    """One for each who entered, none twice, none for nobody, each with the outcome that was seen."""
    promise = "records are calls"
    records, legs = _records_by_number(evidence), _legs_by_number(evidence)
    callers = {caller.number: caller for caller in evidence.callers}
    for number, found in records.items():
        ids = ", ".join(record["id"] for record in found)
        if number not in callers:
            yield Violation(promise, "nobody called from this number", number, ids)
        elif len(found) > 1:
            yield Violation(promise, f"recorded {len(found)} times: {ids}", number)
    for caller in _entered(evidence):
        found = records[caller.number]
        if not found:
            if not _unwitnessed(evidence, caller):
                yield Violation(promise, "not recorded", caller.number)
            continue
        for text in _disagreements(evidence, caller, found[0], legs[caller.number]):
            yield Violation(promise, text, caller.number, found[0]["id"])


def _disagreements(evidence: Evidence, caller: CallerSeen, record: Record, legs: Sequence[LegSeen]) -> Iterator[str]:
    outcome = record["outcome"]
    if outcome not in ENDED:
        yield f"it has no outcome: {outcome}"
    entered = moment(record["entered_at"])
    if caller.answered_at is not None and abs(entered - caller.answered_at) > ENTERED_TOLERANCE_S:
        yield f"entered {entered - caller.answered_at:+.1f} s from when the caller was answered"
    talked_s = max((_talked_s(caller, leg) for leg in legs), default=0.0)
    calm = evidence.service.calm(caller.answered_at or caller.invited_at, caller.ended_at or caller.invited_at)
    if outcome == "answered" and talked_s <= 0.0 and not caller.agent_voice:
        yield "recorded as answered, and no agent answered"
    if talked_s > TALK_KNOWN_S and outcome != "answered" and not (caller.cut and outcome == "lost"):
        yield f"the caller talked for {talked_s:.1f} s, recorded as {outcome}"
    if talked_s <= 0.0 and caller.cut and outcome != "lost":
        yield f"cut by the end of Asterisk, recorded as {outcome}"
    if talked_s <= 0.0 and caller.by_caller and not caller.cut:
        fair = {"abandoned", "overflowed", "timed_out"} | (set() if calm else {"lost"})
        if outcome not in fair:
            yield f"the caller gave up, recorded as {outcome}"
    if outcome == "lost" and calm and not caller.cut:
        yield "recorded as lost though nothing was out of service"
    talks = [leg for leg in legs if _talked_s(caller, leg) > TALK_KNOWN_S]
    if outcome == "answered" and talks:
        yield from _about_the_talk(record, talks, sum(_talked_s(caller, leg) for leg in talks), calm)


def _about_the_talk(record: Record, talks: Sequence[LegSeen], talked_s: float, calm: bool) -> Iterator[str]:
    """With whom; and, when all of it could be heard of, since when and for how long."""
    last = max(talks, key=lambda leg: leg.invited_at)
    if record["agent"] != last.agent:
        yield f"{last.agent} talked with the caller, recorded as {record['agent']}"
    if not calm or record["answered_at"] is None:
        return
    first = min(leg.answered_at for leg in talks if leg.answered_at is not None)
    if abs(moment(record["answered_at"]) - first) > SAME_TALK_S:
        yield f"answered {moment(record['answered_at']) - first:+.1f} s from when an agent picked up"
    if abs((record["talk_s"] or 0.0) - talked_s) > SAME_TALK_S:
        yield f"talked for {talked_s:.1f} s, recorded as {record['talk_s']} s"


def _scores(evidence: Evidence) -> Iterator[Violation]:
    """What is stored was pressed; and what was pressed, with nothing out of service and not cut off, is stored."""
    records, legs = _records_by_number(evidence), _legs_by_number(evidence)
    for caller in _entered(evidence):
        for record in records[caller.number]:
            stored = record["survey"]["score"]
            if stored is not None and stored != caller.score:
                what = f"pressed {caller.score}, stored {stored}"
                yield Violation("scores are the digits pressed", what, caller.number, record["id"])
            talks = [leg.ended_at for leg in legs[caller.number] if leg.answered_at is not None and leg.ended_at]
            heard_out = not caller.by_caller and not caller.cut and caller.ended_at is not None
            if caller.score is None or stored is not None or not talks or not heard_out:
                continue
            asked = record["survey"]["result"] != "not_offered"
            since = max(talks) if asked else caller.invited_at
            if caller.ended_at is not None and evidence.service.calm(since, caller.ended_at):
                what = f"pressed {caller.score}, stored nothing: {record['survey']['result']}"
                yield Violation("scores are the digits pressed", what, caller.number, record["id"])


def _figures(evidence: Evidence) -> Iterator[Violation]:
    """What the daemon says of its queues' day is what the records add up to."""
    for queue, today in evidence.today.items():
        mine = [record for record in evidence.records if record["queue"] == queue]
        added = {
            "offered": len(mine),
            "answered": sum(record["answered_at"] is not None for record in mine),
            "abandoned": sum(record["outcome"] == "abandoned" for record in mine),
        }
        for name, count in added.items():
            if today[name] != count:
                yield Violation("figures are records", f"{queue}: {name} {today[name]} today, {count} by the records")


# -- small things ---------------------------------------------------------------------------------------------------


def moment(text: str) -> float:
    """An ISO 8601 time of the API in seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


def outcomes(records: Iterable[Record]) -> Counter[str]:
    """How many records there are of each outcome."""
    return Counter(str(record["outcome"]) for record in records)


def entered(evidence: Evidence) -> list[CallerSeen]:
    """Who was let in."""
    return list(_entered(evidence))


def _entered(evidence: Evidence) -> Iterator[CallerSeen]:
    return (caller for caller in evidence.callers if caller.answered_at is not None)


def _unwitnessed(evidence: Evidence, caller: CallerSeen) -> bool:
    """From entry to end nobody could see the call: one outage, of the daemon or of its link, spans it all."""
    if caller.answered_at is None or caller.ended_at is None:
        return False
    return any(
        began <= caller.answered_at + SAME_MOMENT_S and caller.ended_at <= over
        for began, over in evidence.service.outages
    )


def _talked_s(caller: CallerSeen, leg: LegSeen) -> float:
    """How long both were there."""
    if leg.answered_at is None or caller.ended_at is None:
        return 0.0
    return min(leg.ended_at or caller.ended_at, caller.ended_at) - leg.answered_at


def _overlaps(span: Span, others: Iterable[Span]) -> bool:
    return any(began <= span[1] and over >= span[0] for began, over in others)


def _legs_by_number(evidence: Evidence) -> dict[str, list[LegSeen]]:
    found: dict[str, list[LegSeen]] = defaultdict(list)
    for leg in evidence.legs:
        found[leg.number].append(leg)
    return found


def _records_by_number(evidence: Evidence) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = defaultdict(list)
    for record in evidence.records:
        found[record["number"]].append(record)
    return found
