"""The demo's live picture in the terminal: queues, agents, callers, once a second."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from acd.lab.people import CrowdCounts

_COLOURS = {
    "ready": "green",
    "offered": "yellow",
    "talking": "cyan",
    "wrap_up": "magenta",
    "paused": "red",
    "busy": "blue",
    "offline": "dim",
    "unreachable": "red dim",
}


def picture(status: dict[str, Any], counts: CrowdCounts, about: str) -> RenderableType:
    """One frame. `about` is the line beneath: addresses and how to stop."""
    return Panel(Group(_queues(status), _agents(status), _callers(counts), escape(about)), title="ACD demo")


def line(status: dict[str, Any], counts: CrowdCounts, elapsed_s: float) -> str:
    """The same in one line, for a log."""
    waiting = sum(queue["waiting"] for queue in status["queues"])
    talking = sum(agent["state"] == "talking" for agent in status["agents"])
    return (
        f"{elapsed_s:4.0f} s  calls {counts.offered:3d}  waiting {waiting:2d}  talking {talking:2d}  "
        f"answered {counts.answered:3d}  abandoned {counts.abandoned:2d}  scored {counts.scored:3d}"
    )


def _queues(status: dict[str, Any]) -> Table:
    table = Table("queue", expand=True, box=None, header_style="bold")
    for title in ("waiting", "longest", "online", "ready", "offered", "answered", "abandoned", "in time"):
        table.add_column(title, justify="right")
    for queue in status["queues"]:
        today = queue["today"]
        level = today["service_level"]
        table.add_row(
            escape(queue["name"]),
            str(queue["waiting"]),
            f"{queue['longest_wait_s']:.0f} s",
            str(queue["agents_online"]),
            str(queue["agents_ready"]),
            str(today["offered"]),
            str(today["answered"]),
            str(today["abandoned"]),
            "-" if level is None else f"{100 * level:.0f} %",
        )
    return table


def _agents(status: dict[str, Any]) -> str:
    parts = []
    for agent in status["agents"]:
        colour = _COLOURS.get(agent["state"], "white")
        parts.append(f"[{colour}]{escape(agent['name'])}: {agent['state']}[/{colour}]")
    return "\n" + "   ".join(parts) + "\n"


def _callers(counts: CrowdCounts) -> str:
    return (
        f"callers: {counts.offered} called, {counts.live} on the line, {counts.answered} served, "
        f"{counts.abandoned} gave up; {counts.scored} pressed a score\n"
    )
