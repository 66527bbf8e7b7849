"""The daemon is killed and does not come back for a while: Asterisk serves by itself, and the next daemon knows."""

from __future__ import annotations

import asyncio

import pytest

from acd.lab.asterisk import LabAsterisk
from acd.lab.call import CallState
from acd.lab.daemon import LabDaemon
from acd.lab.incoming import IncomingCall
from acd.lab.outgoing import OutgoingCall
from acd.lab.phone import Phone
from acd.lab.udp import Moment
from tests.e2e.desk import Desk, Record, moment, until_fact
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, number_of, ringing
from tests.fakes.rawami import RawAmi, raw_ami
from tests.faults import Figure

FLOOR = Floor()
TALK = FLOOR.line("talk", ("1001",))
AWAY = FLOOR.line("away", ("1002", "1003"))
FREE = FLOOR.line("free", ("1004",))
RUNG = FLOOR.line("rung", ("1005",), ring_timeout_s=13)  # longer than it takes to fall back
NOBODY = FLOOR.line("nobody", ("1006",))
ASKED = FLOOR.line("asked", ("1007",), survey="nps")
SECTIONS = {"survey": {"first_digit_s": 6, "second_digit_s": 1}}

REACH_S = 20.0  # a caller's patience: from the kill to an agent's voice
AFTER_S = 5.0  # the dialplan waits so long for an order
LAP_S = 10.0  # in the fallback queue, between two looks at the heartbeat
HOME_S = LAP_S + 3.0
WORKED_OFF_S = 10.0
CLOCKS_S = 0.5  # Asterisk's stamp of an answer against ours, on a busy machine


def heard_at(call: OutgoingCall | IncomingCall) -> float:
    """When the call was answered."""
    at = call.times.answered_at
    assert at is not None
    return at.loop_s


def assert_never_rung(*phones: Phone) -> None:
    for phone in phones:
        assert phone._incoming.empty() and not any(call.unanswered for call in phone.calls.values()), phone.user


async def notes(ami: RawAmi) -> list[str]:
    """The calls that Asterisk has notes of."""
    mark = len(ami.events)
    await ami.action("DBGetTree", Family="acd-fallback")
    await ami.event("DBGetTreeComplete", after=mark)
    return [event["Key"].rpartition("/")[2] for event in ami.heard("DBGetTreeResponse", mark)]


async def leave_note(ami: RawAmi, record: Record, number: str) -> None:
    """A note of this call, as the dialplan writes it."""
    call_id = record["id"]
    entered, ended = (f"{moment(record[when]):.3f}" for when in ("entered_at", "ended_at"))
    parts = ("1", "out", entered, record["did"], number, "", "", "hold", "", "", "", ended, "", "", "", "", "")
    answer = await ami.action("DBPut", Family=f"acd-fallback/{call_id[:11]}", Key=call_id, Val="|".join(parts))
    assert answer["Response"] == "Success", answer


async def takes(phone: Phone, caller: OutgoingCall, within_s: float) -> IncomingCall:
    """The agent picks up this caller's call, and the caller hears the agent."""
    call = await ringing(phone, within_s)
    assert call.remote_number == number_of(caller)
    await call.answer()
    assert await caller.media.wait_voice("agent", 3)
    return call


@pytest.mark.fault(4)
async def test_without_a_daemon_callers_are_served_and_the_next_daemon_takes_over_from_asterisk(
    phones: Phones, desk: Desk, daemon: LabDaemon, asterisk: LabAsterisk, figure: Figure
) -> None:
    waiting = await phones.call(NOBODY.did)  # well before the others, so ahead of them in Asterisk's queue too
    before = await desk.until_waiting(number_of(waiting))
    (talks,) = await phones.staff(TALK.agents)
    paused, logged_out = await phones.staff(AWAY.agents)
    await desk.order(paused.user, "pause", reason="lunch")
    await desk.order(logged_out.user, "logout")
    (free,) = await phones.staff(FREE.agents)
    (rings,) = await phones.staff(RUNG.agents)
    talking = await phones.call(TALK.did)
    talk = await phones.pick_up(talks)
    rung = await phones.call(RUNG.did)
    offered = await ringing(rings)
    await desk.until_fact(number_of(rung), "ringing")

    await daemon.kill()
    killed_at = Moment.now().loop_s
    early = await phones.call(NOBODY.did)  # the heartbeat is fresh still
    first = await takes(free, waiting, REACH_S)
    rang_at = first.times.ringing_at
    assert rang_at is not None
    figure("kill to the agent's phone", rang_at.loop_s - killed_at, "s")
    figure("kill to talking", Moment.now().loop_s - killed_at, "s")
    assert Moment.now().loop_s - killed_at < REACH_S

    await offered.wait_ended(RUNG_S)
    by_number = {number_of(call): call for call in (rung, early)}
    second = await ringing(rings, REACH_S)  # whoever of the two is in Asterisk's queue first
    next_one = by_number.pop(second.remote_number)
    await second.answer()
    assert await next_one.media.wait_voice("agent", 3)
    (stays,) = by_number.values()
    gone = await phones.call(NOBODY.did)
    await gone.hang_up()
    await first.hang_up()
    served_at = Moment.now().loop_s
    third = await takes(free, stays, REACH_S)
    assert await second.media.wait_until(lambda: not second.media.closed, 1)
    await second.hang_up()
    late = await phones.call(NOBODY.did)  # straight to Asterisk's queue
    entered_at = Moment.now().loop_s
    fourth = await ringing(rings, REACH_S)
    figure("new call to the agent's phone", Moment.now().loop_s - entered_at, "s")
    assert fourth.remote_number == number_of(late)
    await waiting.wait_ended(AFTER_S + 2 - (Moment.now().loop_s - served_at))
    lone = await phones.call(NOBODY.did)
    assert_never_rung(talks, paused, logged_out)
    for phone in (paused, logged_out):
        await phone.unregister()  # what becomes of them over a restart is not the question here

    await daemon.start()
    back_at = Moment.now().loop_s
    assert [call.state for call in (talking, stays, late, lone)] == [CallState.TALKING] * 4
    assert talk.state is third.state is CallState.TALKING
    await desk.until_agent(talks.user, "talking")
    await talk.hang_up()  # a member who is free now, and nobody whom `lone` is for: Asterisk's queue rings no more

    with_free = await desk.until_agent(free.user, "talking")
    record = await desk.call(number_of(stays))
    assert record is not None
    assert (record["id"], record["agent"], record["fallback"]) == (with_free["call_id"], free.user, True)
    spoke_s = Moment.now().loop_s - heard_at(third)
    assert record["talk_s"] == pytest.approx(spoke_s, abs=CLOCKS_S)

    assert (await desk.agent(rings.user))["state"] == "busy"  # Asterisk's own queue rings there
    again = await phones.call(RUNG.did)
    await desk.until_waiting(number_of(again))
    await fourth.answer()
    assert await late.media.wait_voice("agent", 3)
    with_rings = await desk.until_agent(rings.user, "talking")
    record = await desk.call(number_of(late))
    assert record is not None
    assert (record["id"], record["agent"], record["offers"]) == (with_rings["call_id"], rings.user, [])
    assert_never_rung(rings)

    await desk.until_call(number_of(lone), lambda call: call["fallback"])
    (nobody,) = [await phones.agent(one, state="") for one in NOBODY.agents]
    home = await takes(nobody, lone, HOME_S)
    figure("back to the last caller's agent", Moment.now().loop_s - back_at, "s")
    assert_never_rung(talks)
    record = await desk.call(number_of(lone))
    assert record is not None and [offer["agent"] for offer in record["offers"]] == [nobody.user], "by our offer"

    await third.hang_up()
    await stays.wait_ended(AFTER_S + 1)
    await home.hang_up()
    await fourth.hang_up()
    await phones.pick_up(rings)  # `again` had waited for this one
    await again.hang_up()
    calls = {
        waiting: (free.user, "answered"),
        next_one: (rings.user, "answered"),
        stays: (free.user, "answered"),
        late: (rings.user, "answered"),
        lone: (nobody.user, "answered"),
        gone: (None, "abandoned"),
    }
    for call, (agent, outcome) in calls.items():
        record = await desk.ended(number_of(call), WORKED_OFF_S)
        assert (record["agent"], record["outcome"], record["fallback"]) == (agent, outcome, True), record
        assert (record["did"], record["number"]) == (RUNG.did if call is rung else NOBODY.did, number_of(call))
    figure("callers lost", 0, "calls")
    await _assert_told_truly(desk, waiting, first, before)
    record = await desk.ended(number_of(gone))
    assert record["reconciled"] and moment(record["ended_at"]) - moment(record["entered_at"]) < CLOCKS_S
    assert (await desk.ended(number_of(talking)))["fallback"] is False
    async with raw_ami(asterisk) as ami:
        left = {await _id(desk, call) for call in (stays, late, lone)}  # heard of: their notes go at the next look
        await until_fact(lambda: notes(ami), lambda found: set(found) <= left, "the notes are worked off", WORKED_OFF_S)


RUNG_S = 16.0


async def _id(desk: Desk, call: OutgoingCall) -> str:
    return str((await desk.ended(number_of(call)))["id"])


async def _assert_told_truly(desk: Desk, caller: OutgoingCall, talk: IncomingCall, before: Record) -> None:
    """Of a call that came under one daemon and ended under none."""
    record = await desk.ended(number_of(caller))
    assert (record["id"], record["entered_at"]) == (before["id"], before["entered_at"])
    over = talk.times.ended_at
    assert over is not None
    assert record["talk_s"] == pytest.approx(over.loop_s - heard_at(talk), abs=CLOCKS_S)
    assert record["wait_s"] == pytest.approx(heard_at(talk) - heard_at(caller), abs=CLOCKS_S)
    assert record["ended_by"] == "agent"
    facts = [event["fact"] for event in record["events"]]
    assert facts[-4:] == ["fallback", "connected", "talk_ended", "ended"], facts


@pytest.mark.fault(23)
async def test_surveys_go_on_without_a_daemon_and_nothing_pressed_is_lost(
    phones: Phones, desk: Desk, daemon: LabDaemon, asterisk: LabAsterisk, figure: Figure
) -> None:
    known = await phones.call(NOBODY.did)
    await known.hang_up()
    before = await desk.ended(number_of(known))
    counted = (await desk.api.get(f"/api/v1/queues/{NOBODY.queue}"))["today"]
    (agent,) = await phones.staff(ASKED.agents)
    everybody = scores, presses_rubbish, hangs_up, is_slow = [await phones.call(ASKED.did) for _ in range(4)]
    for call in everybody:
        talk = await phones.pick_up(agent)
        await talk.hang_up()
        await desk.until_fact(number_of(call), "survey_asked")

    await daemon.kill()
    killed_at = Moment.now().loop_s
    await scores.send_digits("10")
    await presses_rubbish.send_digits("*")
    await asyncio.gather(scores.wait_ended(10), presses_rubbish.wait_ended(10))
    figure("key to the dialplan's end of the call", Moment.now().loop_s - killed_at, "s")
    assert (scores.ended_by, presses_rubbish.ended_by) == ("them", "them")
    await hangs_up.hang_up()
    async with raw_ami(asterisk) as ami:  # as if it had been killed before it could delete the note
        await leave_note(ami, before, number_of(known))
        await leave_note(ami, {**before, "id": before["id"][:-6] + "${CHA}"}, "1\\r\\nAction: Originate")
        await daemon.start()
        await until_fact(lambda: notes(ami), lambda found: not found, "no notes are left", WORKED_OFF_S)
    assert await desk.ended(number_of(known)) == before
    assert (await desk.api.get(f"/api/v1/queues/{NOBODY.queue}"))["today"] == counted
    await is_slow.send_digits("8")
    await is_slow.wait_ended(10)

    results = {
        scores: ("answered", 10),
        presses_rubbish: ("invalid", None),
        hangs_up: ("hung_up", None),
        is_slow: ("answered", 8),
    }
    for call, (result, score) in results.items():
        record = await desk.ended(number_of(call))
        assert record["survey"] == {"result": result, "score": score}, record
        assert (record["outcome"], record["fallback"]) == ("answered", False)
