"""From what was asked to what is printed."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from acd.config import load
from acd.plan import plan_of
from acd.queues.model import Plan, QueueName
from acd.simulation import arguments
from acd.simulation.arguments import BadArgument
from acd.simulation.people import Demand, Manners, Shape, Shift
from acd.simulation.report import report
from acd.simulation.scenario import Scenario, play
from acd.simulation.show import show

__all__ = ["Asked", "BadArgument", "run"]

MAX_HOURS = 24.0 * 31
MAX_CALLS = 1_000_000
MAX_ROTA_BYTES = 10_000_000
PIPE_WIDTH = 160  # of the tables when they go to a file or another program


@dataclass(frozen=True, slots=True)
class Asked:
    """The options as they were written; see `acd.simulation.command`."""

    config: Path
    calls_per_hour: str
    aht: str
    patience: str
    hours: float
    start: str
    agents: str
    rota: Path | None
    answer: float
    no_answer: float
    talk: str
    patience_shape: str
    seed: int
    json: bool


def run(asked: Asked) -> None:
    """Simulate and print. ConfigError, BadArgument."""
    scenario = scenario_of(asked, plan_of(load(asked.config, os.environ)))
    began_s = time.perf_counter()
    world = play(scenario)
    result = report(scenario, world, time.perf_counter() - began_s)
    if asked.json:
        sys.stdout.write(json.dumps(dataclasses.asdict(result), ensure_ascii=False, indent=2) + "\n")
        return
    show(result, Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False))


def scenario_of(asked: Asked, plan: Plan) -> Scenario:
    """What to simulate; BadArgument."""
    if not 0 < asked.hours <= MAX_HOURS:
        raise BadArgument("--hours", f"must be above 0 and at most {MAX_HOURS:g}")
    begins_at = arguments.clock(asked.start, "--start")
    ends_at = begins_at + asked.hours * 3600.0
    return Scenario(
        plan,
        _demands(asked, plan),
        _shifts(asked, plan, begins_at, ends_at),
        begins_at,
        ends_at,
        _manners(asked),
        asked.seed,
    )


def _demands(asked: Asked, plan: Plan) -> tuple[Demand, ...]:
    rates = arguments.rates(asked.calls_per_hour, plan, "--calls-per-hour")
    if sum(rates.values()) * asked.hours > MAX_CALLS:
        raise BadArgument("--calls-per-hour", f"more than {MAX_CALLS} calls in all")
    handling_s = arguments.means(asked.aht, plan, "--aht")
    patience_s = arguments.means(asked.patience, plan, "--patience", endless=True)
    talk, patience = _shape(asked.talk, "--talk"), _shape(asked.patience_shape, "--patience-shape")
    return tuple(
        Demand(
            name,
            min(plan.queues[name].dids),
            rate,
            _talk_s(name, handling_s, plan),
            _of(name, patience_s, "--patience"),
            talk,
            patience,
        )
        for name, rate in rates.items()
    )


def _talk_s(name: QueueName, handling_s: dict[QueueName, float], plan: Plan) -> float:
    """Handling time is talk and wrap-up; the brain adds the wrap-up by itself."""
    wrap_up_s = plan.queues[name].wrap_up_s
    talk_s = _of(name, handling_s, "--aht") - wrap_up_s
    if talk_s <= 0:
        raise BadArgument("--aht", f"must be more than the wrap-up of {name}, {wrap_up_s:g} s, which is part of it")
    return talk_s


def _of(name: QueueName, means_s: dict[QueueName, float], option: str) -> float:
    if name not in means_s:
        raise BadArgument(option, f"says nothing of {name}, which gets calls")
    return means_s[name]


def _shape(text: str, option: str) -> Shape:
    try:
        return Shape(text)
    except ValueError:
        raise BadArgument(option, f"{text!r}: write {', '.join(Shape)}") from None


def _shifts(asked: Asked, plan: Plan, begins_at: float, ends_at: float) -> tuple[Shift, ...]:
    if asked.rota is None:
        chosen = arguments.chosen(asked.agents, plan, "--agents")
        return tuple(Shift(agent_id, begins_at, float("inf")) for agent_id in chosen)
    if asked.agents != "all":
        raise BadArgument("--agents", "goes without --rota, which says who works when")
    try:
        if asked.rota.stat().st_size > MAX_ROTA_BYTES:
            raise BadArgument("--rota", f"{asked.rota} is longer than {MAX_ROTA_BYTES} bytes")
        text = asked.rota.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadArgument("--rota", f"{asked.rota} cannot be read: {error}") from None
    return tuple(arguments.rota(text.splitlines(), plan, "--rota", begins_at, ends_at))


def _manners(asked: Asked) -> Manners:
    if not 0 <= asked.answer < float("inf"):
        raise BadArgument("--answer", "must be seconds from 0 on")
    if not 0 <= asked.no_answer <= 1:
        raise BadArgument("--no-answer", "must be from 0 to 1")
    return Manners(asked.answer, asked.no_answer)
