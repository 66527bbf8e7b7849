"""The daemon stops, is killed, comes back or does not: no caller is lost, nobody's place, and every record is one."""

from __future__ import annotations

import asyncio

import pytest

from acd.lab.daemon import LabDaemon
from acd.lab.udp import Moment
from tests.e2e.desk import Desk, moment, until_fact
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, number_of, ringing
from tests.e2e.scene import Scene, play, three_lines
from tests.faults import Figure

FLOOR = Floor()
STOPPED = three_lines(FLOOR, "stopped", ("1001", "1002", "1003"))
KILLED = three_lines(FLOOR, "killed", ("1004", "1005", "1006"))
MOMENT = three_lines(FLOOR, "moment", ("1007", "1008", "1009"))
SECTIONS = {"survey": {"first_digit_s": 2, "second_digit_s": 1}}

STOP_LIMIT_S = 10.0
TOLERANCE_S = 0.2
WRITTEN_S = 1.5  # what is older has surely reached the database: what the killed daemon had not written is gone


@pytest.mark.fault(5)
async def test_a_stopped_daemon_is_taken_over_from_by_the_next(
    phones: Phones, desk: Desk, daemon: LabDaemon, figure: Figure
) -> None:
    scene = await play(STOPPED, phones, desk)
    await desk.order(scene.talks.user, "pause", reason="lunch")
    asked_at = Moment.now().loop_s
    code = await daemon.stop()
    stopped_s = Moment.now().loop_s - asked_at
    assert (code, stopped_s < STOP_LIMIT_S) == (0, True)
    figure("ended after", stopped_s, "s")
    await scene.ring.wait_ended(1)  # the offer is withdrawn
    silent = scene.ring.times.ended_at
    assert silent is not None
    figure("the phone silent after", silent.loop_s - asked_at, "s")
    scene.assert_nobody_was_cut_off()
    await scene.assert_they_hear_each_other()
    await daemon.start()
    scene.assert_nobody_was_cut_off()
    again = await ringing(scene.rings)
    assert again.remote_number == number_of(scene.rung)
    await again.answer()
    await desk.until_agent(scene.rings.user, "talking")
    await again.hang_up()
    rung = await desk.ended(number_of(scene.rung))
    assert [offer["result"] for offer in rung["offers"]] == ["withdrawn", "answered"]
    await _the_rest_of_it(scene, phones, desk, STOPPED.wait.agents[0])
    figure("calls lost", 0, "calls")
    assert (await desk.agent(scene.talks.user))["reason"] == "lunch"  # as ordered of the daemon before


@pytest.mark.fault(3)
async def test_a_killed_daemon_is_taken_over_from_by_the_next(phones: Phones, desk: Desk, daemon: LabDaemon) -> None:
    scene = await play(KILLED, phones, desk)
    await asyncio.sleep(WRITTEN_S)
    await daemon.kill()
    await asyncio.sleep(1)
    scene.assert_nobody_was_cut_off()
    await scene.assert_they_hear_each_other()
    await daemon.start()
    scene.assert_nobody_was_cut_off()
    assert scene.ring.unanswered  # it has rung all the while
    await desk.until_agent(scene.rings.user, "offered")
    await scene.ring.answer()
    await desk.until_agent(scene.rings.user, "talking")
    await scene.ring.hang_up()
    rung = await desk.ended(number_of(scene.rung))
    assert [offer["result"] for offer in rung["offers"]] == ["answered"]
    await _the_rest_of_it(scene, phones, desk, KILLED.wait.agents[0])


@pytest.mark.fault(3)
async def test_what_ended_in_the_moment_of_the_kill_is_recorded_as_it_was(
    phones: Phones, desk: Desk, daemon: LabDaemon
) -> None:
    """While the heartbeat was fresh as that of a daemon that listens."""
    scene = await play(MOMENT, phones, desk)
    await asyncio.sleep(WRITTEN_S)
    await daemon.kill()
    await scene.ring.answer()
    assert await scene.rung.media.wait_voice("agent", 3)
    for caller in scene.callers:
        await caller.hang_up()
    await daemon.start()
    outcomes = {scene.talking: "answered", scene.rung: "answered", scene.waiting: "abandoned"}
    for caller, outcome in outcomes.items():
        record = await desk.ended(number_of(caller))
        assert (record["outcome"], record["ended_by"], record["reconciled"]) == (outcome, "caller", True), record
        entered, over = caller.times.answered_at, caller.times.ended_at
        assert entered and over
        lasted_s = moment(record["ended_at"]) - moment(record["entered_at"])
        assert lasted_s == pytest.approx(over.loop_s - entered.loop_s, abs=TOLERANCE_S)
    assert (await desk.ended(number_of(scene.rung)))["agent"] == scene.rings.user
    for agent in (scene.talks.user, scene.rings.user):
        await desk.until_agent(agent, "ready")


async def _the_rest_of_it(scene: Scene, phones: Phones, desk: Desk, late: str) -> None:
    """The one who talks ends in a survey, the one who waits in a conversation; each record is as if nothing was."""
    await scene.same(desk, scene.talking)
    await desk.until_agent(scene.talks.user, "talking")
    await scene.talk.hang_up()
    await desk.until_fact(number_of(scene.talking), "survey_asked")
    await scene.talking.send_digits("8")
    await scene.talking.wait_ended(10)
    talked = await desk.ended(number_of(scene.talking))
    assert (talked["survey"], talked["agent"]) == ({"result": "answered", "score": 8}, scene.talks.user)
    over, began = scene.talk.times.ended_at, scene.talk.times.answered_at
    assert over and began
    assert talked["talk_s"] == pytest.approx(over.loop_s - began.loop_s, abs=TOLERANCE_S)

    waits = await scene.same(desk, scene.waiting)
    await (
        until_fact(  # a slow start may have sent the caller to Asterisk's own queue, which would ring the phone itself
            lambda: desk.api.get(f"/api/v1/calls/{waits['id']}/why"),
            lambda why: "cannot be steered" not in why["summary"],
            "the one who waits is at home",
            15,
        )
    )
    answered = await phones.pick_up(await phones.agent(late, state=""), within_s=15)
    await answered.hang_up()
    waited = await desk.ended(number_of(scene.waiting))
    entered, taken = scene.waiting.times.answered_at, answered.times.answered_at
    assert entered and taken
    assert waited["wait_s"] == pytest.approx(taken.loop_s - entered.loop_s, abs=TOLERANCE_S)
    for call in scene.callers:
        record = await scene.same(desk, call)
        assert record["outcome"] == "answered"
