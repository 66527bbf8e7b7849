"""Who hangs up when is right in the record, to 0.2 s of what the phones saw; one record and one outcome each time."""

from __future__ import annotations

import asyncio

import pytest

from acd.lab.udp import Moment
from tests.e2e.desk import Desk, moment
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, number_of, ringing
from tests.faults import Figure

FLOOR = Floor()
CALLER_FIRST = FLOOR.line("caller_first", ("1001",), wrap_up_s=1)
AGENT_FIRST = FLOOR.line("agent_first", ("1002",), wrap_up_s=1)
WHILE_RINGING = FLOOR.line("while_ringing", ("1003",), wrap_up_s=30, missed_limit=1)
WHILE_WAITING = FLOOR.line("while_waiting", ("1004",))
AT_ONCE = FLOOR.line("at_once", ("1005",))

TOLERANCE_S = 0.2
TALK_S = 0.7
RING_S = 0.6


def close_to(expected: Moment | None) -> object:
    """This moment of a phone, as exact as records must be."""
    assert expected is not None
    return pytest.approx(expected.unix_s, abs=TOLERANCE_S)


@pytest.mark.parametrize("first", ["caller", "agent"])
async def test_the_moments_of_a_conversation_are_those_the_phones_saw(phones: Phones, desk: Desk, first: str) -> None:
    line = CALLER_FIRST if first == "caller" else AGENT_FIRST
    (agent,) = await phones.staff(line.agents)
    call = await phones.call(line.did)
    offered = await ringing(agent)
    await asyncio.sleep(RING_S)
    await offered.answer()
    await asyncio.sleep(TALK_S)
    await (call if first == "caller" else offered).hang_up()
    await asyncio.gather(call.wait_ended(5), offered.wait_ended(5))
    record = await desk.ended(number_of(call))
    assert (record["outcome"], record["ended_by"]) == ("answered", first)
    entered, answered, over = call.times.answered_at, offered.times.answered_at, offered.times.ended_at
    assert entered and answered and over
    assert moment(record["entered_at"]) == close_to(entered)
    assert moment(record["queued_at"]) == close_to(entered)
    assert moment(record["answered_at"]) == close_to(answered)
    assert moment(record["talk_ended_at"]) == close_to(over)
    assert moment(record["ended_at"]) == close_to(call.times.ended_at)
    assert record["wait_s"] == pytest.approx(answered.loop_s - entered.loop_s, abs=TOLERANCE_S)
    assert record["talk_s"] == pytest.approx(over.loop_s - answered.loop_s, abs=TOLERANCE_S)
    (offer,) = record["offers"]
    assert (offer["agent"], offer["result"]) == (agent.user, "answered")
    assert moment(offer["at"]) == close_to(offered.times.invited_at)
    assert offer["ring_s"] == pytest.approx(answered.loop_s - offered.times.invited_at.loop_s, abs=TOLERANCE_S)


@pytest.mark.fault(7)
async def test_a_caller_who_hangs_up_while_it_rings_costs_the_agent_nothing(
    phones: Phones, desk: Desk, figure: Figure
) -> None:
    (agent,) = await phones.staff(WHILE_RINGING.agents)
    call = await phones.call(WHILE_RINGING.did)
    offered = await ringing(agent)
    await desk.until_agent(agent.user, "offered")
    await asyncio.sleep(RING_S)
    left_at = Moment.now()
    await call.hang_up()
    await offered.wait_ended(2)
    assert offered.times.ended_at is not None
    silent_after_s = offered.times.ended_at.loop_s - left_at.loop_s
    assert silent_after_s < 0.5
    figure("phone silent after", 1000 * silent_after_s, "ms")
    record = await desk.ended(number_of(call))
    assert (record["outcome"], record["ended_by"]) == ("abandoned", "caller")
    assert (record["answered_at"], record["talk_s"], record["agent"]) == (None, None, None)
    assert moment(record["ended_at"]) == close_to(left_at)
    (offer,) = record["offers"]
    assert offer["result"] == "caller_left"
    state = await desk.until_agent(agent.user, "ready", within_s=0.5)  # no wrap-up, no pause although missed_limit is 1
    assert state["today"]["missed"] == 0


async def test_a_caller_who_hangs_up_while_waiting_has_abandoned(phones: Phones, desk: Desk) -> None:
    call = await phones.call(WHILE_WAITING.did)
    await desk.until_waiting(number_of(call))
    await asyncio.sleep(RING_S)
    left_at = Moment.now()
    await call.hang_up()
    record = await desk.ended(number_of(call))
    assert (record["outcome"], record["ended_by"], record["offers"]) == ("abandoned", "caller", [])
    assert moment(record["ended_at"]) == close_to(left_at)
    assert call.times.answered_at is not None
    assert record["wait_s"] == pytest.approx(left_at.loop_s - call.times.answered_at.loop_s, abs=TOLERANCE_S)
    assert record["talk_s"] is None


@pytest.mark.fault(8)
async def test_a_hang_up_in_the_moment_of_the_answer_has_one_outcome_and_frees_the_agent(
    phones: Phones, desk: Desk, figure: Figure
) -> None:
    (agent,) = await phones.staff(AT_ONCE.agents)
    for delay_s in (0.0, 0.001, 0.002, 0.004, 0.008, 0.016):
        call = await phones.call(AT_ONCE.did)
        offered = await ringing(agent)
        await offered.answer()
        await asyncio.sleep(delay_s)
        left_at = Moment.now()
        await call.hang_up()
        await desk.until_agent(agent.user, "ready", within_s=1)
        figure("agent free after", 1000 * (Moment.now().loop_s - left_at.loop_s), "ms")
        record = await desk.ended(number_of(call))
        await offered.wait_ended(1)
        assert record["ended_by"] == "caller"
        assert record["outcome"] == ("answered" if record["answered_at"] else "abandoned")
