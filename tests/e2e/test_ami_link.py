"""The manager link breaks, or goes mute, and Asterisk does not: callers notice nothing, the daemon is soon back."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from acd.lab.asterisk import LabAsterisk
from acd.lab.daemon import LabDaemon
from acd.lab.proxy import CutProxy, cut_proxy
from acd.lab.sip import SipTimeout
from tests.e2e.conftest import OpenHotline
from tests.e2e.desk import Desk, until_fact
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, number_of, ringing
from tests.e2e.scene import Scene, play, three_lines
from tests.fakes.rawami import RawAmi, raw_ami
from tests.faults import Figure

FLOOR = Floor()
LINES = three_lines(FLOOR, "cut", ("1001", "1002", "1003"))
ASIDE = FLOOR.line("aside", ("1004",))
BACK_WITHIN_S = 5.0
PING_S = 0.5
CLOCKS_S = 0.2  # Asterisk's stamps against ours, on a busy machine
LOOK_S = 0.5  # a look at the health takes its time too


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy(asterisk: LabAsterisk) -> AsyncIterator[CutProxy]:
    async with cut_proxy((asterisk.ami_host, asterisk.ami_port)) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(asterisk: LabAsterisk, hotline: OpenHotline, proxy: CutProxy) -> LabDaemon:
    return await hotline(
        asterisk, queues=FLOOR.queues, agents=FLOOR.agents, ami=proxy.address, link={"ping_interval_s": PING_S}
    )


@pytest.mark.fault(1)
async def test_a_cut_link_is_healed_and_nobody_notices(phones: Phones, desk: Desk, proxy: CutProxy) -> None:
    scene = await play(LINES, phones, desk)
    assert proxy.cut() == 1
    await desk.until_ready_is(503, within_s=2)
    await desk.until_ready_is(200, within_s=BACK_WITHIN_S)
    assert proxy.connections == 2
    await _all_goes_on(scene, phones, desk)


@pytest.mark.fault(2)
async def test_a_link_that_goes_mute_is_found_and_nobody_notices(
    phones: Phones, desk: Desk, proxy: CutProxy, asterisk: LabAsterisk, figure: Figure
) -> None:
    scene = await play(LINES, phones, desk)
    began = time.monotonic()
    assert proxy.mute() == 1
    (aside,) = ASIDE.agents
    assert (await desk.order(aside, "pause", reason="lunch"))["mirrored"] is False, "nobody has heard of it"
    status, said = await until_fact(desk.ready, lambda seen: seen[0] == 503, "it is found", 3 * PING_S + 1)
    found_s = time.monotonic() - began
    figure(f"found after, at a ping each {PING_S:g} s", found_s, "s")
    assert found_s < 3 * PING_S + LOOK_S, "within three pings"
    assert (status, "asterisk.main" in str(said)) == (503, True)
    await desk.until_ready_is(200, within_s=BACK_WITHIN_S)
    figure("back after", time.monotonic() - began - found_s, "s")
    await until_fact(lambda: desk.agent(aside), lambda agent: agent["mirrored"], "it is told once more", BACK_WITHIN_S)
    async with raw_ami(asterisk) as ami:
        assert await paused_in_asterisk(ami, aside)
        assert (await desk.order(aside, "ready"))["mirrored"] is True
        assert not await paused_in_asterisk(ami, aside), "what is said to be told is told"
    await _all_goes_on(scene, phones, desk)


async def paused_in_asterisk(ami: RawAmi, agent: str) -> bool:
    """Whether the fallback queue would leave this agent in peace."""
    mark = len(ami.events)
    await ami.action("QueueStatus", Queue="acd-fallback", Member=f"PJSIP/{agent}")
    await ami.event("QueueStatusComplete", after=mark)
    (member,) = ami.heard("QueueMember", mark)
    return member["Paused"] == "1"


async def _all_goes_on(scene: Scene, phones: Phones, desk: Desk) -> None:
    """Each of the three is where they were, and served to the end."""
    scene.assert_nobody_was_cut_off()
    await scene.assert_they_hear_each_other()
    assert scene.ring.unanswered
    await _no_other_call(scene.rings)
    await scene.ring.answer()
    await desk.until_agent(scene.rings.user, "talking")
    answered = await phones.pick_up(await phones.agent(LINES.wait.agents[0], state=""))
    for talk in (scene.talk, scene.ring, answered):
        await talk.hang_up()
    for call in (scene.rung, scene.waiting):
        await scene.same(desk, call)
        record = await desk.ended(number_of(call))
        assert [offer["result"] for offer in record["offers"]] == ["answered"]
    await desk.until_fact(number_of(scene.talking), "survey_asked")
    await scene.talking.hang_up()
    talked = await desk.ended(number_of(scene.talking))
    assert (talked["outcome"], talked["ended_by"], len(talked["offers"])) == ("answered", "agent", 1)


async def _no_other_call(phone: object) -> None:
    try:
        await phone.incoming(timeout_s=0.5)  # type: ignore[attr-defined]
    except SipTimeout:
        return
    raise AssertionError("a second INVITE for the same offer")


async def test_what_happened_while_the_link_was_down_is_found_out(phones: Phones, desk: Desk, proxy: CutProxy) -> None:
    scene = await play(LINES, phones, desk)
    proxy.cut()
    await scene.talking.hang_up()
    await scene.waiting.hang_up()
    await scene.ring.reject(603)
    await desk.until_ready_is(200, within_s=BACK_WITHIN_S)
    for call, outcome in ((scene.talking, "answered"), (scene.waiting, "abandoned")):
        record = await desk.ended(number_of(call))
        assert (record["outcome"], record["reconciled"]) == (outcome, True)
    await desk.until_agent(scene.talks.user, "ready")
    again = await ringing(scene.rings)  # that it was refused was not heard
    assert again.remote_number == number_of(scene.rung)


@pytest.mark.fault(2)
async def test_a_conversation_of_which_nothing_was_heard_is_recorded_as_it_was(
    phones: Phones, desk: Desk, proxy: CutProxy
) -> None:
    """Picked up and over on a mute link, while the heartbeat was fresh as that of a daemon that listens."""
    (agent,) = await phones.staff(ASIDE.agents)
    caller = await phones.call(ASIDE.did)
    talk = await ringing(agent)
    await desk.until_fact(number_of(caller), "ringing")
    assert proxy.mute() == 1
    await talk.answer()
    assert await caller.media.wait_voice("agent", 3)
    await caller.hang_up()
    record = await desk.ended(number_of(caller), within_s=3 * PING_S + BACK_WITHIN_S)
    what = ("outcome", "agent", "ended_by", "fallback", "reconciled")
    assert [record[name] for name in what] == ["answered", agent.user, "caller", False, True]
    invited, began, over = talk.times.invited_at.loop_s, talk.times.answered_at, caller.times.ended_at
    assert began and over
    # Nobody notes the moment of the answer: from the order to dial on it counts as talk.
    assert over.loop_s - began.loop_s - CLOCKS_S < record["talk_s"] < over.loop_s - invited + CLOCKS_S
    assert [offer["result"] for offer in record["offers"]] == ["answered"]
    await desk.until_agent(agent.user, "ready")
