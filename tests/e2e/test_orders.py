"""A supervisor's orders about calls that wait or ring, and what a call brings with its number, with real phones."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from acd.errors import LabError
from acd.lab.asterisk import LabAsterisk
from acd.lab.daemon import LabDaemon
from acd.lab.outgoing import OutgoingCall
from acd.lab.proxy import CutProxy, cut_proxy
from acd.lab.udp import Moment
from acd.tasks import spawn
from tests.e2e.conftest import OpenHotline
from tests.e2e.desk import Desk, Record
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, new_number, number_of, ringing
from tests.faults import Figure

FLOOR = Floor()
LEFT = FLOOR.line("left", ("1001",))
RIGHT = FLOOR.line("right", ("1002",))
RANKED = FLOOR.line("ranked", ("1003",))
PULLS = FLOOR.line("pulls", ("1004",))
ELSEWHERE = FLOOR.line("elsewhere", ("1005",))
SPEAKS = FLOOR.line("speaks", ("1006", "1007"), require='speaks >= 1 and (language == "ru" or en >= 1)')
KEPT = FLOOR.line("kept", ("1008",))
LATE_MOVE, LATE_TO = FLOOR.line("late_move", ("1009",)), FLOOR.line("late_to", ("1010",))
LATE_PAUSE = FLOOR.line("late_pause", ("1011",))
LATE_PULL, LATE_OTHER = FLOOR.line("late_pull", ("1012",), survey="nps"), FLOOR.line("late_other", ("1013",))

PULLED_ROUNDS = 25
HELD_S = 1.5
ENGLISH = "74957770001"
FLOOR.queues[SPEAKS.queue]["dids"].append(ENGLISH)
FLOOR.agents["1007"]["skills"]["en"] = 5
KNOWN = new_number()
SECTIONS = {"numbers": {ENGLISH: {"language": "en"}}, "callers": {KNOWN: {"priority": 50, "language": "en"}}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy(asterisk: LabAsterisk) -> AsyncIterator[CutProxy]:
    async with cut_proxy((asterisk.ami_host, asterisk.ami_port)) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(asterisk: LabAsterisk, hotline: OpenHotline, proxy: CutProxy) -> LabDaemon:
    return await hotline(asterisk, queues=FLOOR.queues, agents=FLOOR.agents, ami=proxy.address, **SECTIONS)


async def waiting(phones: Phones, desk: Desk, did: str, number: str | None = None) -> tuple[OutgoingCall, Record]:
    """A caller who is in the line."""
    call = await phones.call(did, number)
    return call, await desk.until_waiting(number_of(call))


async def order(desk: Desk, record: Record, verb: str, **body: Any) -> Record:
    """priority, move or pull; the call as it is then."""
    found: Record = await desk.api.post(f"/api/v1/calls/{record['id']}/{verb}", body)
    return found


def told(record: Record, fact: str) -> list[dict[str, Any]]:
    return [event["data"] for event in record["events"] if event["fact"] == fact]


async def test_a_moved_call_rings_in_its_new_queue_and_keeps_its_place(phones: Phones, desk: Desk) -> None:
    call, before = await waiting(phones, desk, LEFT.did)
    later, _ = await waiting(phones, desk, RIGHT.did)
    moved = await order(desk, before, "move", queue=RIGHT.queue)
    assert (moved["queue"], moved["queued_at"]) == (RIGHT.queue, before["queued_at"])
    assert told(moved, "moved") == [{"queue": RIGHT.queue, "by": "lab"}]
    agent = await phones.agent("1002", state="")
    for caller in (call, later):
        answered = await phones.pick_up(agent)
        assert answered.remote_number == number_of(caller)
        await answered.hang_up()
        record = await desk.ended(number_of(caller))
        assert (record["queue"], record["outcome"]) == (RIGHT.queue, "answered")


async def test_moving_a_call_that_rings_stops_the_phone(phones: Phones, desk: Desk) -> None:
    left, right = await phones.agent("1001"), await phones.agent("1002")
    call = await phones.call(LEFT.did)
    rung = await ringing(left)
    record = await desk.until_call(number_of(call), lambda seen: seen["offers"])
    await order(desk, record, "move", queue=RIGHT.queue)
    answered = await phones.pick_up(right)
    assert answered.remote_number == number_of(call)
    await rung.wait_ended(2)
    assert (await desk.agent("1001"))["today"]["missed"] == 0
    await desk.until_agent("1001", "ready")


async def test_points_put_a_caller_ahead(phones: Phones, desk: Desk) -> None:
    first, _ = await waiting(phones, desk, RANKED.did)
    second, record = await waiting(phones, desk, RANKED.did)
    known, of_known = await waiting(phones, desk, RANKED.did, KNOWN)
    assert of_known["priority"] == 50
    assert (await order(desk, record, "priority", priority=60))["priority"] == 60
    line = await desk.api.get(f"/api/v1/queues/{RANKED.queue}/calls")
    assert [call["number"] for call in line["items"]] == [number_of(call) for call in (second, known, first)]
    agent = await phones.agent("1003", state="")
    for caller in (second, known, first):
        answered = await phones.pick_up(agent)
        assert answered.remote_number == number_of(caller)
        await answered.hang_up()
        await desk.ended(number_of(caller))


async def test_a_pulled_call_rings_at_this_agent_now_and_is_back_at_its_place_if_it_is_not_taken(
    phones: Phones, desk: Desk
) -> None:
    agent = await phones.agent("1005")
    first, of_first = await waiting(phones, desk, PULLS.did)
    second, record = await waiting(phones, desk, PULLS.did)
    with pytest.raises(LabError, match=r"answered 409: .*not_allowed.*1004 is unreachable"):
        await order(desk, record, "pull", agent="1004")
    pulled = await order(desk, record, "pull", agent="1005")
    assert told(pulled, "pulled") == [{"agent": "1005", "by": "lab"}]
    rung = await ringing(agent)
    assert rung.remote_number == number_of(second)
    await rung.reject(603)
    after = await desk.until_waiting(number_of(second))
    assert after["queued_at"] == record["queued_at"]
    line = await desk.api.get(f"/api/v1/queues/{PULLS.queue}/calls")
    assert [call["id"] for call in line["items"]] == [of_first["id"], record["id"]]
    await order(desk, of_first, "pull", agent="1005")
    answered = await phones.pick_up(agent)
    assert answered.remote_number == number_of(first)


async def test_the_next_phone_rings_at_once_every_time_a_ringing_one_is_stopped(
    phones: Phones, desk: Desk, record_property: Callable[[str, object], None]
) -> None:
    """Two moves of one caller within a millisecond: Asterisk must do the second one as well."""
    own, other = await phones.agent("1004"), await phones.agent("1005")
    gaps_s = []
    for _ in range(PULLED_ROUNDS):
        call = await phones.call(PULLS.did)
        rung = await ringing(own)
        record = await desk.until_call(number_of(call), lambda seen: seen["offers"])
        ordered_at = Moment.now()
        await order(desk, record, "pull", agent="1005")
        pulled = await ringing(other)
        gaps_s.append(pulled.times.invited_at.unix_s - ordered_at.unix_s)
        await rung.wait_ended(2)
        await call.hang_up()
        ended = await desk.ended(number_of(call))
        assert [offer["result"] for offer in ended["offers"]] == ["withdrawn", "caller_left"]
        await asyncio.gather(*(desk.until_agent(agent_id, "ready") for agent_id in ("1004", "1005")))
    median, longest = statistics.median(gaps_s), max(gaps_s)
    print(f"from the order to the other phone's INVITE: median {1000 * median:.1f} ms, longest {1000 * longest:.1f} ms")
    record_property("median_ms", round(1000 * median, 1))
    record_property("longest_ms", round(1000 * longest, 1))


async def test_a_call_that_rings_elsewhere_is_pulled_from_there(phones: Phones, desk: Desk) -> None:
    own, other = await phones.agent("1004"), await phones.agent("1003")
    call = await phones.call(PULLS.did)
    rung = await ringing(own)
    record = await desk.until_call(number_of(call), lambda seen: seen["offers"])
    await order(desk, record, "pull", agent="1003")
    answered = await phones.pick_up(other)
    assert answered.remote_number == number_of(call)
    await rung.wait_ended(2)
    with pytest.raises(LabError, match=r"answered 409: .*talked on"):
        await order(desk, record, "pull", agent="1004")
    await answered.hang_up()
    ended = await desk.ended(number_of(call))
    results = [(offer["agent"], offer["result"]) for offer in ended["offers"]]
    assert results == [("1004", "withdrawn"), ("1003", "answered")]


async def test_who_dials_the_english_number_or_is_known_to_speak_it_gets_those_who_do(
    phones: Phones, desk: Desk
) -> None:
    russian, english = await phones.staff(SPEAKS.agents)
    for did, number, phone in ((SPEAKS.did, None, russian), (ENGLISH, None, english), (SPEAKS.did, KNOWN, english)):
        call = await phones.call(did, number)
        answered = await phones.pick_up(phone)
        assert answered.remote_number == number_of(call)
        await answered.hang_up()
        await answered.wait_ended(2)
        await desk.until_agent(phone.user, "ready")
    await desk.order("1007", "pause", reason="tea")
    call, record = await waiting(phones, desk, ENGLISH)
    why = await desk.api.get(f"/api/v1/calls/{record['id']}/why")
    assert [who["agent"] for who in why["candidates"] if who["eligible"]] == ["1007"]
    await desk.order("1007", "ready")
    await phones.pick_up(english)


@pytest.mark.fault(14)
async def test_an_order_on_old_knowledge_takes_nobody_from_an_agent_who_has_picked_up_meanwhile(
    phones: Phones, desk: Desk, proxy: CutProxy, figure: Figure
) -> None:
    """The manager link stands still. Agents pick up; a supervisor moves, pauses and pulls what seems to ring."""
    mover, paused, puller = [(await phones.staff(line.agents))[0] for line in (LATE_MOVE, LATE_PAUSE, LATE_PULL)]
    others = [(await phones.staff(line.agents))[0] for line in (LATE_TO, LATE_OTHER)]
    calls, rungs, records = [], [], []
    for line, agent in ((LATE_MOVE, mover), (LATE_PAUSE, paused), (LATE_PULL, puller)):
        calls.append(await phones.call(line.did))
        rungs.append(await ringing(agent))
        records.append(await desk.until_fact(number_of(calls[-1]), "ringing"))
    behind = await phones.call(LATE_MOVE.did)  # the next one for the agent who seems to be free again
    await desk.until_waiting(number_of(behind))
    most = [len(mover.calls)]
    mover.on_incoming = lambda call: _note(most, len(mover.calls))
    held = spawn(proxy.hold_back(HELD_S), "slow link")
    await asyncio.gather(*(rung.answer() for rung in rungs))
    assert all(await asyncio.gather(*(call.media.wait_voice("agent", 3) for call in calls)))
    await rungs[2].hang_up()
    await order(desk, records[0], "move", queue=LATE_TO.queue)
    await desk.order("1011", "pause", reason="tea")
    await order(desk, records[2], "pull", agent="1013")
    await held
    at = Moment.now()
    for agent_id in ("1009", "1011"):
        await desk.until_agent(agent_id, "talking")
    figure("the truth is known after", Moment.now().loop_s - at.loop_s, "s")
    await desk.until_fact(number_of(calls[2]), "survey_asked")
    await calls[2].send_digits("9")
    assert all(await asyncio.gather(*(_goes_on(call) for call in calls[:2])))
    assert all(rung.times.ended_at is None for rung in rungs[:2])
    assert not any(other.calls for other in others), "nobody else was rung for them"
    assert max(most) == 1, "and nobody rang at a phone that was talking"
    await asyncio.gather(*(rung.hang_up() for rung in rungs[:2]))
    ended = [await desk.ended(number_of(call), within_s=15) for call in calls]
    told_of = [(one["outcome"], one["agent"], one["queue"], one["offers"][0]["result"]) for one in ended]
    lines = (LATE_MOVE, LATE_PAUSE, LATE_PULL)
    assert told_of == [("answered", line.agents[0], line.queue, "answered") for line in lines]
    assert all(one["reconciled"] for one in ended)
    assert told(ended[0], "moved") == [{"queue": LATE_TO.queue, "by": "lab"}] and told(ended[2], "pulled")
    assert ended[2]["survey"] == {"result": "answered", "score": 9}
    await asyncio.gather(*(desk.until_agent(other.user, "ready") for other in others))


async def _goes_on(call: OutgoingCall) -> bool:
    heard = call.media.voices["agent"]
    return await call.media.wait_until(lambda: call.media.voices["agent"] > heard, 3)


async def _note(most: list[int], now: int) -> None:
    most.append(now)


async def test_points_outlive_the_daemon(phones: Phones, desk: Desk, daemon: LabDaemon) -> None:
    """The last test of the module: nobody else is on the phone."""
    first, _ = await waiting(phones, desk, KEPT.did)
    second, record = await waiting(phones, desk, KEPT.did)
    await order(desk, record, "priority", priority=9)
    await desk.until_call(number_of(second), lambda seen: seen["priority"] == 9)
    await daemon.stop()
    await daemon.start()
    again = await desk.until_waiting(number_of(second))
    assert (again["id"], again["priority"]) == (record["id"], 9)
    agent = await phones.agent("1008", state="")
    for caller in (second, first):
        answered = await phones.pick_up(agent)
        assert answered.remote_number == number_of(caller)
        await answered.hang_up()
        await desk.ended(number_of(caller))
