"""The results as a table on the terminal and as one in docs/performance.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from acd.errors import LabError
from acd.lab.bench.targets import Results, Verdict, at, shown

BEGIN, END = "<!-- figures: python -m acd.lab.bench --doc -->", "<!-- /figures -->"
MARKS = {True: "yes", False: "NO", None: "-"}
COLOURS = {True: "green", False: "red", None: "dim"}


def table(verdicts: Sequence[Verdict]) -> Table:
    """For a terminal."""
    made = Table(title="Benchmark: ratios and targets", title_justify="left")
    for name in ("", "what", "result", "target", "met", "context"):
        made.add_column(name, overflow="fold")
    for verdict in verdicts:
        mark = f"[{COLOURS[verdict.met]}]{MARKS[verdict.met]}[/]"
        made.add_row(verdict.part, verdict.what, _value(verdict), _target(verdict), mark, verdict.context)
    return made


def headline(results: Results) -> str:
    """Where and when, in one line."""
    machine = at(results, "machine") or {}
    kind = "a short look" if results.get("quick") else "whole"
    return (
        f"{results.get('when')}, {kind}: {machine.get('processors')} processors ({machine.get('model')}) shared with "
        f"the load, Asterisk {results.get('asterisk')}, Python {machine.get('python')}, "
        f"load before {shown((machine.get('load_before') or [None])[0])}; took {shown(results.get('took_s'), 0)} s."
    )


def markdown(results: Results, verdicts: Sequence[Verdict]) -> str:
    """For the docs."""
    lines = [headline(results), "", "| | what | result | target | met | context |", "|---|---|---|---|---|---|"]
    for v in verdicts:
        lines.append(f"| {v.part} | {v.what} | {_value(v)} | {_target(v)} | {MARKS[v.met]} | {v.context} |")
    return "\n".join(lines)


def write_doc(path: Path, text: str) -> None:
    """Put the text between the marks in the file. LabError when they are not there."""
    page = path.read_text(encoding="utf-8")
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise LabError(f"{path} has no place for the figures: {BEGIN} and {END}")
    path.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", encoding="utf-8")


def _value(verdict: Verdict) -> str:
    return "-" if verdict.value is None else f"{verdict.value:.2f} {verdict.unit}"


def _target(verdict: Verdict) -> str:
    return f"{'>=' if verdict.at_least else '<='} {verdict.limit:g} {verdict.unit}"
