"""The promises that the records make: one for each call, and in each what was seen. Pure.

What one cannot know (a call that came while no daemon was there to see it, and Asterisk ended under it) is not held
against the daemon.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from acd.lab.chaos.diary import CallerSeen, LegSeen
from acd.lab.chaos.evidence import SAME_MOMENT_S, Evidence, Record, Violation, moment, talked_s

ENDED: Final = ("answered", "abandoned", "overflowed", "timed_out", "closed", "callback", "lost")
ENTERED_TOLERANCE_S: Final = 1.5
SAME_TALK_S: Final = 1.0
TALK_KNOWN_S: Final = 1.0
"""A conversation that lasts this long has surely been heard of, if anybody listened."""


def records(evidence: Evidence) -> Iterator[Violation]:
    """One for each who entered, none twice, none for nobody, each with the outcome that was seen."""
    promise = "records are calls"
    records, legs = evidence.records_by_number(), evidence.legs_by_number()
    callers = {caller.number: caller for caller in evidence.callers}
    for number, found in records.items():
        ids = ", ".join(record["id"] for record in found)
        if number not in callers:
            yield Violation(promise, "nobody called from this number", number, ids)
        elif len(found) > 1:
            yield Violation(promise, f"recorded {len(found)} times: {ids}", number)
    for caller in evidence.entered():
        found = records[caller.number]
        if not found:
            if not evidence.unwitnessed(caller):
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
    both_s = max((talked_s(caller, leg) for leg in legs), default=0.0)
    calm = evidence.service.calm(caller.answered_at or caller.invited_at, caller.ended_at or caller.invited_at)
    crossed = _crossed(caller, legs)
    if outcome == "answered" and both_s <= 0.0 and not caller.agent_voice and not crossed:
        yield "recorded as answered, and no agent answered"
    if both_s > TALK_KNOWN_S and outcome != "answered" and not (evidence.cut(caller) and outcome == "lost"):
        yield f"the caller talked for {both_s:.1f} s, recorded as {outcome}"
    unserved = both_s <= 0.0 or any(leg.cut for leg in legs if leg.answered_at is not None)
    if caller.cut and unserved and outcome != "lost":
        yield f"cut by the end of Asterisk, recorded as {outcome}"
    if both_s <= 0.0 and caller.by_caller and not caller.cut:
        fair = {"abandoned", "overflowed", "timed_out"} | ({"answered"} if crossed else set())
        if evidence.cut(caller):
            fair.add("lost")
        if outcome not in fair:
            yield f"the caller gave up, recorded as {outcome}"
    if outcome == "lost" and calm and not caller.cut:
        yield "recorded as lost though nothing was out of service"
    talks = [leg for leg in legs if talked_s(caller, leg) > TALK_KNOWN_S]
    if outcome == "answered" and talks:
        yield from _about_the_talk(record, talks, sum(talked_s(caller, leg) for leg in talks), calm)


def _crossed(caller: CallerSeen, legs: Sequence[LegSeen]) -> bool:
    """The agent picked up as the caller hung up, and each heard of it afterwards: the order is Asterisk's to tell."""
    picked_up = [leg.answered_at for leg in legs if leg.answered_at is not None]
    return caller.by_caller and any(abs(at - (caller.ended_at or 0.0)) <= SAME_MOMENT_S for at in picked_up)


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


def scores(evidence: Evidence) -> Iterator[Violation]:
    """What is stored was pressed; and what was pressed, with nothing out of service and not cut off, is stored."""
    records, legs = evidence.records_by_number(), evidence.legs_by_number()
    for caller in evidence.entered():
        for record in records[caller.number]:
            stored = record["survey"]["score"]
            broken_off = caller.score is None and caller.by_caller  # between the keys
            if stored is not None and stored != caller.score and not broken_off:
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


def figures(evidence: Evidence) -> Iterator[Violation]:
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
