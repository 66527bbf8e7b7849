"""The report on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from acd.simulation.accuracy import Estimates
from acd.simulation.report import AgentReport, QueueReport, Report


def show(report: Report, console: Console) -> None:
    """Three tables and a line."""
    console.print(_queues(report.queues))
    console.print(_agents(report.agents))
    if report.estimates is not None:
        console.print(_estimates(report))
    console.print(
        f"{report.hours:g} h with {report.calls} calls, {report.events} events, simulated in {report.took_s:.1f} s "
        f"(seed {report.seed})"
    )


def _queues(queues: tuple[QueueReport, ...]) -> Table:
    table = _table("Queues", "queue")
    counts = {
        "offered": [one.offered for one in queues],
        "answered": [one.answered for one in queues],
        "abandoned": [one.abandoned for one in queues],
        **{name: numbers for name, numbers in _turned_away(queues).items() if any(numbers)},
    }
    for name in (*counts, "in time", "ASA", "p95", "longest", "occupancy"):
        table.add_column(name, justify="right")
    for place, one in enumerate(queues):
        table.add_row(
            one.name,
            *(str(numbers[place]) for numbers in counts.values()),
            f"{_percent(one.service_level)} / {one.service_level_s:g} s",
            *map(_seconds, (one.asa_s, one.p95_wait_s, one.max_wait_s)),
            _percent(one.occupancy),
        )
    return table


def _turned_away(queues: tuple[QueueReport, ...]) -> dict[str, list[int]]:
    """What happens in some shops only, and is shown when it does."""
    return {
        "overflowed": [one.overflowed for one in queues],
        "timed out": [one.timed_out for one in queues],
        "closed": [one.closed for one in queues],
        "unserved": [one.unserved for one in queues],
    }


def _agents(agents: tuple[AgentReport, ...]) -> Table:
    table = _table("Agents", "agent")
    table.add_column("name")
    for name in ("answered", "missed", "talk", "on duty", "occupancy"):
        table.add_column(name, justify="right")
    for one in agents:
        hours = (f"{one.talk_s / 3600:.2f} h", f"{one.on_duty_s / 3600:.2f} h")
        table.add_row(one.id, one.name, str(one.answered), str(one.missed), *hours, _percent(one.occupancy))
    return table


def _estimates(report: Report) -> Table:
    table = _table("Estimated waits of those who waited and were answered", "queue")
    for name in ("calls", "mean wait", "mean estimate", "bias", "mean error", "of the wait"):
        table.add_column(name, justify="right")
    for queue in report.queues:
        if queue.estimates is not None:
            table.add_row(queue.name, *_figures(queue.estimates))
    if report.estimates is not None and len(report.queues) > 1:
        table.add_row("all", *_figures(report.estimates))
    return table


def _figures(one: Estimates) -> tuple[str, ...]:
    return (
        str(one.calls),
        _seconds(one.mean_wait_s),
        _seconds(one.mean_estimate_s),
        f"{one.bias_s:+.1f} s",
        _seconds(one.error_s),
        _percent(one.relative),
    )


def _table(title: str, first: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first)
    return table


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
