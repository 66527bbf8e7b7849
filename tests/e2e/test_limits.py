"""Callers who cannot wait any longer: elsewhere, on tape, or told so; and the place of who calls again."""

from __future__ import annotations

import wave

import pytest

from acd.lab.asterisk import LabAsterisk
from acd.lab.daemon import LabDaemon
from acd.lab.outgoing import OutgoingCall
from acd.lab.sip import SipTimeout
from tests.e2e.desk import Desk, Record, moment, until_fact
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, new_number, number_of, ringing

FLOOR = Floor()
FULL = FLOOR.line("full", ("1001",), login="manual", max_waiting=1, overflow={"queue": "second"})
SECOND = FLOOR.line("second", ("1002",))
LATE = FLOOR.line("late", ("1003",), login="manual", max_wait_s=1.5)
NOBODY = FLOOR.line("nobody", ("1004",), login="manual", nobody="overflow", overflow={"voicemail": True})
HANGS_UP = FLOOR.line("hangs_up", ("1005",), login="manual", nobody="overflow", overflow={"voicemail": True})
SILENT = FLOOR.line("silent", ("1006",), login="manual", nobody="overflow", overflow={"voicemail": True})
KILLED = FLOOR.line("killed", ("1010",), login="manual", nobody="overflow", overflow={"voicemail": True})
AGAIN = FLOOR.line("again", ("1007",), login="manual")
KNOWS = FLOOR.line("knows", ("1008", "1009"), sticky_s=60)

WORDS_S = 20.0  # what is said before the tone, and again after it
SPOKEN_S = 2.0
BEEP_S = 1.0  # the tone, and what a loaded machine may be late


def _facts(call: Record, kind: str) -> list[Record]:
    return [event["data"] for event in call["events"] if event["fact"] == kind]


async def _voicemail(desk: Desk, call: Record) -> Record | None:
    items = (await desk.api.get("/api/v1/voicemails", queue=call["queue"]))["items"]
    return next((item for item in items if item["call_id"] == call["id"]), None)


async def _listed(desk: Desk, call: Record) -> Record:
    found: Record = await until_fact(lambda: _voicemail(desk, call), lambda item: item, "the message is listed", 5)
    return found


def _length_s(asterisk: LabAsterisk, call: Record) -> float:
    assert asterisk.recordings is not None
    with wave.open(str(asterisk.recordings / f"{call['id']}.wav")) as file:
        return file.getnframes() / file.getframerate()


async def _speak(asterisk: LabAsterisk, call: OutgoingCall, record: Record) -> None:
    """Listen until the tape runs, and say something for a while."""
    assert asterisk.recordings is not None
    tape = asterisk.recordings / f"{record['id']}.wav"

    async def there() -> bool:
        return tape.exists()

    await until_fact(there, bool, "the tape runs", WORDS_S)
    with pytest.raises(SipTimeout):  # the voice goes on by itself
        await call.wait_ended(SPOKEN_S + BEEP_S)


async def test_one_more_than_may_wait_is_answered_in_another_queue(phones: Phones, desk: Desk) -> None:
    (boris,) = await phones.staff(SECOND.agents)
    waiting = await phones.call(FULL.did)
    await desk.until_waiting(number_of(waiting))
    call = await phones.call(FULL.did)
    talk = await phones.pick_up(boris)
    assert talk.remote_number == number_of(call)
    await talk.hang_up()
    record = await desk.ended(number_of(call))
    assert (record["outcome"], record["queue"], record["agent"]) == ("answered", "second", "1002")
    (overflowed,) = _facts(record, "overflowed")
    assert (overflowed["from"], overflowed["to"], overflowed["reason"]) == ("full", "second", "max_waiting")
    assert [fact["queue"] for fact in _facts(record, "queued")] == ["full", "second"]
    await waiting.hang_up()


async def test_the_longest_wait_ends_with_a_goodbye(phones: Phones, desk: Desk) -> None:
    call = await phones.call(LATE.did)
    record = await desk.until_fact(number_of(call), "overflowed")
    at = next(moment(event["at"]) for event in record["events"] if event["fact"] == "overflowed")
    assert at - moment(record["entered_at"]) == pytest.approx(1.5, abs=0.3)
    assert await call.media.wait_until(lambda: call.media.packets_heard > 100, 5)
    await call.wait_ended(WORDS_S)
    record = await desk.ended(number_of(call))
    assert (record["outcome"], record["ended_by"]) == ("timed_out", "system")


async def test_a_message_is_recorded_and_listed(phones: Phones, desk: Desk, asterisk: LabAsterisk) -> None:
    await phones.trunk(media="full")
    call = await phones.call(NOBODY.did)
    record = await desk.until_fact(number_of(call), "overflowed")
    await _speak(asterisk, call, record)
    await call.send_digits("#")
    item = await _listed(desk, record)
    assert item["duration_s"] == pytest.approx(_length_s(asterisk, record), abs=0.05)
    assert item["duration_s"] >= SPOKEN_S
    assert (item["number"], item["queue"], item["heard"], item["file"]) == (
        number_of(call),
        "nobody",
        False,
        f"acd/{record['id']}.wav",
    )
    await call.wait_ended(WORDS_S)
    assert (await desk.ended(number_of(call)))["outcome"] == "closed"
    heard = await desk.api.post(f"/api/v1/voicemails/{record['id']}/heard", None)
    assert heard["heard"] is True
    assert (await _listed(desk, record))["heard"] is True


async def test_who_hangs_up_while_speaking_has_left_a_message(
    phones: Phones, desk: Desk, asterisk: LabAsterisk
) -> None:
    await phones.trunk(media="full")
    call = await phones.call(HANGS_UP.did)
    record = await desk.until_fact(number_of(call), "overflowed")
    await _speak(asterisk, call, record)
    await call.hang_up()
    ended = await desk.ended(number_of(call))
    assert (ended["outcome"], ended["ended_by"]) == ("closed", "caller")
    item = await _listed(desk, record)
    assert item["duration_s"] == pytest.approx(_length_s(asterisk, record), abs=0.05)
    assert item["duration_s"] >= SPOKEN_S


async def test_who_hangs_up_before_the_tone_has_left_none(phones: Phones, desk: Desk) -> None:
    call = await phones.call(SILENT.did)
    await desk.until_fact(number_of(call), "overflowed")
    await call.hang_up()
    record = await desk.ended(number_of(call))
    assert (record["outcome"], _facts(record, "voicemail")) == ("closed", [])
    assert await _voicemail(desk, record) is None


async def test_a_daemon_killed_meanwhile_costs_no_message(
    phones: Phones, desk: Desk, asterisk: LabAsterisk, daemon: LabDaemon
) -> None:
    await phones.trunk(media="full")
    call = await phones.call(KILLED.did)
    record = await desk.until_fact(number_of(call), "overflowed")
    await _speak(asterisk, call, record)
    await daemon.kill()
    await daemon.start()
    await call.send_digits("#")
    item = await _listed(desk, record)
    assert item["duration_s"] == pytest.approx(_length_s(asterisk, record), abs=0.05)
    await call.wait_ended(WORDS_S)
    assert (await desk.ended(number_of(call)))["outcome"] == "closed"


async def test_who_calls_again_has_the_old_place(phones: Phones, desk: Desk) -> None:
    number = new_number()
    first = await phones.call(AGAIN.did, number)
    old = await desk.until_waiting(number)
    other = await phones.call(AGAIN.did)
    await desk.until_waiting(number_of(other))
    await first.hang_up()
    await desk.ended(number)
    await phones.call(AGAIN.did, number)
    items = await until_fact(
        lambda: desk.calls(number), lambda calls: len(calls) == 2 and calls[0]["queue"], "called again", 5
    )
    again = await desk.api.get(f"/api/v1/calls/{items[0]['id']}")
    (resumed,) = _facts(again, "resumed")
    assert resumed == {"earlier": old["id"], "joined_at": old["queued_at"]}
    anna = await phones.agent("1007", state="")
    await desk.order("1007", "login")
    assert (await ringing(anna)).remote_number == number
    await desk.order("1007", "logout")


async def test_who_was_served_waits_for_the_same_agent(phones: Phones, desk: Desk) -> None:
    anna, boris = await phones.staff(KNOWS.agents)
    number = new_number()
    call = await phones.call(KNOWS.did, number)
    talk = await phones.pick_up(anna)
    await talk.hang_up()
    await call.wait_ended(5)
    await desk.until_agent("1008", "ready")
    other = await phones.call(KNOWS.did)  # 1009 has been idle for longer ...
    await (await phones.pick_up(boris)).hang_up()
    await other.wait_ended(5)
    await desk.until_agent("1009", "ready")
    busy = await phones.call(KNOWS.did)  # ... and now 1008 has
    talk = await phones.pick_up(anna)
    await phones.call(KNOWS.did, number)
    waits = await until_fact(
        lambda: desk.calls(number), lambda calls: len(calls) == 2 and calls[0]["queue"], "called again", 5
    )
    assert waits[0]["offers"] == []
    assert (await desk.agent("1009"))["state"] == "ready"
    await talk.hang_up()
    await busy.wait_ended(5)
    assert (await ringing(anna)).remote_number == number
