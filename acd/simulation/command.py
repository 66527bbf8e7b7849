"""`acd simulate`: what it takes, and what it prints. What it needs is imported when it runs."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Option("--config", envvar="ACD_CONFIG", help="The YAML file.", show_default=False)]
Calls = Annotated[
    str,
    typer.Option("--calls-per-hour", help="A total for all queues alike, or sales=60,support=30.", show_default=False),
]
Aht = Annotated[
    str,
    typer.Option(
        "--aht", help="Mean handling time, seconds: talk and the queue's wrap-up. Or by queue: sales=180,support=240."
    ),
]
Patience = Annotated[
    str, typer.Option("--patience", help="Mean patience, seconds; inf: nobody gives up. Or by queue, as above.")
]
Hours = Annotated[float, typer.Option("--hours", help="How long callers come.")]
Start = Annotated[str, typer.Option("--start", help="Time of day of the first hour, HH:MM.")]
Agents = Annotated[str, typer.Option("--agents", help="all, or ids: 1001,1002. Logged in all the time.")]
Rota = Annotated[
    Path | None,
    typer.Option("--rota", help="Instead of --agents: a CSV with the columns agent,from,to (HH:MM), every day."),
]
Answer = Annotated[float, typer.Option("--answer", help="Seconds from an agent's first ring to the answer.")]
NoAnswer = Annotated[float, typer.Option("--no-answer", help="Share of offers that ring out, 0 to 1.")]
Talk = Annotated[str, typer.Option("--talk", help="How talk scatters: exponential, lognormal or fixed.")]
PatienceShape = Annotated[str, typer.Option("--patience-shape", help="How patience scatters: the same.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same callers.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def simulate(
    config: Config,
    calls_per_hour: Calls,
    aht: Aht = "180",
    patience: Patience = "120",
    hours: Hours = 8.0,
    start: Start = "09:00",
    agents: Agents = "all",
    rota: Rota = None,
    answer: Answer = 4.0,
    no_answer: NoAnswer = 0.0,
    talk: Talk = "exponential",
    patience_shape: PatienceShape = "exponential",
    seed: Seed = 1,
    json: Json = False,
) -> None:
    """Try a day with your own queues, agents and rules before living it: the daemon's brain in virtual time."""
    asked = locals()
    runner = importlib.import_module("acd.simulation.run")
    try:
        runner.run(runner.Asked(**asked))
    except runner.BadArgument as bad:
        raise typer.BadParameter(str(bad), param_hint=bad.option) from None
