"""`make bench`: run it, write `var/bench.json`, print the table.

python -m acd.lab.bench            the whole of it, less than ten minutes
python -m acd.lab.bench --quick    a short look, less than two
python -m acd.lab.bench --doc      measure nothing; put the figures of var/bench.json into docs/performance.md
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from acd.errors import AcdError, LabError
from acd.lab.bench.bench import run
from acd.lab.bench.plan import QUICK, WHOLE
from acd.lab.bench.report import headline, markdown, table, write_doc
from acd.lab.bench.targets import verdicts
from acd.lab.rig_bench import raise_file_limit

DOC = Path(__file__).resolve().parents[3] / "docs/performance.md"


def main(
    quick: Annotated[bool, typer.Option(help="A short look; also by QUICK=1.")] = False,
    doc: Annotated[bool, typer.Option(help="Only put the last figures into the docs.")] = False,
    var: Annotated[Path, typer.Option(help="Where bench.json lies.")] = Path("var"),
) -> None:
    """Compare a bare Dial, app_queue and the daemon on one Asterisk."""
    console = Console()
    file = var / "bench.json"
    try:
        if doc:
            results = read(file)
            write_doc(DOC, markdown(results, verdicts(results)))
            return
        results = measure(quick or os.environ.get("QUICK", "") not in ("", "0"), console)
    except AcdError as error:
        console.print(f"The benchmark could not go on: {error}", style="red", highlight=False)
        raise typer.Exit(1) from None
    var.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    console.print(headline(results), highlight=False)
    console.print(table(verdicts(results)))


def measure(quick: bool, console: Console) -> dict[str, Any]:
    """Run it; its progress goes to the console. Raises LabError."""
    raise_file_limit()

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True)

    results = {"quick": quick, **asyncio.run(run(QUICK if quick else WHOLE, say))}
    return {**results, "targets": [verdict.as_json() for verdict in verdicts(results)]}


def read(file: Path) -> dict[str, Any]:
    """The results of the last run. LabError when there are none."""
    try:
        results: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LabError(f"{file} holds no results: {error}") from None
    return results


if __name__ == "__main__":
    typer.run(main)
