"""What a run came to: the table, each violation with its timeline, and the file."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from acd.lab.chaos import judge
from acd.lab.chaos.books import ENDED
from acd.lab.chaos.evidence import Record, Violation
from acd.lab.chaos.run import Result
from acd.lab.chaos.schedule import BLOWS, Kind
from acd.lab.chaos.service import HARMLESS

REQUEST = '"event": "http"'
LINES_TOLD = 60
"""Lines of the log that are told of one call."""


def as_json(result: Result) -> dict[str, Any]:
    """What `var/chaos.json` holds."""
    evidence = result.evidence
    entered = evidence.entered()
    outcomes = Counter(str(record["outcome"]) for record in evidence.records)
    return {
        "seed": result.seed,
        "seconds": result.seconds,
        "thrown": dict(Counter(thrown.stroke.kind.value for thrown in result.thrown)),
        "back_after_s": {kind.value: [round(s, 2) for s in times] for kind, times in recoveries(result).items()},
        "calls": {
            "made": len(evidence.callers),
            "entered": len(entered),
            "gave_up": sum(caller.by_caller and not caller.agent_voice for caller in entered),
            "cut_by_asterisk": sum(caller.cut for caller in entered),
            "lost": judge.lost(result.violations),
            "double_offers": judge.double_offers(result.violations),
            "offers": len(evidence.legs),
            "records": len(evidence.records),
            "unseen": len(evidence.unseen()),
        },
        "outcomes": {name: outcomes[name] for name in ENDED},
        "api_answers": {str(status): count for status, count in sorted(result.answers.items())},
        "counts": {name: {"before": before, "after": after} for name, (before, after) in result.counts.items()},
        "violations": [
            {"promise": one.promise, "what": one.what, "number": one.number, "call_id": one.call_id}
            for one in result.violations
        ],
    }


def recoveries(result: Result) -> dict[Kind, list[float]]:
    """By kind: seconds until calls could be served again, of the blows that were healed before the next fell."""
    found: dict[Kind, list[float]] = defaultdict(list)
    service = result.evidence.service
    for blow in service.blows():
        back_s = service.back_after_s(blow)
        if back_s is not None and blow.kind not in HARMLESS:
            found[blow.kind].append(back_s)
    return dict(found)


def table(result: Result) -> str:
    """For people."""
    told = as_json(result)
    times = recoveries(result)
    lines = ["", f"{'thrown in':<14}{'times':>6}   back in service after (s): min / median / max"]
    for kind in Kind:
        count = told["thrown"].get(kind.value, 0)
        if count:
            lines.append(f"{kind:<14}{count:>6}   {_spread(times.get(kind, ())) if kind in BLOWS else ''}".rstrip())
    calls = told["calls"]
    lines += ["", *(f"{name.replace('_', ' '):<24}{value:>6}" for name, value in calls.items())]
    lines += ["", "  ".join(f"{name} {count}" for name, count in told["outcomes"].items() if count)]
    before_after = (f"{name} {before:g} -> {after:g}" for name, (before, after) in result.counts.items())
    lines += ["; ".join(before_after)]
    return "\n".join(lines)


def _spread(times: Sequence[float]) -> str:
    if not times:
        return "-"
    return f"{min(times):.1f} / {statistics.median(times):.1f} / {max(times):.1f}"


def timeline(result: Result, violation: Violation, log: Path) -> str:
    """The violation and all that is known around it."""
    evidence = result.evidence
    records = [one for one in evidence.records if _concerns(one, violation)]
    numbers = {violation.number, *(record["number"] for record in records)} - {""}
    ids = {violation.call_id, *(record["id"] for record in records)} - {""}
    lines = [f"{violation.promise}: {violation.what}  {violation.number} {violation.call_id}".rstrip()]
    moments: list[tuple[float, str]] = []
    for caller in evidence.callers:
        if caller.number in numbers:
            who = f"caller {caller.number} to {caller.did}"
            moments += _moments(who, caller, "caller" if caller.by_caller else "hotline")
            lines.append(f"  {caller}")
    for leg in evidence.legs:
        if leg.number in numbers:
            moments += _moments(f"phone of {leg.agent}", leg, "agent" if leg.by_agent else "hotline")
    if moments:
        since, until = min(moments)[0] - 3.0, max(moments)[0] + 3.0
        for thrown in result.thrown:
            if thrown.over > since and thrown.began < until:
                moments.append((thrown.began, f"* {thrown.stroke.kind} begins"))
                moments.append((thrown.over, f"* {thrown.stroke.kind} is over {thrown.note}"))
        for began, over in evidence.service.outages:
            if over > since and began < until:
                moments += [(began, "* out of service"), (over, "* back in service")]
    lines += [f"  {_clock(at)}  {what}" for at, what in sorted(moments)]
    lines += [f"  record {_brief(record)}" for record in records]
    lines += [f"  log {line}" for line in _about(log, ids | numbers)]
    return "\n".join(lines)


def _concerns(record: Record, violation: Violation) -> bool:
    return record["id"] in violation.call_id or (bool(violation.number) and record["number"] == violation.number)


def _moments(who: str, seen: Any, ended_by: str) -> Iterable[tuple[float, str]]:
    yield seen.invited_at, f"{who}: INVITE"
    if seen.answered_at is not None:
        yield seen.answered_at, f"{who}: answered"
    if seen.ended_at is not None:
        yield seen.ended_at, f"{who}: ended by the {ended_by}, {seen.status}{', cut' if seen.cut else ''}"


def _brief(record: Record) -> str:
    keys = (
        "id",
        "state",
        "outcome",
        "queue",
        "entered_at",
        "answered_at",
        "ended_at",
        "ended_by",
        "agent",
        "reconciled",
    )
    offers = ", ".join(f"{offer['agent']} {offer['result']}" for offer in record["offers"])
    return ", ".join(f"{key}={record[key]}" for key in keys) + f", survey={record['survey']}, offers: {offers}"


def _about(log: Path, words: set[str]) -> list[str]:
    if not words or not log.exists():
        return []
    with log.open(encoding="utf-8", errors="replace") as file:
        found = [line.rstrip() for line in file if REQUEST not in line and any(word in line for word in words)]
    return found[:LINES_TOLD]


def _clock(at: float) -> str:
    if at == float("inf"):
        return "never       "
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S.%f")[:-3]
