"""An agent's phone in the town, behind the trunk: a key takes the call, so a voicemail box never does."""

from __future__ import annotations

import asyncio
import time

from acd.lab.call import CallState
from acd.lab.incoming import IncomingCall
from acd.lab.outgoing import OutgoingCall
from tests.e2e.desk import Desk, Record
from tests.e2e.floor import Floor, Line
from tests.e2e.phones import Phones, number_of, ringing

FLOOR = Floor()
VOICEMAIL = FLOOR.line("voicemail", ("0901", "1001"))
KEY = FLOOR.line("key", ("0902",))
WRONG = FLOOR.line("wrong_key", ("0903", "1002"))
LEAVES = FLOOR.line("leaves", ("0904",))
PAUSE = FLOOR.line("pausing", ("0905", "1003"))
ALL = FLOOR.line("all", ("0906", "1004", "1005"), strategy="ring_all", ring_timeout_s=2)
HASTY = FLOOR.line("hasty", ("0907",), missed_limit=0)
OUTSIDE = {agent_id: f"7916000{agent_id}" for agent_id in ("0901", "0902", "0903", "0904", "0905", "0906", "0907")}
for agent_id, number in OUTSIDE.items():
    FLOOR.outside(agent_id, number)

ASKED_S = 20.0  # the prompt, and ten seconds to find the key
AT_ONCE_S = 0.5
OFTEN = 20


async def test_a_voicemail_box_does_not_get_the_call_and_the_next_agent_does(phones: Phones, desk: Desk) -> None:
    (inside,) = await phones.staff(VOICEMAIL.agents[1:])
    caller = await _call(phones, VOICEMAIL)
    box = await _outside(phones, VOICEMAIL)
    joined = (await desk.until_call(number_of(caller), lambda call: call["queued_at"]))["queued_at"]
    await box.answer()
    heard = caller.media.packets_heard
    talk = await phones.pick_up(inside, within_s=ASKED_S)
    assert caller.media.packets_heard > heard  # music, all the while
    assert (box.state, box.ended_by) == (CallState.ENDED, "them")
    record = await desk.until_call(number_of(caller), lambda call: call["answered_at"])
    assert _results(record) == [("0901", "no_answer"), ("1001", "answered")]
    assert record["queued_at"] == joined
    (ended,) = [event for event in record["events"] if event["fact"] == "offer_ended"]
    assert ended["data"]["reason"] == "unconfirmed"
    assert (await desk.agent("0901"))["today"] == {"answered": 0, "missed": 1, "talk_s": 0}
    await talk.hang_up()
    await desk.ended(number_of(caller))


async def test_who_presses_1_has_the_call(phones: Phones, desk: Desk) -> None:
    caller = await _call(phones, KEY)
    agent = await _outside(phones, KEY)
    await agent.answer()
    assert await agent.media.wait_until(lambda: agent.media.packets_heard > 5, 3)  # the prompt
    record = await desk.until_call(number_of(caller), lambda call: call["offers"])
    assert record["answered_at"] is None
    assert (await desk.agent("0902"))["state"] == "offered"
    await agent.send_digits("1")
    await desk.until_agent("0902", "talking")
    await asyncio.gather(_hears(caller), _hears(agent))
    record = await desk.until_call(number_of(caller), lambda call: call["answered_at"])
    assert _results(record) == [("0902", "answered")]
    await agent.hang_up()
    ended = await desk.ended(number_of(caller))
    assert (ended["agent"], ended["outcome"]) == ("0902", "answered")


async def test_another_key_is_none_and_hanging_up_is_none(phones: Phones, desk: Desk) -> None:
    (inside,) = await phones.staff(WRONG.agents[1:])
    caller = await _call(phones, WRONG)
    agent = await _outside(phones, WRONG)
    await agent.answer()
    await agent.send_digits("2")
    talk = await phones.pick_up(inside)
    record = await desk.until_call(number_of(caller), lambda call: call["answered_at"])
    assert _results(record) == [("0903", "no_answer"), ("1002", "answered")]
    second = await _call(phones, WRONG)
    agent = await _outside(phones, WRONG)
    await agent.answer()
    await agent.hang_up()
    await desk.until_call(number_of(second), lambda call: _results(call)[:1] == [("0903", "no_answer")])
    assert talk.state is CallState.TALKING


async def test_picked_up_and_put_down_in_one_movement_is_no_answer(phones: Phones, desk: Desk) -> None:
    """The phone may be gone before Asterisk has begun to ask for the key."""
    caller = await _call(phones, HASTY)
    for _ in range(OFTEN):
        agent = await _outside(phones, HASTY)
        await agent.answer()
        await agent.hang_up()
    record = await desk.until_call(number_of(caller), lambda call: len(_results(call)) > OFTEN)
    assert _results(record)[:OFTEN] == [("0907", "no_answer")] * OFTEN
    assert record["answered_at"] is None
    await caller.hang_up()


async def test_a_caller_who_leaves_while_the_key_is_asked_for_frees_the_agent_at_once(
    phones: Phones, desk: Desk
) -> None:
    caller = await _call(phones, LEAVES)
    agent = await _outside(phones, LEAVES)
    await agent.answer()
    assert await agent.media.wait_until(lambda: agent.media.packets_heard > 5, 3)
    began = time.monotonic()
    await caller.hang_up()
    await agent.wait_ended(AT_ONCE_S)
    record = await desk.ended(number_of(caller))
    assert time.monotonic() - began < 2 * AT_ONCE_S
    assert (record["outcome"], _results(record)) == ("abandoned", [("0904", "caller_left")])
    assert (await desk.agent("0904"))["today"]["missed"] == 0


async def test_who_pauses_while_the_key_is_asked_for_gives_the_call_back_at_once(phones: Phones, desk: Desk) -> None:
    (inside,) = await phones.staff(PAUSE.agents[1:])
    caller = await _call(phones, PAUSE)
    agent = await _outside(phones, PAUSE)
    await agent.answer()
    assert await agent.media.wait_until(lambda: agent.media.packets_heard > 5, 3)
    await desk.order("0905", "pause", reason="lunch")
    await agent.wait_ended(AT_ONCE_S)
    talk = await phones.pick_up(inside, within_s=2)
    assert talk.remote_number == number_of(caller)
    record = await desk.until_call(number_of(caller), lambda call: call["answered_at"])
    assert _results(record) == [("0905", "withdrawn"), ("1003", "answered")]


async def test_an_outside_phone_has_its_own_turn_where_all_ring(phones: Phones, desk: Desk) -> None:
    both = await phones.staff(ALL.agents[1:])
    caller = await _call(phones, ALL)
    outside = await _outside(phones, ALL)
    await outside.reject(486)
    for call in await asyncio.gather(*(ringing(phone) for phone in both)):
        await call.wait_ended(4)
    await desk.until_agent("0906", "offered", within_s=10)
    record = await desk.until_call(number_of(caller), lambda call: len(call["offers"]) >= 4)
    assert _results(record)[1:3] == [("1004", "no_answer"), ("1005", "no_answer")]


async def _call(phones: Phones, line: Line) -> OutgoingCall:
    """Call the line from the town, where the agents' phones are as well."""
    await phones.town()
    return await phones.call(line.did)


async def _outside(phones: Phones, line: Line) -> IncomingCall:
    """The call that comes to the line's agent in the town; it rings."""
    call = await ringing(await phones.town())
    assert call.request.uri.startswith(f"sip:{OUTSIDE[line.agents[0]]}@")
    return call


async def _hears(call: IncomingCall | OutgoingCall) -> None:
    media = call.media
    before = media.voices["caller"]
    assert await media.wait_until(lambda: media.voices["caller"] > before, 3)


def _results(record: Record) -> list[tuple[str, str]]:
    return [(offer["agent"], offer["result"]) for offer in record["offers"]]
