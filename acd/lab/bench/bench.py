"""All parts in order on one Asterisk; what may leave it unwell comes last."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from acd.lab.bench import core
from acd.lab.bench.endurance import cpu_per_call, many_live
from acd.lab.bench.gaps import idle_gaps
from acd.lab.bench.offers import Say, offer_latency
from acd.lab.bench.peak import peak
from acd.lab.bench.plan import BenchPlan
from acd.lab.bench.stage import AGENTS, Stage, open_stage
from acd.lab.bench.systems import Shape, ami_floor, app_queue, bare_dial, ours

SHAPE_VERSION = 1


async def run(plan: BenchPlan, say: Say) -> dict[str, Any]:
    """Everything `plan` says; what `var/bench.json` holds. Raises LabError when it cannot be done."""
    began = time.monotonic()
    results: dict[str, Any] = {"version": SHAPE_VERSION, "when": datetime.now(UTC).isoformat(timespec="seconds")}
    results["machine"] = machine()
    async with open_stage() as stage:
        results["asterisk"] = stage.asterisk.version
        results |= await _on_stage(stage, plan, say)
    say("(f) the core alone")
    results["core"] = asdict(core.measure(plan.core_agents))
    results["took_s"] = round(time.monotonic() - began, 1)
    return results


async def _on_stage(stage: Stage, plan: BenchPlan, say: Say) -> dict[str, Any]:
    results: dict[str, Any] = {}
    many = Shape(plan.queues, AGENTS)
    say("(a) offer latency")
    everyone = (bare_dial, app_queue, ami_floor, ours)
    results["offer_latency"] = await offer_latency(stage, everyone, Shape(), plan.rates, plan.seconds, plan.rounds, say)
    say("(b) idle gap")
    results["idle_gap"] = await idle_gaps(
        stage, (app_queue, ours), plan.gap_agents, plan.gap_waiting, plan.gap_seconds, plan.gap_rounds, say
    )
    say("(d) highest rate")
    results["peak"] = await peak(
        stage,
        (bare_dial, ours),
        plan.peak_low,
        plan.peak_high,
        plan.peak_step,
        plan.peak_seconds,
        plan.peak_rounds,
        say,
    )
    say("(e) cost, (g) restart")
    results["cost"] = await cpu_per_call(stage, plan.steady_rate, plan.steady_seconds, say)
    results["live"] = await many_live(stage, plan.waiting, plan.talking, plan.restarts, say)
    say(f"(c) {plan.queues} queues share {AGENTS} agents")
    mine = await offer_latency(stage, (ours,), many, plan.rates, plan.seconds, plan.many_rounds, say)
    theirs = await offer_latency(stage, (app_queue,), many, plan.rates, plan.seconds, 1, say)
    results["many_queues"] = {
        **mine,
        "rounds": mine["rounds"] + theirs["rounds"],
        "systems": mine["systems"] | theirs["systems"],
    }
    return results


def machine() -> dict[str, Any]:
    """What it ran on, and how busy that was before."""
    return {
        "processors": os.cpu_count(),
        "model": _processor(),
        "load_before": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "system": platform.release(),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:  # noqa: PTH123
            models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        return platform.machine()
    return models[0] if models else platform.machine()
