"""After the agent has hung up the caller is asked for a score; what was pressed is what is stored."""

from __future__ import annotations

import asyncio

import pytest

from acd.lab.outgoing import OutgoingCall
from acd.lab.phone import Phone
from acd.lab.sip import SipTimeout
from tests.e2e.desk import Desk, Record, until_fact
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, new_number, number_of

FLOOR = Floor()
SCORES = FLOOR.line("scores", [str(number) for number in range(1001, 1012)], survey="nps")
RUBBISH = FLOOR.line("rubbish", ("1012",), survey="nps")
SILENCE = FLOOR.line("silence", ("1013",), survey="nps")
LEAVES = FLOOR.line("leaves", ("1014",), survey="nps")
TWICE = FLOOR.line("twice", ("1015",), survey="nps")
NO_SURVEY = FLOOR.line("no_survey", ("1016",))
UNSERVED = FLOOR.line("unserved", ("1017",), survey="nps")
SECTIONS = {"survey": {"first_digit_s": 1, "second_digit_s": 1, "ask_again_after_days": 30}}

REACTION_S = 0.3  # a person's, from hearing the question to the first key
SILENT_SURVEY_S = 60  # two questions at their full length, and the goodbye


async def served(phones: Phones, agent: Phone, call: OutgoingCall) -> None:
    """The agent answers this caller, and hangs up."""
    talk = await phones.pick_up(agent)
    await talk.hang_up()
    assert talk.remote_number == number_of(call)


async def press(call: OutgoingCall, digits: str) -> None:
    """Press keys as people do, a moment after the question began."""
    with pytest.raises(SipTimeout):
        await call.wait_ended(REACTION_S)
    await call.send_digits(digits, tone_s=0.08, gap_s=0.1)


def _asked(call: Record) -> int:
    return sum(event["fact"] == "survey_asked" for event in call["events"])


async def test_the_score_pressed_is_the_score_stored(phones: Phones, desk: Desk) -> None:
    staff = dict(zip(SCORES.agents, await phones.staff(SCORES.agents), strict=True))

    async def score(pressed: int, agent_id: str, call: OutgoingCall) -> None:
        await served(phones, staff[agent_id], call)
        await desk.until_fact(number_of(call), "survey_asked")
        await press(call, str(pressed))
        await call.wait_ended(10)
        record = await desk.ended(number_of(call))
        assert (record["survey"], record["agent"]) == ({"result": "answered", "score": pressed}, agent_id)
        assert (record["outcome"], record["ended_by"]) == ("answered", "agent")

    # One after the other in, so that each caller's agent is known: the longest idle.
    calls = []
    for number, agent_id in enumerate(SCORES.agents):
        call = await phones.call(SCORES.did)
        await desk.until_fact(number_of(call), "offered")
        calls.append((number, agent_id, call))
    await asyncio.gather(*(score(*each) for each in calls))


async def test_rubbish_is_asked_about_once_more_and_then_invalid(phones: Phones, desk: Desk) -> None:
    (agent,) = await phones.staff(RUBBISH.agents)
    call = await phones.call(RUBBISH.did)
    await served(phones, agent, call)
    await desk.until_fact(number_of(call), "survey_asked")
    await press(call, "*")
    with pytest.raises(SipTimeout):  # asked again: still on the line, and no result yet
        await call.wait_ended(1)
    record = await desk.call(number_of(call))
    assert record is not None
    assert record["survey"]["result"] is None
    await press(call, "#")
    await call.wait_ended(10)
    assert (await desk.ended(number_of(call)))["survey"] == {"result": "invalid", "score": None}


async def test_a_score_at_the_second_question_counts(phones: Phones, desk: Desk) -> None:
    (agent,) = await phones.staff(RUBBISH.agents)
    call = await phones.call(RUBBISH.did)
    await served(phones, agent, call)
    await desk.until_fact(number_of(call), "survey_asked")
    await press(call, "15")
    with pytest.raises(SipTimeout):
        await call.wait_ended(1)
    await press(call, "7")
    await call.wait_ended(10)
    assert (await desk.ended(number_of(call)))["survey"] == {"result": "answered", "score": 7}


async def test_who_presses_nothing_gave_no_answer(phones: Phones, desk: Desk) -> None:
    (agent,) = await phones.staff(SILENCE.agents)
    call = await phones.call(SILENCE.did)
    await served(phones, agent, call)
    await call.wait_ended(SILENT_SURVEY_S)
    assert (await desk.ended(number_of(call)))["survey"] == {"result": "no_answer", "score": None}
    assert call.ended_by == "them"


async def test_who_hangs_up_at_the_question_is_told_apart(phones: Phones, desk: Desk) -> None:
    (agent,) = await phones.staff(LEAVES.agents)
    call = await phones.call(LEAVES.did)
    await served(phones, agent, call)
    await desk.until_fact(number_of(call), "survey_asked")
    await call.hang_up()
    record = await desk.ended(number_of(call))
    assert record["survey"] == {"result": "hung_up", "score": None}
    assert record["outcome"] == "answered"


async def test_a_number_asked_recently_is_not_asked_again(phones: Phones, desk: Desk) -> None:
    (agent,) = await phones.staff(TWICE.agents)
    number = new_number()
    first = await phones.call(TWICE.did, number)
    await served(phones, agent, first)
    await desk.until_fact(number, "survey_asked")
    await press(first, "9")
    await first.wait_ended(10)
    assert (await desk.ended(number))["survey"]["result"] == "answered"
    await desk.until_agent(agent.user, "ready")
    second = await phones.call(TWICE.did, number)
    await served(phones, agent, second)
    await second.wait_ended(5)
    newest, oldest = await until_fact(
        lambda: desk.calls(number), lambda calls: len(calls) == 2 and calls[0]["state"] == "ended", "two records", 5
    )
    assert newest["survey"] == {"result": "not_offered", "score": None}
    assert oldest["survey"] == {"result": "answered", "score": 9}


async def test_a_queue_without_survey_asks_nobody(phones: Phones, desk: Desk) -> None:
    (agent,) = await phones.staff(NO_SURVEY.agents)
    call = await phones.call(NO_SURVEY.did)
    await served(phones, agent, call)
    await call.wait_ended(5)
    record = await desk.ended(number_of(call))
    assert record["survey"] == {"result": "not_offered", "score": None}
    assert _asked(record) == 0


async def test_who_was_not_served_is_not_asked(phones: Phones, desk: Desk) -> None:
    call = await phones.call(UNSERVED.did)
    await desk.until_waiting(number_of(call))
    await call.hang_up()
    record = await desk.ended(number_of(call))
    assert record["survey"] == {"result": "not_offered", "score": None}
    assert (record["outcome"], record["ended_by"], _asked(record)) == ("abandoned", "caller", 0)
