"""An agent sends a talking caller on, from the agent's own telephone: one journey, one survey, nobody lost."""

from __future__ import annotations

import pytest

from acd.lab.asterisk import LabAsterisk
from acd.lab.call import Call, CallState
from acd.lab.incoming import IncomingCall
from acd.lab.outgoing import OutgoingCall
from acd.lab.phone import Phone
from acd.lab.udp import Moment
from tests.e2e.desk import Desk, Record, until_fact
from tests.e2e.floor import Floor, Line
from tests.e2e.phones import Phones, number_of, ringing
from tests.fakes.rawami import raw_ami
from tests.faults import Figure

FLOOR = Floor()
BLIND = FLOOR.line("blind", ("1001",), wrap_up_s=30, survey="nps")
SECOND = FLOOR.line("second", ("1002",), survey="nps")
TO_AGENT = FLOOR.line("to_agent", ("1003",), wrap_up_s=30)
SPECIALIST = FLOOR.line("specialist", ("1004",))
BUSY = FLOOR.line("busy", ("1005", "1006"), ring_timeout_s=1)
ASKS = FLOOR.line("asks", ("1007",), wrap_up_s=1, survey="nps")
ASKED = FLOOR.line("asked", ("1008",), wrap_up_s=30, survey="nps")
DIRECT = FLOOR.line("direct", ("1009",), wrap_up_s=30, survey="nps")
COLLEAGUE = FLOOR.line("colleague", ("1010",), wrap_up_s=30)
EARLY = FLOOR.line("early", ("1011",), wrap_up_s=30)
LATE = FLOOR.line("late", ("1012",))
LEAVES = FLOOR.line("leaves", ("1013",))
HEARS = FLOOR.line("hears", ("1014",))
LOCAL = FLOOR.line("local", ("1015",), wrap_up_s=30)
BEHIND_LOCAL = FLOOR.line("behind_local", ("1016",))
SECTIONS = {"survey": {"first_digit_s": 10}}

SPLIT_WITHIN_S = 0.2  # the phone's and the hotline's moments of the same thing
NOBODYS = "74950000009"


async def talking(phones: Phones, line: Line) -> tuple[OutgoingCall, Phone, IncomingCall]:
    """A caller talks with the line's agent."""
    (agent,) = await phones.staff(line.agents)
    caller = await phones.call(line.did)
    return caller, agent, await phones.pick_up(agent)


async def they_hear_each_other(caller: Call, talk: Call) -> None:
    """Sound goes in both directions, from now on."""
    for call, voice in ((caller, "agent"), (talk, "caller")):
        heard = call.media.voices[voice]
        assert await call.media.wait_until(lambda: call.media.voices[voice] > heard, 3)  # noqa: B023


async def asks(agent: Phone, talk: IncomingCall, number: str) -> OutgoingCall:
    """The agent holds the caller and calls a number from the same telephone."""
    await talk.hold()
    return await agent.call(number)


def legs(record: Record) -> list[tuple[str, str]]:
    return [(leg["agent"], leg["queue"]) for leg in record["legs"]]


def count(record: Record, fact: str) -> int:
    return sum(event["fact"] == fact for event in record["events"])


def assert_one_journey(record: Record) -> None:
    """Talk is the sum of the legs, the answer is the first one's."""
    assert record["talk_s"] == pytest.approx(sum(leg["talk_s"] for leg in record["legs"]), abs=0.01)
    assert record["answered_at"] == record["legs"][0]["began_at"]
    assert record["agent"] == record["legs"][-1]["agent"]
    assert record["outcome"] == "answered"


# -- blind --------------------------------------------------------------------------------------------------------


@pytest.mark.fault(15)
async def test_blind_to_a_queue(phones: Phones, desk: Desk) -> None:
    caller, agent, talk = await talking(phones, BLIND)
    number = number_of(caller)
    before = await desk.until_call(number, lambda call: call["legs"])
    assert await talk.refer(SECOND.did) == 200
    await desk.until_agent(agent.user, "wrap_up", within_s=1)
    waiting = await desk.until_call(number, lambda call: call["queue"] == SECOND.queue)
    assert waiting["queued_at"] == before["queued_at"]
    await desk.until_waiting(number_of(await phones.call(SECOND.did)))  # came later, and stays behind
    second = await phones.agent(*SECOND.agents, state="offered")
    second_talk = await phones.pick_up(second)
    assert second_talk.remote_number == number
    await they_hear_each_other(caller, second_talk)
    await second_talk.hang_up()
    await desk.until_fact(number, "survey_asked")
    await caller.hang_up()
    record = await desk.ended(number)
    assert_one_journey(record)
    assert legs(record) == [(agent.user, BLIND.queue), (second.user, SECOND.queue)]
    assert count(record, "transferred") == count(record, "survey_asked") == 1


@pytest.mark.fault(15)
async def test_blind_to_an_agent_without_the_skill(phones: Phones, desk: Desk) -> None:
    (specialist,) = await phones.staff(SPECIALIST.agents)
    caller, agent, talk = await talking(phones, TO_AGENT)
    assert await talk.refer(specialist.user) == 200
    second_talk = await phones.pick_up(specialist)
    await desk.until_agent(agent.user, "wrap_up", within_s=1)
    await they_hear_each_other(caller, second_talk)
    await caller.hang_up()
    record = await desk.ended(number_of(caller))
    assert_one_journey(record)
    assert legs(record) == [(agent.user, TO_AGENT.queue), (specialist.user, TO_AGENT.queue)]
    await desk.until_agent(specialist.user, "wrap_up")  # of the queue the call is in


@pytest.mark.fault(15)
async def test_a_blind_transfer_that_comes_to_nothing_keeps_the_place(phones: Phones, desk: Desk) -> None:
    first, second = await phones.staff(BUSY.agents)
    caller = await phones.call(BUSY.did)
    talk = await phones.pick_up(first)
    assert await talk.refer(second.user) == 200
    rung = await ringing(second)
    await rung.reject(603)
    await desk.until_fact(number_of(caller), "returned")
    again = await phones.pick_up(first, within_s=15)
    assert again.remote_number == number_of(caller)
    assert await again.refer(NOBODYS) == 200
    back = await phones.pick_up(second, within_s=15)
    await they_hear_each_other(caller, back)
    await caller.hang_up()
    record = await desk.ended(number_of(caller))
    assert [leg["agent"] for leg in record["legs"]] == [first.user, first.user, second.user]
    assert count(record, "returned") == 2


# -- attended -------------------------------------------------------------------------------------------------------


@pytest.mark.fault(15)
async def test_attended_to_a_second_queue_and_back(phones: Phones, desk: Desk) -> None:
    caller, first, talk = await talking(phones, ASKS)
    number = number_of(caller)
    (second,) = await phones.staff(ASKED.agents)

    question = await asks(first, talk, ASKED.did)
    answer = await phones.pick_up(second)
    await question.wait_answered(5)
    assert await talk.refer_to(question) == 200
    await they_hear_each_other(caller, answer)
    await desk.until_agent(first.user, "ready")  # after a wrap-up of a second
    assert (await desk.agent(second.user))["state"] == "talking"
    record = await desk.until_call(number, lambda call: call["agent"] == second.user)
    assert (await desk.agent(second.user))["call_id"] == record["id"]

    back = await asks(second, answer, ASKS.did)
    answer_back = await phones.pick_up(first)
    await back.wait_answered(5)
    assert await answer.refer_to(back) == 200
    await desk.until_agent(second.user, "wrap_up", within_s=2)
    await they_hear_each_other(caller, answer_back)
    await answer_back.hang_up()
    await desk.until_fact(number, "survey_asked")
    await caller.send_digits("9")
    await caller.wait_ended(10)

    record = await desk.ended(number)
    assert_one_journey(record)
    assert legs(record) == [
        (first.user, ASKS.queue),
        (second.user, ASKED.queue),
        (first.user, ASKS.queue),
    ]
    assert record["survey"] == {"result": "answered", "score": 9}
    assert count(record, "transferred") == 2 and count(record, "survey_asked") == 1
    for asked_by in (first.user, second.user):
        (question_record,) = await desk.calls(asked_by)
        assert (question_record["from_agent"], question_record["merged_into"]) == (asked_by, record["id"])
        assert question_record["survey"]["result"] == "not_offered"
    today = (await desk.api.get(f"/api/v1/queues/{ASKS.queue}"))["today"]
    assert (today["offered"], today["answered"]) == (1, 1)


@pytest.mark.fault(15)
async def test_attended_to_an_agent_called_directly(phones: Phones, desk: Desk) -> None:
    caller, first, talk = await talking(phones, DIRECT)
    (colleague,) = await phones.staff(COLLEAGUE.agents)
    question = await asks(first, talk, colleague.user)
    answer = await ringing(colleague)
    await desk.until_agent(colleague.user, "busy")
    await answer.answer()
    await question.wait_answered(5)
    await they_hear_each_other_as_agents(question, answer)  # before that nobody has answered, to Asterisk
    assert await question.refer_to(talk) == 200  # the other way round, as some telephones do
    await desk.until_agent(first.user, "wrap_up", within_s=2)
    await desk.until_agent(colleague.user, "talking")
    await they_hear_each_other(caller, answer)
    await answer.hang_up()
    await desk.until_agent(colleague.user, "wrap_up")
    await desk.until_fact(number_of(caller), "survey_asked")
    await caller.hang_up()
    record = await desk.ended(number_of(caller))
    assert_one_journey(record)
    assert legs(record) == [(first.user, DIRECT.queue), (colleague.user, DIRECT.queue)]


@pytest.mark.fault(15)
async def test_attended_through_local_channels_that_are_optimised_away(
    phones: Phones, desk: Desk, asterisk: LabAsterisk, figure: Figure
) -> None:
    caller, first, talk = await talking(phones, LOCAL)
    (colleague,) = await phones.staff(BEHIND_LOCAL.agents)
    question = await asks(first, talk, f"8{colleague.user}")
    answer = await ringing(colleague)
    await answer.answer()
    await question.wait_answered(5)
    await they_hear_each_other_as_agents(question, answer)
    await until_no_local_channel_is_left(asterisk)
    completed_at = Moment.now()
    assert await talk.refer_to(question) == 200
    await desk.until_agent(first.user, "wrap_up", within_s=2)
    figure("first agent in wrap-up after", 1000 * (Moment.now().loop_s - completed_at.loop_s), "ms")
    await desk.until_agent(colleague.user, "talking")
    await they_hear_each_other(caller, answer)
    await answer.hang_up()
    await desk.until_agent(colleague.user, "wrap_up")
    record = await desk.ended(number_of(caller))
    assert_one_journey(record)
    assert legs(record) == [(first.user, LOCAL.queue), (colleague.user, LOCAL.queue)]
    assert talk.times.answered_at and talk.times.ended_at and answer.times.ended_at
    first_s = completed_at.loop_s - talk.times.answered_at.loop_s
    second_s = answer.times.ended_at.loop_s - completed_at.loop_s
    off_s = [abs(leg["talk_s"] - seen_s) for leg, seen_s in zip(record["legs"], (first_s, second_s), strict=True)]
    assert max(off_s) < SPLIT_WITHIN_S
    figure("talk split between the agents, off by", 1000 * max(off_s), "ms")


@pytest.mark.fault(15)
async def test_completed_while_the_question_still_waits(phones: Phones, desk: Desk) -> None:
    caller, first, talk = await talking(phones, EARLY)
    question = await asks(first, talk, LATE.did)
    await question.wait_answered(5)
    await desk.until_waiting(first.user)
    assert await talk.refer_to(question) == 200
    await desk.until_agent(first.user, "wrap_up", within_s=2)
    await desk.until_call(number_of(caller), lambda call: call["queue"] == LATE.queue)
    late = await phones.agent(*LATE.agents, state="offered")
    answer = await phones.pick_up(late)
    assert answer.remote_number == number_of(caller)
    await they_hear_each_other(caller, answer)
    await answer.hang_up()
    record = await desk.ended(number_of(caller))
    assert_one_journey(record)
    assert legs(record) == [(first.user, EARLY.queue), (late.user, LATE.queue)]


async def test_the_caller_hangs_up_during_the_question(phones: Phones, desk: Desk) -> None:
    caller, first, talk = await talking(phones, LEAVES)
    (hears,) = await phones.staff(HEARS.agents)
    question = await asks(first, talk, HEARS.did)
    answer = await phones.pick_up(hears)
    await caller.hang_up()
    assert (await desk.ended(number_of(caller)))["legs"][0]["ended_by"] == "caller"
    await desk.until_agent(first.user, "busy")  # with the question
    await they_hear_each_other_as_agents(question, answer)
    await question.hang_up()
    await desk.until_agent(first.user, "ready")
    await desk.until_agent(hears.user, "ready")
    assert answer.state is CallState.ENDED


async def until_no_local_channel_is_left(asterisk: LabAsterisk) -> None:
    async with raw_ami(asterisk) as ami:

        async def local_ones() -> list[str]:
            mark = len(ami.events)
            await ami.action("CoreShowChannels")
            await ami.event("CoreShowChannelsComplete", after=mark)
            names = [channel["Channel"] for channel in ami.heard("CoreShowChannel", mark)]
            return [name for name in names if name.startswith("Local/")]

        await until_fact(local_ones, lambda found: not found, "they are optimised away", 5.0)


async def they_hear_each_other_as_agents(question: Call, answer: Call) -> None:
    for call in (question, answer):
        heard = call.media.voices["agent"]
        assert await call.media.wait_until(lambda: call.media.voices["agent"] > heard, 3)  # noqa: B023
