"""asterisk-conf/acd.conf keeps docs/dialplan.md, verb by verb, in a real Asterisk."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from acd import tasks
from acd.ami.fields import AsteriskTime
from acd.ami.notes import Notes
from acd.ami.registry import Registry
from acd.ami.values import AmiSettings
from acd.ami.visit import visit
from acd.lab.asterisk import LabAsterisk, LabSpec, agent_accounts, run_asterisk
from acd.numbers import normalise
from tests.deadlines import until
from tests.fakes.caller import Caller, beat, enter, go_stale
from tests.fakes.rawami import RawAmi, raw_ami

pytestmark = pytest.mark.asterisk

# Agents made of dialplan: what they do is what their number says.
AGENTS = """
[lab-agents]
exten => answers,1,Answer()
 same => n,Wait(30)
exten => leaves,1,Answer()
 same => n,Wait(0.3)
 same => n,Hangup(16)
exten => busy,1,Busy(1)
exten => rings,1,Ringing()
 same => n,Wait(30)
"""
RINGS = {"ACD_OFFER": "o1", "ACD_AGENT": "1001", "ACD_DIAL": "Local/rings@lab-agents/n", "ACD_RING_S": "20"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pbx() -> AsyncIterator[LabAsterisk]:
    async with run_asterisk(LabSpec(agents=agent_accounts(1001, 2), extensions=AGENTS)) as running:
        yield running


@pytest_asyncio.fixture
async def ami(pbx: LabAsterisk) -> AsyncIterator[RawAmi]:
    async with raw_ami(pbx) as session:
        await beat(session)
        yield session
        # Also after a failure: the next test must not find this one's callers in the queue.
        await session.action("Hangup", Channel="/^Local/.*$/")


async def test_a_caller_enters_with_facts_and_is_held(ami: RawAmi) -> None:
    caller = await enter(ami, name="Анна, \\ ${EPOCH} & co")
    entered = await caller.hears("AcdEnter", 0)
    assert re.fullmatch(r"\d{14}-\d{12}", caller.call)
    assert entered["Did"] == "74951234567"
    assert entered["CallerIDNum"] == caller.number
    assert entered["CallerIDName"].startswith("Анна, ") and "${EPOCH} & co" in entered["CallerIDName"]
    assert re.fullmatch(r"\d+\.\d{3}", entered["Entered"])
    assert abs(float(entered["Entered"]) - time.time()) < 2
    assert (await caller.hears("AcdHold", 0))["Verb"] == "hold"
    assert await caller.variable("ACD_VERB") == "hold"
    assert await caller.variable("ACD_ENTERED") == entered["Entered"]
    await caller.hang_up()
    await caller.is_gone(0)


@pytest.mark.parametrize(
    "dialled", ["500&PJSIP/1001", "+7(495)1", "500${EPOCH}", "5" * 21, "+", "1\\nEvent: Hangup", "abc"]
)
async def test_what_is_no_number_is_refused_and_dials_nobody(ami: RawAmi, dialled: str) -> None:
    mark = len(ami.events)
    await ami.action("Originate", Channel=f"Local/{dialled}@acd-inbound/n", Application="Wait", Data="1", Async="true")
    answer = await ami.event("OriginateResponse", after=mark)
    assert answer["Response"] == "Failure"
    assert not ami.heard("AcdEnter", mark)
    assert not ami.heard("DialBegin", mark)


@pytest.mark.parametrize("dialled", ["5" * 20, "+" + "5" * 20, "1"])
async def test_a_number_is_one_to_twenty_digits(ami: RawAmi, dialled: str) -> None:
    caller = await enter(ami, did=dialled)
    assert (await caller.hears("AcdEnter", 0))["Did"] == dialled
    await caller.hang_up()


async def test_a_long_name_is_cut(ami: RawAmi) -> None:
    caller = await enter(ami, name="n" * 120)
    assert (await caller.hears("AcdEnter", 0))["CallerIDName"] == "n" * 80
    await caller.hang_up()


async def test_letters_are_not_a_number_of_ours(ami: RawAmi) -> None:
    await ami.action("Originate", Channel="Local/sales@acd-inbound/n", Application="Wait", Data="1", Async="true")
    failed = await ami.event("OriginateResponse")
    assert failed["Response"] == "Failure"
    assert not ami.heard("AcdEnter")


async def test_a_call_sent_to_another_number_stays_the_same_call(ami: RawAmi) -> None:
    caller = await enter(ami)
    entered = await caller.variable("ACD_ENTERED")
    mark = len(ami.events)
    await ami.action("Redirect", Channel=caller.channel, Context="acd-inbound", Exten="78002000600", Priority="1")
    assert (await caller.hears("AcdEnter", mark))["Did"] == "78002000600"
    assert await caller.variable("ACD_ENTERED") == entered
    await caller.hang_up()


DESK = "Custom:desk/1"
"""A telephone whose state is what we say; nobody can dial it."""


async def _state(ami: RawAmi, state: str) -> None:
    await ami.action("Setvar", Variable=f"DEVICE_STATE({DESK})", Value=state)


@pytest.mark.parametrize("state", ["INUSE", "RINGING", "RINGINUSE", "ONHOLD", "BUSY"])
async def test_a_phone_that_is_at_another_call_is_not_dialled(ami: RawAmi, state: str) -> None:
    caller = await enter(ami)
    await _state(ami, state)
    mark = await caller.order("acd-connect", **{**RINGS, "ACD_DIAL": DESK})
    told = await caller.hears("AcdDial", mark)
    assert (told["Status"], told["Cause"], told["Tech"]) == ("BUSY", "17", "")
    assert 400 < int(told["RingMs"]) < 3000, "it had half a second to become free"
    assert (await caller.hears("AcdHold", mark))["Verb"] == "hold"
    await caller.hang_up()


async def test_a_phone_whose_last_call_has_just_ended_is_dialled(ami: RawAmi) -> None:
    """The state follows the end of a call some milliseconds later."""
    caller = await enter(ami)
    await _state(ami, "INUSE")
    mark = await caller.order("acd-connect", **{**RINGS, "ACD_DIAL": DESK})
    await _state(ami, "NOT_INUSE")
    assert (await caller.hears("AcdDial", mark))["Status"] == "CHANUNAVAIL"
    await caller.hang_up()


async def test_a_caller_is_steered_away_from_a_phone_that_is_waited_for(ami: RawAmi) -> None:
    caller = await enter(ami)
    await _state(ami, "INUSE")
    mark = await caller.order("acd-connect", **{**RINGS, "ACD_DIAL": DESK})
    await caller.order("acd-hold")
    await caller.hears("AcdHold", mark)
    assert not ami.heard("AcdDial", mark)
    await caller.hang_up()


@pytest.mark.parametrize("dial", [f"{DESK}&{DESK}", f"{DESK}@trunk"])
async def test_of_several_phones_or_behind_a_trunk_nothing_is_asked(ami: RawAmi, dial: str) -> None:
    caller = await enter(ami)
    for device in (DESK, f"{DESK}@trunk"):
        await ami.action("Setvar", Variable=f"DEVICE_STATE({device})", Value="INUSE")
    mark = await caller.order("acd-connect", **{**RINGS, "ACD_DIAL": dial})
    assert (await caller.hears("AcdDial", mark))["Status"] == "CHANUNAVAIL"
    await caller.hang_up()


async def test_fallback_when_the_heartbeat_is_missing_at_entry_and_home_when_it_is_back(ami: RawAmi) -> None:
    await ami.action("Setvar", Variable="ACD_HEARTBEAT", Value="")
    caller = await enter(ami, first="AcdFallback")
    await ami.event("QueueCallerJoin", Queue="acd-fallback", CallerIDNum=caller.number)
    assert not ami.heard("AcdEnter")
    await beat(ami, 6)
    home = await caller.hears("AcdHold", 0, timeout_s=13)
    assert home["Verb"] == "hold"
    await caller.hang_up()


@pytest.mark.parametrize("ahead_s", [-60, 3600])
async def test_a_held_caller_falls_back_when_the_heartbeat_is_far_away(ami: RawAmi, ahead_s: int) -> None:
    caller = await enter(ami)
    mark = len(ami.events)
    await beat(ami, ahead_s)
    await caller.hears("AcdFallback", mark, timeout_s=4)
    assert await caller.variable("ACD_VERB") == "fallback"
    await caller.hang_up()


async def test_fallback_keeps_the_order_of_entry(ami: RawAmi) -> None:
    """The later caller falls back first, and yet the earlier one is ahead."""
    early, late = await enter(ami), await enter(ami)
    await ami.action("Setvar", Channel=early.channel, Variable="ACD_ENTERED", Value="1700000100.000")
    mark = await late.order("acd-fallback")
    await ami.event("QueueCallerJoin", after=mark, CallerIDNum=late.number, Position="1")
    mark = await early.order("acd-fallback")
    await ami.event("QueueCallerJoin", after=mark, CallerIDNum=early.number, Position="1")
    for caller in (early, late):
        await caller.hang_up()


async def test_who_has_waited_long_is_in_the_fallback_queue_before_who_has_just_come(ami: RawAmi) -> None:
    """Though the later caller looked at the heartbeat first."""
    early, late = await enter(ami), await enter(ami)
    entered = float(await early.variable("ACD_ENTERED"))
    await ami.action("Setvar", Channel=early.channel, Variable="ACD_ENTERED", Value=f"{entered - 60:.3f}")
    await beat(ami, -11)
    mark = len(ami.events)
    await late.hears("AcdFallback", await late.order("acd-fallback"))
    await early.hears("AcdFallback", await early.order("acd-fallback"))
    for caller in (early, late):
        await ami.event("QueueCallerJoin", after=mark, CallerIDNum=caller.number)
    joined = [event["CallerIDNum"] for event in ami.heard("QueueCallerJoin", mark)]
    assert joined == [early.number, late.number]
    for caller in (early, late):
        await caller.hang_up()


async def test_fallback_does_not_cut_a_members_ringing_and_lets_go_who_has_had_all_laps(ami: RawAmi) -> None:
    """A lap of ten seconds ends while the agent rings; he rings on, and when he answers he has the caller."""
    await go_stale(ami)
    caller = await enter(ami, first="AcdFallback")
    behind = await enter(ami, first="AcdFallback")
    await ami.action("Setvar", Channel=behind.channel, Variable="ACD_LAP", Value="59")
    member = {"Queue": "acd-fallback", "Interface": "Local/rings@lab-agents/n"}
    await ami.action("QueueAdd", MemberName="1001", **member)
    try:
        called = await ami.event("AgentCalled", CallerIDNum=caller.number)
        mark = len(ami.events)
        missed = await ami.event("AgentRingNoAnswer", 20, after=mark, CallerIDNum=caller.number)
        assert float(missed["Timestamp"]) - float(called["Timestamp"]) > 14
        assert (await behind.is_gone(0))["Cause"] == "16"
        note = await noted(ami, behind)
        assert note is not None and (note[1], note[9], note[12]) == ("out", "", "enough")
    finally:
        await ami.action("QueueRemove", **member)
        await caller.hang_up()


async def test_who_finds_a_heartbeat_on_the_way_to_the_queue_does_not_go_there(ami: RawAmi) -> None:
    await beat(ami, -10)
    caller = await enter(ami, first="AcdFallback")
    await beat(ami)
    await caller.hears("AcdHold", 0, timeout_s=6)
    assert not ami.heard("QueueCallerJoin", CallerIDNum=caller.number)
    await caller.hang_up()


async def test_who_is_withdrawn_goes_home_or_without_a_heartbeat_back_into_the_queue_at_once(ami: RawAmi) -> None:
    await go_stale(ami)
    caller = await enter(ami, first="AcdFallback")
    await ami.event("QueueCallerJoin", CallerIDNum=caller.number)
    withdrawn = {"Queue": "acd-fallback", "Caller": caller.channel}
    mark = len(ami.events)
    assert (await ami.action("QueueWithdrawCaller", **withdrawn))["Response"] == "Success"
    await ami.event("QueueCallerJoin", 5, after=mark, CallerIDNum=caller.number)
    await beat(ami)
    mark = len(ami.events)
    assert (await ami.action("QueueWithdrawCaller", **withdrawn))["Response"] == "Success"
    await caller.hears("AcdHold", mark, timeout_s=5)
    await caller.hang_up()


async def noted(ami: RawAmi, caller: Caller) -> list[str] | None:
    """What the dialplan has noted of this call, part by part."""
    return await db_get(ami, f"acd-fallback/{caller.call[:11]}", caller.call)


async def db_get(ami: RawAmi, family: str, key: str) -> list[str] | None:
    """The parts of an entry of AstDB."""
    mark = len(ami.events)
    answer = await ami.action("DBGet", Family=family, Key=key)
    if answer["Response"] == "Error":
        return None
    return (await ami.event("DBGetResponse", after=mark))["Val"].split("|")


async def test_a_call_without_a_daemon_ends_by_itself_and_is_noted_from_its_entry_to_its_end(ami: RawAmi) -> None:
    await go_stale(ami)
    member = {"Queue": "acd-fallback", "Interface": "Local/leaves@lab-agents/n"}
    caller = await enter(ami, name="Анна | & co", first="AcdFallback")
    note = await noted(ami, caller)
    assert note is not None
    assert note[:2] == ["1", "in"] and note[3:5] == ["74951234567", caller.number]
    assert note[2] == await caller.variable("ACD_ENTERED") and float(note[8]) >= float(note[2])
    await ami.action("QueueAdd", MemberName="1001", **member)
    try:
        taken = await ami.event("AcdTaken", Call=caller.call)
        assert taken["Channel"].startswith("Local/leaves@lab-agents")
        served = await caller.hears("AcdServed", 0)
        assert served["Taken"] == taken["Taken"]
        assert (await caller.is_gone(0))["Context"] == "acd-after"
    finally:
        await ami.action("QueueRemove", **member)
    note = await noted(ami, caller)
    assert note is not None
    assert (note[1], note[9], note[12]) == ("out", f"{taken['Taken']}", "system")
    assert float(note[8]) <= float(note[9].partition("@")[0]) <= float(note[10]) <= float(note[11])
    assert float(note[11]) - float(note[10]) == pytest.approx(5, abs=1)


async def test_a_note_loses_the_number_of_who_wants_to_be_forgotten(ami: RawAmi, pbx: LabAsterisk) -> None:
    await go_stale(ami)
    caller, other = await enter(ami, first="AcdFallback"), await enter(ami, first="AcdFallback")
    number = normalise(caller.number, "RU")
    settings = AmiSettings("main", pbx.ami_host, pbx.ami_port, pbx.ami_username, pbx.ami_secret)
    async with visit(settings) as client:
        notes = Notes(client, Registry({}), AsteriskTime(), "RU")
        assert await notes.make_nobodys(number, time.time()) == (0, 1), "the caller is there still"
        for one in (caller, other):
            await one.hang_up()
            await one.is_gone(0)
        before, others = await noted(ami, caller), await noted(ami, other)
        assert await notes.make_nobodys(number, time.time()) == (1, 0)
    assert before is not None and before[4]
    assert await noted(ami, caller) == [*before[:4], "", *before[5:]]
    assert await noted(ami, other) == others and others is not None and others[4]


@pytest.mark.parametrize(
    ("facts", "leaves_one"),
    [
        ({}, True),  # no daemon has ever spoken to this call
        ({"ACD_QUEUE": "sales"}, False),
        ({"ACD_SEQ": "1"}, False),
    ],
)
async def test_a_call_that_a_living_daemon_knows_has_its_note_among_the_last_ends(
    ami: RawAmi, facts: dict[str, str], leaves_one: bool
) -> None:
    caller = await enter(ami)
    for name, value in facts.items():
        await ami.action("Setvar", Channel=caller.channel, Variable=name, Value=value)
    await caller.hang_up()
    await caller.is_gone(0)
    assert (await noted(ami, caller) is not None) is leaves_one
    last = await db_get(ami, "acd-ends", caller.call[-3:])
    assert (last is not None and last[0] == caller.call) is not leaves_one
    if last is not None and not leaves_one:
        assert (last[1:3], last[5], len(last)) == (["1", "out"], "", 19), "whole, and without the caller's number"


@pytest.mark.parametrize("verb", ["hold", "connect", "say", "collect", "record", "after"])
async def test_whatever_the_caller_was_doing_when_nobody_listened_is_noted(ami: RawAmi, verb: str) -> None:
    caller = await enter(ami)
    await ami.action("Setvar", Channel=caller.channel, Variable="ACD_QUEUE", Value="sales")
    mark = len(ami.events)
    if verb != "hold":
        facts = {"ACD_PROMPT": "acd/nps-question", "ACD_SEQ": "1", **RINGS, "ACD_DIAL": "Local/answers@lab-agents/n"}
        mark = await caller.order(f"acd-{verb}", **facts)
    if verb == "connect":
        await ami.event("BridgeEnter", after=mark, Channel=caller.channel)
    await beat(ami, -6)
    await caller.hang_up()
    await caller.is_gone(mark)
    note = await noted(ami, caller)
    # The end of a Local channel, which these callers have, names nobody who hung up, as when Asterisk itself ends.
    assert note is not None and (note[1], note[6], note[7], note[12]) == ("out", "sales", verb, "cut")
    assert note[15:] == (["o1", "1001", await _dialled_at(note)] if verb == "connect" else ["", "", ""])


async def _dialled_at(note: list[str]) -> str:
    assert 0 <= float(note[11]) - int(note[17]) / 1000 < 10
    return note[17]


@pytest.mark.parametrize(
    ("dial", "status", "cause"),
    [
        ("PJSIP/1001", "CHANUNAVAIL", "3"),  # not registered
        ("PJSIP/nobody", "CHANUNAVAIL", "3"),
        ("Nothing/1001", "CHANUNAVAIL", "66"),
        ("nonsense", "CHANUNAVAIL", "0"),
        ("", "CHANUNAVAIL", "0"),
        (
            "Local/busy@lab-agents/n",
            "BUSY",
            "0",
        ),  # a telephone's 486 would be 17; Local channels have no cause
    ],
)
async def test_an_agent_who_cannot_be_reached_sends_the_caller_back_to_hold(
    ami: RawAmi, dial: str, status: str, cause: str
) -> None:
    caller = await enter(ami)
    mark = await caller.order("acd-connect", ACD_OFFER="o7", ACD_AGENT="1001", ACD_DIAL=dial, ACD_RING_S="5")
    dialled = await caller.hears("AcdDial", mark)
    assert (dialled["Offer"], dialled["Agent"], dialled["Verb"]) == ("o7", "1001", "connect")
    assert (dialled["Status"], dialled["Cause"]) == (status, cause)
    assert int(dialled["RingMs"]) < 2000
    await caller.hears("AcdHold", mark)
    await caller.hang_up()


async def test_an_agent_who_does_not_answer(ami: RawAmi) -> None:
    caller = await enter(ami)
    mark = await caller.order("acd-connect", **RINGS | {"ACD_RING_S": "1.5"})
    dialled = await caller.hears("AcdDial", mark)
    assert (dialled["Status"], dialled["Cause"]) == ("NOANSWER", "0")
    assert 1400 < int(dialled["RingMs"]) < 2500
    await caller.hears("AcdHold", mark)
    await caller.hang_up()


async def test_after_the_agent_has_hung_up_the_caller_waits_for_one_more_order_and_then_goes(
    ami: RawAmi,
) -> None:
    caller = await enter(ami)
    mark = await caller.order("acd-connect", **RINGS | {"ACD_DIAL": "Local/leaves@lab-agents/n"})
    dialled = await caller.hears("AcdDial", mark)
    assert dialled["Status"] == "ANSWER"
    gone = await caller.is_gone(mark)
    assert (gone["Context"], gone["Cause"]) == ("acd-connect", "16")
    assert 4.5 < float(gone["Timestamp"]) - float(dialled["Timestamp"]) < 7


async def test_the_callers_hang_up_ends_the_ringing_at_once(ami: RawAmi) -> None:
    caller = await enter(ami)
    mark = await caller.order("acd-connect", **RINGS)
    await ami.event("DialState", after=mark, DialStatus="RINGING")
    await caller.hang_up()
    gone = await caller.is_gone(mark)
    leg = await ami.event("DialEnd", after=mark, DialStatus="CANCEL")
    assert abs(float(leg["Timestamp"]) - float(gone["Timestamp"])) < 0.5
    assert not ami.heard("AcdDial", mark)


async def test_say_plays_and_returns_to_hold(ami: RawAmi) -> None:
    caller = await enter(ami)
    mark = await caller.order("acd-say", ACD_PROMPT="acd/agent-ready", ACD_SEQ="41")
    done = await caller.hears("AcdDone", mark)
    assert (done["Seq"], done["Status"], done["Verb"]) == ("41", "ok", "say")
    held = await caller.hears("AcdHold", mark)
    assert float(held["Timestamp"]) >= float(done["Timestamp"])
    assert float(done["Timestamp"]) - float((await caller.hears("AcdHold", 0))["Timestamp"]) > 1
    await caller.hang_up()


@pytest.mark.parametrize(
    ("prompt", "status"), [("acd/no-such-thing", "error"), ("", "ok"), ("acd/no-such-thing&beep", "error")]
)
async def test_a_missing_prompt_is_skipped(ami: RawAmi, prompt: str, status: str) -> None:
    caller = await enter(ami)
    mark = await caller.order("acd-say", ACD_PROMPT=prompt, ACD_SEQ="1")
    assert (await caller.hears("AcdDone", mark))["Status"] == status
    await caller.hears("AcdHold", mark)
    await caller.hang_up()


TAPE_S = 10.0  # until the tape runs
COLLECT = {"ACD_FIRST_S": "3", "ACD_MORE": "1", "ACD_MORE_S": "0.5", "ACD_SEQ": "9"}


@pytest.mark.parametrize("prompt", ["", "acd/no-such-thing", "beep&acd/no-such-thing", "acd/nps-question"])
@pytest.mark.parametrize(("keys", "digits"), [("7", "7"), ("10", "10"), ("1", "1"), ("#", "#"), ("*", "*")])
async def test_collect_takes_one_digit_or_ten(ami: RawAmi, prompt: str, keys: str, digits: str) -> None:
    caller = await enter(ami)
    mark = await caller.order("acd-collect", ACD_PROMPT=prompt, **COLLECT)
    for key in keys:
        await caller.press(key)
    done = await caller.hears("AcdDone", mark, timeout_s=5)
    assert (done["Verb"], done["Seq"], done["Status"], done["Digits"]) == ("collect", "9", "ok", digits)
    assert await caller.variable("ACD_VERB") == "after"
    await caller.hang_up()


@pytest.mark.parametrize("prompt", ["", "acd/no-such-thing", "beep"])
async def test_collect_gives_up_in_time(ami: RawAmi, prompt: str) -> None:
    caller = await enter(ami)
    begun = time.monotonic()
    mark = await caller.order("acd-collect", ACD_PROMPT=prompt, **COLLECT | {"ACD_FIRST_S": "0.7"})
    done = await caller.hears("AcdDone", mark)
    assert (done["Status"], done["Digits"]) == ("timeout", "")
    assert 0.6 < time.monotonic() - begun < 3
    await caller.hang_up()


async def test_record_writes_the_message(ami: RawAmi, pbx: LabAsterisk) -> None:
    caller = await enter(ami)
    mark = await caller.order("acd-record", ACD_PROMPT="", ACD_MAX_S="1", ACD_SEQ="3")
    done = await caller.hears("AcdDone", mark)
    assert (done["Verb"], done["Seq"], done["Status"]) == ("record", "3", "ok")
    assert pbx.recordings is not None
    file = pbx.recordings / f"{caller.call}.wav"
    assert int(done["Bytes"]) == file.stat().st_size
    await caller.hang_up()


async def test_who_hangs_up_while_recording_is_told_of_with_what_was_said(ami: RawAmi, pbx: LabAsterisk) -> None:
    caller = await enter(ami)
    assert pbx.recordings is not None
    file = pbx.recordings / f"{caller.call}.wav"
    mark = await caller.order("acd-record", ACD_PROMPT="", ACD_MAX_S="60", ACD_SEQ="4")
    await until(file.exists, "the tape runs", TAPE_S)
    await caller.hang_up()
    done = await caller.hears("AcdDone", mark)
    assert (done["Verb"], done["Seq"], done["Status"]) == ("record", "4", "hangup")
    assert int(done["Bytes"]) == file.stat().st_size


async def test_who_hangs_up_before_the_tone_has_said_nothing(ami: RawAmi) -> None:
    caller = await enter(ami)
    mark = await caller.order("acd-record", ACD_PROMPT="acd/leave-message", ACD_MAX_S="60", ACD_SEQ="4")
    await caller.hang_up()
    done = await caller.hears("AcdDone", mark)
    assert (done["Status"], done["Bytes"]) == ("hangup", "0")


async def test_bye_says_it_and_ends(ami: RawAmi) -> None:
    caller = await enter(ami)
    mark = await caller.order("acd-bye", ACD_PROMPT="acd/no-such-thing", ACD_SEQ="5")
    assert (await caller.hears("AcdDone", mark))["Verb"] == "bye"
    assert (await caller.is_gone(mark))["Cause"] == "16"


async def _to_queue(caller: Caller) -> None:
    await caller.hears("AcdFallback", await caller.order("acd-fallback"))
    await caller.ami.event("QueueCallerJoin", CallerIDNum=caller.number)


@pytest.mark.parametrize("verb", ["hold", "connect", "say", "collect", "record", "after", "fallback"])
async def test_redirect_leaves_any_verb_at_once(ami: RawAmi, verb: str) -> None:
    caller = await enter(ami)
    long_prompt = {"ACD_PROMPT": "acd/nps-question", "ACD_SEQ": "1"}
    if verb == "fallback":
        await go_stale(ami)
        await _to_queue(caller)
        await beat(ami)
    elif verb == "connect":
        mark = await caller.order("acd-connect", **RINGS)
        await ami.event("DialState", after=mark, DialStatus="RINGING")
    elif verb != "hold":
        await caller.order(f"acd-{verb}", **long_prompt)
    sent = time.monotonic()
    mark = await caller.order("acd-say", ACD_PROMPT="", ACD_SEQ="77")
    assert (await caller.hears("AcdDone", mark, Seq="77"))["Verb"] == "say"
    assert time.monotonic() - sent < 1
    await caller.hears("AcdHold", mark)
    await caller.hang_up()


@pytest.mark.parametrize(
    ("verb", "variable", "value"),
    [("say", "ACD_PROMPT", "beep"), ("record", "ACD_PROMPT", "beep"), ("connect", "ACD_DIAL", RINGS["ACD_DIAL"])],
)
async def test_what_the_next_order_says_may_come_at_any_step_of_this_one(
    ami: RawAmi, pbx: LabAsterisk, verb: str, variable: str, value: str
) -> None:
    """Dial and Playback of nothing drop the caller: what was looked at must be what is used."""
    caller = await enter(ami)
    async with raw_ami(pbx) as other:

        async def changes_its_mind() -> None:
            for said in itertools.cycle(("", value)):
                await other.action("Setvar", Channel=caller.channel, Variable=variable, Value=said)

        mind = tasks.spawn(changes_its_mind(), "changes its mind")
        for _ in range(100):
            await caller.order(f"acd-{verb}", **RINGS)
        await tasks.stop(mind)
    assert await caller.variable("ACD_CALL") == caller.call  # still there
    await caller.hang_up()


async def test_redirect_out_of_a_conversation_frees_the_agent(ami: RawAmi) -> None:
    caller = await enter(ami)
    mark = await caller.order("acd-connect", **RINGS | {"ACD_DIAL": "Local/answers@lab-agents/n"})
    await ami.event("BridgeEnter", after=mark, Channel=caller.channel)
    mark = await caller.order("acd-hold")
    await caller.hears("AcdHold", mark)
    await ami.event("BridgeLeave", after=mark, Channel=caller.channel)
    await caller.hang_up()


async def test_the_feature_codes_name_the_phone_and_not_the_caller_id(ami: RawAmi) -> None:
    """Local channels have `;2` behind the digits a telephone's channel ends in, hence the odd endpoint."""
    orders = {"*41": "login", "*42": "logout", "*43": "pause", "*44": "ready"}
    for code, order in orders.items():
        mark = len(ami.events)
        await ami.action(
            "Originate",
            Channel=f"Local/{code}@agents/n",
            Application="Wait",
            Data="1",
            CallerID="1002",
            Async="true",
        )
        event = await ami.event("AcdAgent", after=mark)
        assert event["Order"] == order
        assert event["Endpoint"].startswith(f"Local/{code}@agents")


def test_no_globals_no_gosub_and_only_our_names() -> None:
    text = Path("asterisk-conf/acd.conf").read_text()
    code = "\n".join(line for line in text.splitlines() if not line.startswith(";"))
    assert "[globals]" not in code and "Gosub" not in code
    assert all(name.startswith("acd-") for name in re.findall(r"(?m)^\[([^\]]+)\]", code))
    assert all(name.startswith("Acd") for name in re.findall(r"UserEvent\((\w+)", code))


def test_nothing_is_left_running_between_tests() -> None:
    assert tasks.count() == 0
