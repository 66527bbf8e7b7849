"""Transfers that go wrong wherever somebody may hang up, refuse or die: nobody is lost, no agent is stuck."""

from __future__ import annotations

import asyncio

import pytest

from acd.lab.call import CallState
from acd.lab.daemon import LabDaemon
from tests.e2e.desk import Desk
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, number_of, ringing
from tests.e2e.test_transfers import asks, legs, talking, they_hear_each_other

FLOOR = Floor()
LETS_GO = FLOOR.line("lets_go", ("1001",), survey="nps")
LETS_GO_ASKED = FLOOR.line("lets_go_asked", ("1002",))
REFUSED = FLOOR.line("refused", ("1003",))
REFUSES = FLOOR.line("refuses", ("1004",))
ONESELF = FLOOR.line("oneself", ("1005",))
RINGS = FLOOR.line("rings", ("1006",), wrap_up_s=30)
RUNG = FLOOR.line("rung", ("1007",))
KILLED = FLOOR.line("killed", ("1008",), wrap_up_s=30, survey="nps")
KILLED_ASKED = FLOOR.line("killed_asked", ("1009",), survey="nps")
AWAY = FLOOR.line("away", ("1010",), wrap_up_s=30, survey="nps")
AWAY_ASKED = FLOOR.line("away_asked", ("1011",), survey="nps")
SECTIONS = {"survey": {"first_digit_s": 10}}

WRITTEN_S = 1.5  # what is older has surely reached the database


async def test_the_agent_lets_the_caller_go_instead_of_completing(phones: Phones, desk: Desk) -> None:
    caller, agent, talk = await talking(phones, LETS_GO)
    (asked,) = await phones.staff(LETS_GO_ASKED.agents)
    question = await asks(agent, talk, LETS_GO_ASKED.did)
    answer = await phones.pick_up(asked)
    await talk.hang_up()
    await desk.until_fact(number_of(caller), "survey_asked")
    await caller.hang_up()
    assert legs(await desk.ended(number_of(caller))) == [(agent.user, LETS_GO.queue)]
    await answer.hang_up()
    await question.wait_ended(10)  # a colleague is not asked for a score
    await desk.until_agent(agent.user, "ready")
    await desk.until_agent(asked.user, "ready")


async def test_who_is_asked_refuses_and_the_agent_goes_back_to_the_caller(phones: Phones, desk: Desk) -> None:
    caller, agent, talk = await talking(phones, REFUSED)
    (refuses,) = await phones.staff(REFUSES.agents)
    question = await asks(agent, talk, REFUSES.did)
    rung = await ringing(refuses)
    await rung.reject(603)
    await desk.until_call(agent.user, lambda call: call["offers"] and call["offers"][0]["result"] == "refused")
    await question.hang_up()
    await talk.resume()
    await they_hear_each_other(caller, talk)
    await talk.hang_up()
    await desk.ended(number_of(caller))
    await desk.until_agent(agent.user, "ready")
    await desk.until_agent(refuses.user, "ready")


async def test_a_transfer_to_oneself_gives_the_caller_back_to_the_line(phones: Phones, desk: Desk) -> None:
    caller, agent, talk = await talking(phones, ONESELF)
    assert await talk.refer(agent.user) == 200
    await desk.until_fact(number_of(caller), "returned")
    again = await phones.pick_up(agent, within_s=15)
    await they_hear_each_other(caller, again)
    await caller.hang_up()
    await desk.until_agent(agent.user, "ready")


async def test_completed_while_the_colleague_is_still_rung(phones: Phones, desk: Desk) -> None:
    caller, agent, talk = await talking(phones, RINGS)
    (rung,) = await phones.staff(RUNG.agents)
    for number in (rung.user, RUNG.did):
        question = await asks(agent, talk, number)
        first = await ringing(rung)
        await question.wait_ringing(5)
        assert await talk.refer_to(question) == 200
        answer = await phones.pick_up(rung)
        assert first.state is CallState.ENDED
        await they_hear_each_other(caller, answer)
        await desk.until_agent(agent.user, "wrap_up", within_s=2)
        if number == rung.user:  # and back, so that it can be tried the other way
            assert await answer.refer(RINGS.did) == 200
            await desk.order(rung.user, "ready")
            await desk.order(agent.user, "ready")
            talk = await phones.pick_up(agent)
    await caller.hang_up()
    record = await desk.ended(number_of(caller))
    assert [leg["agent"] for leg in record["legs"]] == [agent.user, rung.user, agent.user, rung.user]


async def test_a_daemon_killed_after_a_transfer_is_taken_over_from(
    phones: Phones, desk: Desk, daemon: LabDaemon
) -> None:
    caller, agent, talk = await talking(phones, KILLED)
    (asked,) = await phones.staff(KILLED_ASKED.agents)
    question = await asks(agent, talk, KILLED_ASKED.did)
    answer = await phones.pick_up(asked)
    assert await talk.refer_to(question) == 200
    await desk.until_call(number_of(caller), lambda call: call["agent"] == asked.user)
    await asyncio.sleep(WRITTEN_S)
    await daemon.kill()
    await daemon.start()
    await desk.until_agent(asked.user, "talking")
    await they_hear_each_other(caller, answer)
    await answer.hang_up()
    await desk.until_fact(number_of(caller), "survey_asked")
    await caller.hang_up()
    record = await desk.ended(number_of(caller))
    assert legs(record) == [(agent.user, KILLED.queue), (asked.user, KILLED_ASKED.queue)]
    assert record["talk_s"] == pytest.approx(sum(leg["talk_s"] for leg in record["legs"]), abs=0.01)


async def test_a_transfer_completed_while_no_daemon_ran_is_seen_by_the_next(
    phones: Phones, desk: Desk, daemon: LabDaemon
) -> None:
    caller, agent, talk = await talking(phones, AWAY)
    (asked,) = await phones.staff(AWAY_ASKED.agents)
    question = await asks(agent, talk, asked.user)
    answer = await ringing(asked)
    await answer.answer()
    await question.wait_answered(5)
    await asyncio.sleep(WRITTEN_S)
    await daemon.kill()
    assert await talk.refer_to(question) == 200
    await daemon.start()
    await desk.until_agent(asked.user, "talking")
    await desk.until_agent(agent.user, "wrap_up")
    await answer.hang_up()
    await desk.until_fact(number_of(caller), "survey_asked")
    await caller.hang_up()
    record = await desk.ended(number_of(caller))
    assert legs(record) == [(agent.user, AWAY.queue), (asked.user, AWAY.queue)]
