"""One line over all queues, as phones see it: who is rung, and how soon.

Each figure is taken on the wire, printed, and kept with the test's result.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable

import pytest

from acd.lab.incoming import IncomingCall
from acd.lab.outgoing import OutgoingCall
from acd.lab.udp import Moment
from tests.e2e.desk import Desk, moment
from tests.e2e.floor import Floor, Line
from tests.e2e.phones import Phones, number_of, ringing

STEP_S = 2.0
PUNCTUAL_S = 0.5
CLOCKS_S = 0.05  # between Asterisk's stamp of the entry and the phone's
NEXT_PHONE_S = 0.2
ROUNDS = 10


def relaxed(floor: Floor, queue: str, own: str, second: str) -> Line:
    """A line for one agent, whom another may help from `STEP_S` seconds of waiting on."""
    step = {"after_s": STEP_S, "require": f"{queue} >= 1 or {queue}_help >= 1"}
    line = floor.line(queue, (own,), relax=[step])
    floor.agent(second)["skills"][f"{queue}_help"] = 1
    return line


FLOOR = Floor()
DESERTED = relaxed(FLOOR, "deserted", "1001", "1002")
BUSY = relaxed(FLOOR, "busy", "1003", "1004")
ONE = FLOOR.line("one", ("1005",))
OTHER = FLOOR.line("other", ("1005",))
VIP = FLOOR.line("vip", ("1006",), priority=10)
PLAIN = FLOOR.line("plain", ("1006",))
REFUSED = FLOOR.line("refused", ("1007", "1008"))

Note = Callable[[str, object], None]


def late_s(rung: IncomingCall, queued_at: str) -> float:
    """How long after the step's deadline the second's phone was rung."""
    return rung.times.invited_at.unix_s - (moment(queued_at) + STEP_S)


def punctual(late: float, what: str, record_property: Note) -> None:
    """Say and keep how late it was, and hold it against the promise."""
    print(f"{what}: the second's phone was rung {1000 * late:.0f} ms after the deadline")
    record_property("late_ms", round(1000 * late, 1))
    assert -CLOCKS_S <= late <= PUNCTUAL_S


async def test_a_step_opens_at_its_deadline_when_nobody_of_the_first_is_there(
    phones: Phones, desk: Desk, record_property: Note
) -> None:
    second = await phones.agent("1002")
    call = await phones.call(DESERTED.did)
    record = await desk.until_waiting(number_of(call))
    rung = await ringing(second, STEP_S + 2)
    punctual(late_s(rung, record["queued_at"]), "nobody there", record_property)


async def test_a_step_opens_at_its_deadline_while_those_of_the_first_only_talk(
    phones: Phones, desk: Desk, record_property: Note
) -> None:
    own, second = await phones.agent("1003"), await phones.agent("1004")
    await phones.call(BUSY.did)
    await phones.pick_up(own)
    call = await phones.call(BUSY.did)
    record = await desk.until_waiting(number_of(call))
    rung = await ringing(second, STEP_S + 2)
    assert rung.remote_number == number_of(call)
    punctual(late_s(rung, record["queued_at"]), "the first step's agent talks", record_property)


async def served_in_order(phones: Phones, desk: Desk, agent_id: str, dids: list[str]) -> list[str]:
    """Calls to these numbers, one after the other, while the agent is away; the order in which they are served."""
    agent = await phones.agent(agent_id)
    await desk.order(agent_id, "pause", reason="tea")
    calls: dict[str, OutgoingCall] = {}
    for did in dids:
        call = await phones.call(did)
        await desk.until_waiting(number_of(call))
        calls[number_of(call)] = call
    await desk.order(agent_id, "ready")
    served = []
    for _ in dids:
        answered = await phones.pick_up(agent)
        served.append(answered.remote_number)
        await answered.hang_up()
        await desk.ended(answered.remote_number)
    return [list(calls).index(number) for number in served]


@pytest.mark.parametrize("first", [ONE, OTHER], ids=lambda line: line.queue)
async def test_an_older_call_of_another_queue_is_served_first(phones: Phones, desk: Desk, first: Line) -> None:
    second = OTHER if first is ONE else ONE
    assert await served_in_order(phones, desk, "1005", [first.did, second.did, first.did]) == [0, 1, 2]


async def test_points_go_before_age_and_age_decides_among_equals(phones: Phones, desk: Desk) -> None:
    assert await served_in_order(phones, desk, "1006", [PLAIN.did, VIP.did, PLAIN.did, VIP.did]) == [1, 3, 0, 2]


async def test_a_refused_call_is_at_the_next_phone_at_once(phones: Phones, desk: Desk, record_property: Note) -> None:
    """From the 603 on the wire to the INVITE at the other phone, every one of them."""
    refuses, takes = await phones.staff(REFUSED.agents)
    gaps_s = []
    for _ in range(ROUNDS):
        call = await phones.call(REFUSED.did)
        offered = await ringing(refuses)
        refused_at = Moment.now()
        await offered.reject(603)
        taken = await ringing(takes)
        gaps_s.append(taken.times.invited_at.unix_s - refused_at.unix_s)
        assert taken.remote_number == number_of(call)
        await taken.answer()
        await desk.until_agent(takes.user, "talking")
        await taken.hang_up()
        record = await desk.ended(number_of(call))
        assert [offer["result"] for offer in record["offers"]] == ["refused", "answered"]
        await asyncio.gather(*(desk.until_agent(agent_id, "ready") for agent_id in REFUSED.agents))
    figures = {"median": statistics.median(gaps_s), "longest": max(gaps_s)}
    told = ", ".join(f"{name} {1000 * gap:.1f} ms" for name, gap in figures.items())
    print(f"from the 603 to the next phone's INVITE, {ROUNDS} times: {told}")
    for name, gap in figures.items():
        record_property(f"{name}_ms", round(1000 * gap, 1))
    assert figures["longest"] < NEXT_PHONE_S
