"""Who is rung: only those with the skill, the longest idle first, and never for two calls at one time."""

from __future__ import annotations

import asyncio

from acd.lab.incoming import IncomingCall
from acd.lab.sip import SipError
from tests.e2e.desk import Desk
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, Robot, number_of, ringing

FLOOR = Floor()
SKILL = FLOOR.line("skill", ("1001",))
OTHERS = FLOOR.line("others", ("1002", "1003"))
LONGEST_IDLE = FLOOR.line("longest_idle", ("1004", "1005", "1006"))
PAIRS = FLOOR.line("pairs", ("1007", "1008"))
RUSH = FLOOR.line("rush", ("1009", "1010", "1011", "1012", "1013"))

RUSH_CALLS = 30
TALK_S = 0.1
TALK_WITHIN_S = 5.0


async def test_a_call_for_a_skill_rings_only_agents_who_have_it(phones: Phones, desk: Desk) -> None:
    unskilled = await phones.staff(OTHERS.agents)
    (skilled,) = await phones.staff(SKILL.agents)
    for _ in range(5):
        call = await phones.call(SKILL.did)
        answered = await phones.pick_up(skilled)
        assert answered.remote_number == number_of(call)
        await answered.hang_up()
        record = await desk.ended(number_of(call))
        assert [offer["agent"] for offer in record["offers"]] == ["1001"]
        await desk.until_agent("1001", "ready")
    assert [phone.calls for phone in unskilled] == [{}, {}]


async def test_a_call_nobody_there_may_take_waits_beside_idle_agents(phones: Phones, desk: Desk) -> None:
    await phones.staff(OTHERS.agents)
    call = await phones.call(SKILL.did)
    record = await desk.until_waiting(number_of(call))
    assert record["offers"] == []
    why = await desk.api.get(f"/api/v1/calls/{record['id']}/why")
    assert why["position"] == 1
    assert [who["agent"] for who in why["candidates"] if who["eligible"]] == ["1001"]
    await phones.pick_up(await phones.agent("1001", state=""))


async def test_the_longest_idle_agent_is_rung_first(phones: Phones, desk: Desk) -> None:
    staff = dict(zip(LONGEST_IDLE.agents, await phones.staff(LONGEST_IDLE.agents), strict=True))
    for number, agent_id in enumerate(LONGEST_IDLE.agents):
        call = await phones.call(LONGEST_IDLE.did)
        answered = await phones.pick_up(staff[agent_id])
        if number == 1:  # 1005 talks on until 1006 has been served: 1005 is the last to be idle
            keep = answered
        else:
            await answered.hang_up()
            await desk.ended(number_of(call))
            await desk.until_agent(agent_id, "ready")
    await keep.hang_up()
    await desk.until_agent("1005", "ready")
    for agent_id in ("1004", "1006", "1005"):
        await phones.call(LONGEST_IDLE.did)
        await phones.pick_up(staff[agent_id])


async def test_two_calls_at_the_same_moment_never_ring_one_agent(phones: Phones, desk: Desk) -> None:
    staff = await phones.staff(PAIRS.agents)
    for _ in range(20):
        callers = await asyncio.gather(phones.call(PAIRS.did), phones.call(PAIRS.did))
        rung = await asyncio.gather(*(ringing(phone) for phone in staff))
        assert {call.remote_number for call in rung} == {number_of(call) for call in callers}
        await asyncio.gather(*(call.hang_up() for call in callers))
        await asyncio.gather(*(call.wait_ended(2) for call in rung))
        assert [phone.calls for phone in staff] == [{}, {}]
        await asyncio.gather(*(desk.until_agent(agent_id, "ready") for agent_id in PAIRS.agents))


async def test_an_agent_has_one_call_at_a_time_however_many_wait(phones: Phones, desk: Desk) -> None:
    async def serve(call: IncomingCall) -> None:
        await call.ring()
        await call.answer()
        await call.media.wait_until(lambda: call.media.packets_heard > 0, TALK_WITHIN_S)  # else nobody was talked to
        try:
            await call.wait_ended(TALK_S)
        except SipError:
            await call.hang_up()

    robots = [Robot(phone, serve) for phone in await phones.staff(RUSH.agents)]
    callers = await asyncio.gather(*(phones.call(RUSH.did) for _ in range(RUSH_CALLS)))
    records = await asyncio.gather(*(desk.ended(number_of(call), within_s=20) for call in callers))
    assert [robot.most_at_once for robot in robots] == [1] * len(robots)
    assert sum(robot.invites for robot in robots) == RUSH_CALLS
    assert {record["outcome"] for record in records} == {"answered"}
    assert {len(record["offers"]) for record in records} == {1}
