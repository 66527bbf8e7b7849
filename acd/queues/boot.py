"""The events of a daemon that begins; with `events.Restored` between them they are the boot, in this order.

Booting, AgentsRestored, Restored, NodeRead of every Asterisk that answers, Opened
"""

from __future__ import annotations

from dataclasses import dataclass

from acd.queues.commands import AgentKept


@dataclass(frozen=True, slots=True)
class Booting:
    """The daemon begins: the picture comes in pieces, and nobody is offered anything before `Opened`."""

    at: float


@dataclass(frozen=True, slots=True)
class AgentsRestored:
    """How the agents stood when the last daemon ended; empty when that is too long ago to matter, or not known.

    Who is not named begins as the plan says. It may come a second time, from a database that was away at first.
    """

    at: float
    standings: tuple[AgentKept, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """Every Asterisk that answers has been read back: the line is matched, once over everything."""

    at: float
