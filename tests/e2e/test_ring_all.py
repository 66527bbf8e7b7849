"""Several phones ring for one call: one conversation, whoever answers when, and nobody is blamed for the others."""

from __future__ import annotations

import asyncio

from acd.lab.call import CallState
from acd.lab.daemon import LabDaemon
from acd.lab.incoming import IncomingCall
from acd.lab.phone import Phone
from tests.e2e.desk import Desk, Record
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, number_of, ringing

FLOOR = Floor()
RACE = FLOOR.line("race", ("1001", "1002"), strategy="ring_all")
MIXED = FLOOR.line("mixed", ("1003", "1004", "1005", "1006"), strategy="ring_all")
OUT = FLOOR.line("out", ("1007", "1008"), strategy="ring_all", ring_timeout_s=1, missed_limit=2)
PAUSE = FLOOR.line("pausing", ("1009", "1010"), strategy="ring_all")
KILLED = FLOOR.line("killed", ("1011", "1012", "1013"), strategy="ring_all", ring_timeout_s=60)

WRITTEN_S = 1.5  # what is older has surely reached the database
ROUNDS = 50
APART_S = 0.01


async def test_two_who_answer_within_ten_milliseconds_are_one_conversation_fifty_times_of_fifty(
    phones: Phones, desk: Desk
) -> None:
    one, other = await phones.staff(RACE.agents)
    winners: list[str] = []
    for number in range(ROUNDS):
        caller = await phones.call(RACE.did)
        rung = await asyncio.gather(ringing(one), ringing(other))
        first, second = rung if number % 2 else reversed(rung)
        await first.answer()
        await asyncio.sleep(APART_S * number / ROUNDS)  # from the same moment to ten milliseconds
        if second.unanswered:
            await second.answer()
        record = await desk.until_call(number_of(caller), lambda call: call["answered_at"])
        winner, loser = _sorted(record, one, other)
        winners.append(winner.user)
        (lost,) = [call for call in rung if call.dialled == loser.user]
        await lost.wait_ended(2)
        assert [len(phone.calls) for phone in (winner, loser)] == [1, 0]
        assert sorted(offer["result"] for offer in record["offers"]) == ["answered", "elsewhere"]
        await desk.until_agent(loser.user, "ready")
        await caller.hang_up()
        await asyncio.gather(*(desk.until_agent(phone.user, "ready") for phone in (one, other)))
        ended = await desk.ended(number_of(caller))
        assert [event["fact"] for event in ended["events"]].count("connected") == 1
        assert ended["agent"] == winner.user
    why = await desk.api.get(f"/api/v1/calls/{ended['id']}/why")
    assert "another agent answered" in str(why)
    assert set(winners) == set(RACE.agents)
    agents = [await desk.agent(agent_id) for agent_id in RACE.agents]
    assert [agent["today"]["missed"] for agent in agents] == [0, 0]
    assert sum(agent["today"]["answered"] for agent in agents) == ROUNDS


def _sorted(record: Record, one: Phone, other: Phone) -> tuple[Phone, Phone]:
    return (one, other) if record["agent"] == one.user else (other, one)


async def test_each_phone_ends_by_itself_and_the_others_ring_on(phones: Phones, desk: Desk) -> None:
    refuses, busy, gone, takes = await phones.staff(MIXED.agents)
    gone.silent = True
    caller = await phones.call(MIXED.did)
    to_refuse, taken = await asyncio.gather(ringing(refuses), ringing(takes))
    await (await busy.incoming(timeout_s=2)).reject(486)
    await desk.until_agent(busy.user, "busy")
    await asyncio.sleep(0.4)  # a person's hand
    await to_refuse.reject(486)
    await desk.until_agent(refuses.user, "ready")
    assert (await desk.agent(takes.user))["state"] == "offered"
    await taken.answer()
    record = await desk.until_call(number_of(caller), lambda call: call["answered_at"])
    results = {offer["agent"]: offer["result"] for offer in record["offers"]}
    assert results == dict(zip(MIXED.agents, ("refused", "busy", "elsewhere", "answered"), strict=True))
    gone.silent = False
    await taken.hang_up()
    await desk.ended(number_of(caller))


async def test_a_ring_out_is_missed_by_everybody_whose_phone_rang(phones: Phones, desk: Desk) -> None:
    both = await phones.staff(OUT.agents)
    caller = await phones.call(OUT.did)
    for _ in range(2):
        for call in await asyncio.gather(*(ringing(phone) for phone in both)):
            await call.wait_ended(3)
    for agent_id in OUT.agents:
        assert (await desk.until_agent(agent_id, "paused"))["reason"] == "missed"
        assert (await desk.agent(agent_id))["today"]["missed"] == 2
    assert (await desk.until_waiting(number_of(caller)))["state"] == "live"
    await desk.order(OUT.agents[1], "ready")
    talk = await phones.pick_up(both[1])
    await talk.hang_up()
    await desk.ended(number_of(caller))


async def test_who_pauses_while_several_ring_stops_the_own_phone_only(phones: Phones, desk: Desk) -> None:
    pauses, stays = await phones.staff(PAUSE.agents)
    caller = await phones.call(PAUSE.did)
    stopped, rung = await asyncio.gather(ringing(pauses), ringing(stays))
    await desk.order(pauses.user, "pause", reason="lunch")
    await stopped.wait_ended(2)
    assert rung.state is CallState.RINGING
    await _talk(rung, stays, desk)
    record = await desk.until_call(number_of(caller), lambda call: call["answered_at"])
    assert [offer["result"] for offer in record["offers"]] == ["withdrawn", "answered"]
    assert len(stays.calls) == 1
    await rung.hang_up()
    await desk.ended(number_of(caller))


async def test_a_killed_daemon_leaves_several_phones_to_the_next(phones: Phones, desk: Desk, daemon: LabDaemon) -> None:
    refuses, takes, rings = await phones.staff(KILLED.agents)
    caller = await phones.call(KILLED.did)
    refused, taken, other = await asyncio.gather(*(ringing(phone) for phone in (refuses, takes, rings)))
    await desk.until_call(number_of(caller), lambda call: len(call["offers"]) == 3)
    await asyncio.sleep(WRITTEN_S)
    await daemon.kill()
    await refused.reject(603)
    await daemon.start()
    assert [call.state for call in (taken, other)] == [CallState.RINGING] * 2
    await asyncio.gather(*(desk.until_agent(phone.user, "offered") for phone in (takes, rings)))
    await desk.until_agent(refuses.user, "ready")
    await _talk(taken, takes, desk)
    await desk.until_agent(rings.user, "ready")
    await other.wait_ended(1)
    await taken.hang_up()
    record = await desk.ended(number_of(caller))
    results = {offer["agent"]: offer["result"] for offer in record["offers"]}
    assert results == dict(zip(KILLED.agents, ("withdrawn", "answered", "elsewhere"), strict=True))
    assert [(await desk.agent(agent_id))["today"]["missed"] for agent_id in KILLED.agents] == [0, 0, 0]


async def _talk(call: IncomingCall, phone: Phone, desk: Desk) -> None:
    await call.answer()
    await desk.until_agent(phone.user, "talking")
