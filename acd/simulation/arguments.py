"""What was asked on the command line, read against the plan: every refusal names the option and says what to write."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from acd.errors import AcdError
from acd.queues.model import AgentId, Plan, QueueName
from acd.simulation.people import Shift

DAY_S = 86_400.0
ROTA_HEADER = ["agent", "from", "to"]
MAX_ROTA_LINES = 100_000
_TIME = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")


class BadArgument(AcdError):
    """An option of the command cannot be used; `option` is its name as it is written."""

    code = "bad_argument"

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option


def rates(text: str, plan: Plan, option: str) -> dict[QueueName, float]:
    """Calls per hour by queue: `sales=60,support=30`, or a total that all queues with a number share alike."""
    reachable = [queue.name for queue in plan.queues.values() if queue.dids]
    if "=" in text:
        wanted = _by_queue(text, plan, option)
        for name in wanted:
            if name not in reachable:
                raise BadArgument(option, f"nobody can call {name}: it has no dids in the configuration")
    else:
        if not reachable:
            raise BadArgument(option, "no queue has dids in the configuration, so nobody can call")
        wanted = dict.fromkeys(reachable, _number(text, option) / len(reachable))
    if not all(0 <= rate < math.inf for rate in wanted.values()) or sum(wanted.values()) <= 0:
        raise BadArgument(option, f"{text!r}: calls per hour are numbers from 0 on, and not all of them 0")
    return wanted


def means(text: str, plan: Plan, option: str, endless: bool = False) -> dict[QueueName, float]:
    """Mean seconds by queue: one number for all, or `sales=180,support=240`, which must name every queue it is for."""
    wanted = _by_queue(text, plan, option) if "=" in text else dict.fromkeys(plan.queues, _number(text, option))
    for mean_s in wanted.values():
        if not mean_s > 0 or (math.isinf(mean_s) and not endless):
            raise BadArgument(option, f"{text!r}: must be seconds above 0{', or inf for ever' if endless else ''}")
    return wanted


def clock(text: str, option: str) -> float:
    """A time of day, HH:MM, in seconds since midnight; 24:00 is allowed."""
    found = _TIME.fullmatch(text.strip())
    seconds = int(found[1]) * 3600.0 + int(found[2]) * 60.0 if found else math.inf
    if seconds > DAY_S:
        raise BadArgument(option, f"{text!r} is not a time of day; write HH:MM, such as 09:00")
    return seconds


def chosen(text: str, plan: Plan, option: str) -> list[AgentId]:
    """`all`, or agents' ids with commas."""
    if text.strip() == "all":
        return list(plan.agents)
    wanted = [AgentId(part.strip()) for part in text.split(",")]
    for agent_id in wanted:
        if agent_id not in plan.agents:
            raise BadArgument(option, f"there is no agent {agent_id!r} in the configuration; write all, or ids")
    return list(dict.fromkeys(wanted))


def rota(lines: Iterable[str], plan: Plan, option: str, begins_at: float, ends_at: float) -> list[Shift]:
    """Shifts from a CSV with the columns agent, from, to (HH:MM), every day; one that ends earlier goes past midnight.

    Times are counted from the midnight before `begins_at`; what lies outside of the window is cut off.
    """
    rows = list(csv.reader(lines))[: MAX_ROTA_LINES + 1]
    if not rows or [cell.strip().lower() for cell in rows[0]] != ROTA_HEADER:
        raise BadArgument(option, f"the first line must be {','.join(ROTA_HEADER)}")
    if len(rows) > MAX_ROTA_LINES:
        raise BadArgument(option, f"more than {MAX_ROTA_LINES} lines")
    daily = [_row(row, number, plan, option) for number, row in enumerate(rows[1:], 2) if any(row)]
    shifts: list[Shift] = []
    for day in range(-1, math.ceil(ends_at / DAY_S)):
        for agent_id, from_s, to_s in daily:
            begins, ends = max(from_s + day * DAY_S, begins_at), min(to_s + day * DAY_S, ends_at)
            if begins < ends:
                shifts.append(Shift(agent_id, begins, math.inf if ends == ends_at else ends))
    _no_overlap(shifts, option)
    return shifts


def _row(row: Sequence[str], number: int, plan: Plan, option: str) -> tuple[AgentId, float, float]:
    if len(row) != len(ROTA_HEADER):
        raise BadArgument(option, f"line {number}: {len(ROTA_HEADER)} columns are needed, {','.join(ROTA_HEADER)}")
    agent_id = AgentId(row[0].strip())
    if agent_id not in plan.agents:
        raise BadArgument(option, f"line {number}: there is no agent {agent_id!r} in the configuration")
    from_s, to_s = clock(row[1], option), clock(row[2], option)
    return agent_id, from_s, to_s if to_s > from_s else to_s + DAY_S


def _no_overlap(shifts: list[Shift], option: str) -> None:
    shifts.sort(key=lambda shift: (shift.agent, shift.begins_at))
    for one, other in pairwise(shifts):
        if one.agent == other.agent and other.begins_at < one.ends_at:
            raise BadArgument(option, f"two shifts of agent {one.agent} overlap")


def _by_queue(text: str, plan: Plan, option: str) -> dict[QueueName, float]:
    wanted: dict[QueueName, float] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        queue = QueueName(name.strip())
        if queue not in plan.queues:
            raise BadArgument(option, f"there is no queue {queue!r}; there are {', '.join(plan.queues)}")
        if queue in wanted:
            raise BadArgument(option, f"{queue} is named twice")
        wanted[queue] = _number(number, option)
    return wanted


def _number(text: str, option: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise BadArgument(option, f"{text.strip()!r} is not a number; write one number, or queue=number,queue=number")
    return number
