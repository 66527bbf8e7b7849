"""An agent who does not take the call: why is told apart, the next one is tried, the caller keeps the place."""

from __future__ import annotations

import asyncio

import pytest

from acd.lab.incoming import IncomingCall
from acd.lab.phone import Phone
from acd.lab.udp import Moment
from tests.e2e.desk import Desk, until_fact
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, Robot, number_of, ringing
from tests.faults import Figure

FLOOR = Floor()
FOUR = FLOOR.line("four", ("1001", "1002", "1003", "1004", "1005"), ring_timeout_s=1)
PLACE = FLOOR.line("place", ("1006",))
MISSED = FLOOR.line("missed", ("1007",), ring_timeout_s=1, missed_limit=2)
HOT = FLOOR.line("hot", ("1008",))
UNPLUGGED = FLOOR.line("unplugged", ("1009", "1010"), ring_timeout_s=1)
PAUSES = FLOOR.line("pauses", ("1011", "1012"))

ONE = FLOOR.line("one", ("1013",))
MANY = [FLOOR.line(f"many{n}", ("1014",)) for n in range(6)]
MOVES = FLOOR.line("moves", ("1015",), ring_timeout_s=1, missed_limit=1)
MOVED = FLOOR.line("moved", ("1016",))

WATCH_S = 3.0


@pytest.mark.fault(11)
async def test_each_way_not_to_take_a_call_has_its_name_and_the_next_agent_is_tried(phones: Phones, desk: Desk) -> None:
    refuses, busy, away, unplugged, takes = await phones.staff(FOUR.agents)
    unplugged.silent = True  # still registered, but its cable is cut
    call = await phones.call(FOUR.did)
    offered = await ringing(refuses)
    await offered.reject(603)
    await (await busy.incoming(timeout_s=2)).reject(486)
    left_alone = await ringing(away)
    await left_alone.wait_ended(3)
    answered = await phones.pick_up(takes, within_s=10)
    assert answered.remote_number == number_of(call)
    record = await desk.until_call(number_of(call), lambda call: call["answered_at"])
    results = [(offer["agent"], offer["result"]) for offer in record["offers"]]
    expected = ["refused", "busy", "no_answer", "unreachable", "answered"]
    assert results == list(zip(FOUR.agents, expected, strict=True))
    assert (await desk.agent("1004"))["state"] == "unreachable"
    assert left_alone.ended_by == "them"
    await answered.hang_up()
    await desk.ended(number_of(call))
    missed = [(await desk.agent(agent_id))["today"]["missed"] for agent_id in FOUR.agents]
    assert missed == [0, 0, 1, 0, 0]


async def test_a_phone_that_is_not_registered_is_not_tried(phones: Phones, desk: Desk) -> None:
    (gone, here) = await phones.staff(UNPLUGGED.agents)
    await gone.unregister()
    await desk.until_agent("1009", "unreachable")
    call = await phones.call(UNPLUGGED.did)
    await phones.pick_up(here)
    record = await desk.until_call(number_of(call), lambda call: call["answered_at"])
    assert [offer["agent"] for offer in record["offers"]] == ["1010"]


@pytest.mark.fault(11)
async def test_a_call_that_was_refused_is_still_first_in_line(phones: Phones, desk: Desk) -> None:
    (agent,) = await phones.staff(PLACE.agents)
    first = await phones.call(PLACE.did)
    offered = await ringing(agent)
    second = await phones.call(PLACE.did)
    joined = (await desk.until_waiting(number_of(second)))["queued_at"]
    await offered.reject(603)  # to a lone agent the same call comes again after a while; meanwhile the second one may
    rung = await ringing(agent)
    assert rung.remote_number == number_of(second)
    waiting = await desk.api.get(f"/api/v1/queues/{PLACE.queue}/calls")
    ahead = [call for call in waiting["items"] if call["number"] != number_of(second)]  # the ringing one is listed too
    assert [call["number"] for call in ahead] == [number_of(first)]
    assert ahead[0]["queued_at"] < joined
    await rung.answer()
    await desk.until_agent(agent.user, "talking")
    await rung.hang_up()
    again = await ringing(agent, within_s=15)
    assert again.remote_number == number_of(first)


@pytest.mark.fault(11)
async def test_an_agent_who_lets_it_ring_too_often_is_paused(phones: Phones, desk: Desk) -> None:
    (agent,) = await phones.staff(MISSED.agents)
    call = await phones.call(MISSED.did)
    for _ in range(2):
        offered = await ringing(agent)
        await offered.wait_ended(3)
    paused = await desk.until_agent(agent.user, "paused")
    assert paused["reason"] == "missed"
    record = await desk.until_waiting(number_of(call))
    assert [offer["result"] for offer in record["offers"]] == ["no_answer", "no_answer"]
    await desk.order(agent.user, "ready")
    talk = await phones.pick_up(agent)
    await talk.hang_up()
    await desk.ended(number_of(call))
    assert (await desk.agent(agent.user))["today"]["missed"] == 2


async def test_who_pauses_while_it_rings_gives_the_call_to_the_next_agent_at_once(phones: Phones, desk: Desk) -> None:
    pauses, takes = await phones.staff(PAUSES.agents)
    call = await phones.call(PAUSES.did)
    stopped = await ringing(pauses)
    await desk.order(pauses.user, "pause", reason="lunch")
    rung = await ringing(takes, within_s=1)
    await stopped.wait_ended(1)
    assert rung.remote_number == number_of(call)
    record = await desk.until_call(number_of(call), lambda call: len(call["offers"]) == 2)
    assert [offer["result"] for offer in record["offers"]] == ["withdrawn", None]


@pytest.mark.fault(11)
async def test_a_lone_phone_that_is_always_busy_is_not_rung_in_a_hot_loop(
    phones: Phones, desk: Desk, figure: Figure
) -> None:
    (agent,) = await phones.staff(HOT.agents)
    robot = Robot(agent, _busy)
    calls = [await phones.call(HOT.did) for _ in range(3)]
    await asyncio.sleep(WATCH_S)
    assert 1 <= robot.invites <= 3
    figure(f"a busy phone is rung in {WATCH_S:g} s, with three callers", robot.invites, "times")
    for call in calls:
        assert (await desk.until_waiting(number_of(call)))["state"] == "live"
    await _takes(agent, phones, desk)


@pytest.mark.fault(9)
async def test_two_calls_in_one_moment_are_one_offer_and_one_that_is_first_in_line(
    phones: Phones, desk: Desk, figure: Figure
) -> None:
    (agent,) = await phones.staff(ONE.agents)
    robot = Robot(agent, _rings)
    await phones.trunk()
    calls = await asyncio.gather(phones.call(ONE.did), phones.call(ONE.did))
    records = [await desk.until_call(number_of(call), lambda call: call["queue"]) for call in calls]
    rung = await until_fact(
        lambda: asyncio.gather(*(desk.call(number_of(call)) for call in calls)),
        lambda seen: sum(len(call["offers"]) for call in seen) == 1,
        "one of them is offered",
        2,
    )
    await desk.until_agent(agent.user, "offered")
    await asyncio.sleep(0.3)  # for a second offer there must not be
    assert (robot.invites, [len(call["offers"]) for call in rung].count(1)) == (1, 1)
    waits = next(call for call in rung if not call["offers"])
    line = (await desk.api.get(f"/api/v1/queues/{ONE.queue}/calls"))["items"]
    assert [call["id"] for call in line][-1] == waits["id"] and len(records) == 2
    figure("offers for two calls", robot.invites, "offers")


@pytest.mark.fault(10)
async def test_an_agent_of_many_queues_has_one_call_at_a_time(phones: Phones, desk: Desk, figure: Figure) -> None:
    (agent,) = await phones.staff(MANY[0].agents)
    robot = Robot(agent, _talks)
    await phones.trunk()
    calls = await asyncio.gather(*(phones.call(line.did) for line in MANY))
    for call in calls:
        record = await desk.ended(number_of(call), within_s=10)
        assert [offer["result"] for offer in record["offers"]] == ["answered"]
    assert (robot.invites, robot.most_at_once) == (len(MANY), 1)
    figure(f"calls of {len(MANY)} queues at one phone at a time", robot.most_at_once, "calls")


@pytest.mark.fault(12)
async def test_a_phone_that_registers_anew_while_it_rings_is_offered_once_and_has_missed_nothing(
    phones: Phones, desk: Desk, figure: Figure
) -> None:
    (agent,) = await phones.staff(MOVED.agents)
    call = await phones.call(MOVED.did)
    rung = await ringing(agent)
    await agent.register()
    await rung.answer()
    await desk.until_agent(agent.user, "talking")
    record = await desk.until_call(number_of(call), lambda call: call["answered_at"])
    assert len(record["offers"]) == 1
    (old,) = await phones.staff(MOVES.agents)
    call = await phones.call(MOVES.did)
    await ringing(old)
    new = await phones.agent(old.user, state="")  # the same set, started again: from another port
    moved_at = Moment.now()
    again = await ringing(new, within_s=5)
    figure("rung at the new place after, with a ring timeout of 1 s", Moment.now().loop_s - moved_at.loop_s, "s")
    await again.answer()
    state = await desk.until_agent(old.user, "talking")
    assert state["today"]["missed"] == 0
    record = await desk.until_call(number_of(call), lambda call: call["answered_at"])
    assert [offer["result"] for offer in record["offers"]] == ["unreachable", "answered"]
    figure("counted as missed", state["today"]["missed"], "calls")


async def _rings(call: IncomingCall) -> None:
    await call.ring()


async def _talks(call: IncomingCall) -> None:
    await call.ring()
    await call.answer()
    await asyncio.sleep(0.1)
    await call.hang_up()


async def _busy(call: IncomingCall) -> None:
    await call.reject(486)


async def _takes(agent: Phone, phones: Phones, desk: Desk) -> None:
    """A phone that is no longer busy is rung again."""
    agent.on_incoming = None
    await phones.pick_up(agent, within_s=10)
    await until_fact(lambda: desk.agent(agent.user), lambda seen: seen["call_id"], "the agent has a call", 2)
