"""Simulated people against a hotline that is one phone, which says and hears what is expected of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from acd.lab.agents import AgentHabits, SimulatedAgent, stays
from acd.lab.callers import CallerHabits
from acd.lab.incoming import IncomingCall
from acd.lab.people import Crowd, CrowdPlan
from acd.lab.phone import Phone
from acd.lab.sip import CallFailed
from acd.tasks import spawn

NOWHERE = ("127.0.0.1", 9)
HASTY = CallerHabits(
    pick_up_limit_s=2,
    patience_min_s=0.3,
    patience_mean_s=0.4,
    agent_gone_s=0.8,
    reaction_min_s=0.1,
    reaction_max_s=0.2,
    survey_limit_s=1,
    survey_silent_share=0,
    survey_rubbish_share=0.2,
    survey_hang_up_share=0.2,
)
PLAN = CrowdPlan(dids=(("74951234567", 1.0),), rate_per_s=15, duration_s=1, drain_s=10, seed=4)

Hotline = Callable[..., Awaitable[Phone]]


@pytest.fixture
async def hotline() -> AsyncIterator[Hotline]:
    """A trunk phone whose every call goes to a phone that treats it as told."""
    phones: list[Phone] = []

    async def started(treat: Callable[[IncomingCall], Awaitable[None]], voice: str = "agent") -> Phone:
        line = Phone(user="hotline", server=NOWHERE, voice=voice, on_incoming=treat)
        await line.start()
        trunk = Phone(user="trunk", server=line.address)
        await trunk.start()
        phones.extend((line, trunk))
        return trunk

    yield started
    for phone in phones:
        await phone.stop()


async def test_what_callers_press_is_what_they_say_they_pressed(hotline: Hotline) -> None:
    heard: dict[str, str] = {}

    async def treat(call: IncomingCall) -> None:
        await call.answer()
        await stays(call, 0.7)
        call.media.muted = True
        await stays(call, 5)
        await call.hang_up()
        heard[call.remote_number] = call.media.digits_heard

    crowd = Crowd(await hotline(treat), PLAN, HASTY)
    counts = await crowd.run()
    assert counts.offered == counts.answered == len(crowd.stories) > 5
    assert counts.scored > 0
    assert counts.hung_up + counts.rubbish > 0
    assert counts.scored + counts.hung_up + counts.rubbish == counts.answered
    for story in crowd.stories:
        if story.survey == "scored":
            assert heard[story.number] == str(story.score)
        elif story.survey == "hung_up":
            assert heard[story.number] == ""


async def test_who_hears_only_music_abandons(hotline: Hotline) -> None:
    async def treat(call: IncomingCall) -> None:
        await call.answer()

    crowd = Crowd(await hotline(treat, voice="caller"), PLAN, HASTY)
    counts = await crowd.run()
    assert counts.abandoned == counts.offered > 5
    assert all(story.wait_s >= HASTY.patience_min_s for story in crowd.stories)


async def test_who_is_not_let_in_is_refused(hotline: Hotline) -> None:
    async def treat(call: IncomingCall) -> None:
        await call.reject(503)

    crowd = Crowd(await hotline(treat), PLAN, HASTY)
    counts = await crowd.run()
    assert counts.refused == counts.offered > 5
    assert {story.status for story in crowd.stories} == {503}


async def test_a_stopped_crowd_leaves_nobody_on_the_line(hotline: Hotline) -> None:
    async def treat(call: IncomingCall) -> None:
        await call.answer()

    trunk = await hotline(treat, voice="caller")
    plan = CrowdPlan(dids=(("1", 1.0),), rate_per_s=50, max_live=3, drain_s=0.1)
    crowd = Crowd(trunk, plan, CallerHabits(patience_min_s=60))
    running = spawn(crowd.run(), "the crowd")
    async with asyncio.timeout(5):
        while crowd.counts.skipped == 0:  # noqa: ASYNC110 - a counter has no event
            await asyncio.sleep(0.01)
    assert crowd.counts.live == 3
    crowd.stop_arrivals()
    counts = await running
    assert (counts.offered, counts.cut, counts.live) == (3, 3, 0)
    assert trunk.calls == {}


async def test_the_same_seed_brings_the_same_people(hotline: Hotline) -> None:
    async def treat(call: IncomingCall) -> None:
        await call.reject(503)

    trunk = await hotline(treat)
    crowds = [Crowd(trunk, PLAN, HASTY) for _ in range(2)]
    await asyncio.gather(*(crowd.run() for crowd in crowds))
    first, second = ({story.number for story in crowd.stories} for crowd in crowds)
    assert first == second


async def one_call(habits: AgentHabits) -> tuple[SimulatedAgent, int]:
    """A call to an agent with these habits: the agent and the status the caller got."""
    agent = SimulatedAgent("1001", "", NOWHERE, habits=habits)
    await agent.phone.start()
    caller = Phone(user="trunk", server=agent.phone.address)
    await caller.start()
    try:
        call = await caller.call("1001")
        try:
            await call.wait_answered(5)
        except CallFailed as failed:
            return agent, failed.status
        await call.wait_ended(5)
        return agent, 200
    finally:
        await caller.stop()
        await agent.phone.stop()


async def test_an_agent_answers_talks_and_hangs_up() -> None:
    habits = AgentHabits(0.05, 0.1, 0, 0, talk_min_s=0.2, talk_mean_s=0.3, hang_up_first_share=1)
    agent, status = await one_call(habits)
    assert status == 200
    assert (agent.counts.offered, agent.counts.answered) == (1, 1)


async def test_an_agent_who_refuses_declines_or_is_busy() -> None:
    agent, status = await one_call(AgentHabits(0.05, 0.1, reject_share=1, ring_out_share=0))
    assert status in (603, 486)
    assert agent.counts.rejected == 1


async def test_an_agent_who_is_away_lets_it_ring_for_a_bounded_time() -> None:
    agent, status = await one_call(AgentHabits(reject_share=0, ring_out_share=1, ring_out_limit_s=0.3))
    assert status == 480
    assert agent.counts.missed == 1
