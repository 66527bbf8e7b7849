"""What the figures are held against. Ratios between systems of one run are the result; absolute values are context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from acd.lab.bench.stats import ratio
from acd.lab.bench.systems import AMI_FLOOR, APP_QUEUE, BARE, OURS

IDLE_P50_MS, IDLE_P95_MS = 15.0, 30.0
PEAK_SHARE = 0.9
CPU_MS, CALL_KIB = 1.0, 8.0
CORE_P99_US = 100.0
RESTART_S = 2.0

Results = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the result. `value` is held against `limit` (at most, or at least); None: not measured."""

    part: str
    what: str
    value: float | None
    limit: float
    at_least: bool
    unit: str
    context: str

    @property
    def met(self) -> bool | None:
        """Whether it is kept."""
        if self.value is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def as_json(self) -> dict[str, Any]:
        """The file's form."""
        return {**asdict(self), "met": self.met}


def verdicts(results: Results) -> list[Verdict]:
    """All of them, (a) to (g)."""
    return [
        *_offers(results),
        *_gaps(results),
        *_many_queues(results),
        _peak(results),
        *_cost(results),
        *_core(results),
        _restart(results),
    ]


def _offers(results: Results) -> Iterator[Verdict]:
    systems = at(results, "offer_latency", "systems") or {}
    for rate in systems.get(OURS, {}):
        for cut in ("p50_ms", "p95_ms"):
            mine, queue, bare, floor = (at(systems, name, rate, cut) for name in (OURS, APP_QUEUE, BARE, AMI_FLOOR))
            context = (
                f"acd {shown(mine)} ms, app_queue {shown(queue)} ms, bare Dial {shown(bare)} ms; "
                f"an AMI reflex {shown(floor)} ms, we are {shown(ratio(mine, floor), 2)} x of that"
            )
            what = f"offer latency {cut[:3]} at {rate}/s, of app_queue's"
            yield Verdict("a", what, ratio(mine, queue), 1.0, False, "x", context)


def _gaps(results: Results) -> Iterator[Verdict]:
    systems = at(results, "idle_gap", "systems") or {}
    for cut, limit in (("p50_ms", IDLE_P50_MS), ("p95_ms", IDLE_P95_MS)):
        mine, queue = (at(systems, name, cut) for name in (OURS, APP_QUEUE))
        context = f"app_queue {shown(queue)} ms, ratio {shown(ratio(mine, queue), 3)}"
        yield Verdict("b", f"agent's idle gap {cut[:3]}", mine, limit, False, "ms", context)


def _many_queues(results: Results) -> Iterator[Verdict]:
    """Ours with many queues against app_queue with one: with many it cannot be compared with."""
    systems = at(results, "many_queues", "systems") or {}
    queues = at(results, "many_queues", "queues")
    for rate in systems.get(OURS, {}):
        for cut in ("p50_ms", "p95_ms"):
            mine, many = (at(systems, name, rate, cut) for name in (OURS, APP_QUEUE))
            one = at(results, "offer_latency", "systems", APP_QUEUE, rate, cut)
            context = f"acd {shown(mine)} ms; app_queue with {queues}: {_fallen(systems, rate, many)}"
            what = f"{queues} queues, offer latency {cut[:3]} at {rate}/s, of app_queue's with one"
            yield Verdict("c", what, ratio(mine, one), 1.0, False, "x", context)


def _fallen(systems: Results, rate: str, value_ms: float | None) -> str:
    found = at(systems, APP_QUEUE, rate)
    if found is None:
        return "not reached"
    lost = f"{found['failed']} of {found['calls']} calls lost"
    return f"{shown(value_ms)} ms, {lost}, {found['repeated']} messages left unanswered for 0.5 s"


def _peak(results: Results) -> Verdict:
    mine, bare = (at(results, "peak", "systems", name, "per_s") for name in (OURS, BARE))
    context = f"acd {shown(mine, 0)}/s, bare Dial {shown(bare, 0)}/s"
    return Verdict("d", "highest rate, of a bare Dial's", ratio(mine, bare), PEAK_SHARE, True, "x", context)


def _cost(results: Results) -> Iterator[Verdict]:
    rate = at(results, "cost", "rate")
    context = f"at {shown(rate, 0)} calls/s"
    yield Verdict("e", "daemon's CPU a call", at(results, "cost", "cpu_ms_per_call"), CPU_MS, False, "ms", context)
    waiting = at(results, "live", "waiting")
    each = at(results, "live", "kib_per_waiting_call")
    yield Verdict("e", "memory a waiting call", each, CALL_KIB, False, "KiB", f"resident, {shown(waiting, 0)} waiting")


def _core(results: Results) -> Iterator[Verdict]:
    """For each kind of decision the slowest shop with the most agents; the clock on the wall counts."""
    decisions = at(results, "core", "decisions") or ()
    most = max((one["agents"] for one in decisions), default=0)
    for kind in dict.fromkeys(one["kind"] for one in decisions):
        slowest = max(
            (one for one in decisions if one["kind"] == kind and one["agents"] == most), key=lambda one: one["p99_us"]
        )
        context = f"{slowest['skills']} skills; p50 {shown(slowest['p50_us'])} us, {slowest['per_s']:.0f} a second"
        what = f"decision p99 with {most:,} agents and as many waiting: {kind}"
        yield Verdict("f", what, slowest["p99_us"], CORE_P99_US, False, "us", context)


def _restart(results: Results) -> Verdict:
    found = at(results, "live") or {}
    live = (found.get("waiting") or 0) + (found.get("talking") or 0)
    context = f"{live} live calls, {shown(found.get('lost'), 0)} lost"
    return Verdict("g", "process start to ready", found.get("restart_s"), RESTART_S, False, "s", context)


def at(value: Any, *path: str) -> Any:
    """What lies at the end of the path; None where it breaks off."""
    for step in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def shown(value: float | None, digits: int = 1) -> str:
    """For people."""
    return "-" if value is None else f"{value:.{digits}f}"
