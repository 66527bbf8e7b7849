"""`make chaos`: run it, tell of it, write `var/chaos.json`; exit code 1 when a promise was broken.

python -m acd.lab.chaos --seconds 300 --seed 1
"""

from __future__ import annotations

import asyncio
import json
import secrets
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from acd.errors import AcdError
from acd.lab.chaos.report import as_json, table, timeline
from acd.lab.chaos.run import Chaos

SHORTEST_S = 40.0


def main(
    seconds: Annotated[float, typer.Option(min=SHORTEST_S, help="How long, the quiet end included.")] = 300.0,
    seed: Annotated[int, typer.Option(help="The same seed, the same schedule; drawn when not given.")] = -1,
    var: Annotated[Path, typer.Option(help="Where chaos.json and the logs go.")] = Path("var"),
) -> None:
    """Throw everything at the hotline, and see what breaks."""
    console = Console(highlight=False, soft_wrap=True)
    drawn = seed if seed >= 0 else secrets.randbelow(10**6)
    logs = var / "chaos"

    def say(text: str) -> None:
        console.print(text, markup=False)

    try:
        result = asyncio.run(Chaos(seconds, drawn, logs, say).run())
    except AcdError as error:
        console.print(f"The run could not go on: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    (var / "chaos.json").write_text(json.dumps(as_json(result), indent=2) + "\n", encoding="utf-8")
    told = "\n\n".join(timeline(result, violation, logs / "daemon.log") for violation in result.violations)
    (logs / "violations.txt").write_text(told + "\n", encoding="utf-8")
    say(table(result))
    if result.violations:
        say(f"\n{told}\n\n{len(result.violations)} violations; again: make chaos SECONDS={seconds:g} SEED={drawn}")
        raise typer.Exit(1)
    say("\nEvery promise was kept.")


if __name__ == "__main__":
    typer.run(main)
