"""Agents come and go: wrap-up, pause and log-out, by the API and by codes dialled at the telephone; own calls."""

from __future__ import annotations

import asyncio

import pytest

from acd.lab.sip import CallFailed, SipTimeout
from tests.e2e.desk import Desk, moment
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, number_of, ringing

FLOOR = Floor()
WRAP_UP = FLOOR.line("wrap_up", ("1001",), wrap_up_s=2)
EARLY = FLOOR.line("early", ("1002",), wrap_up_s=60)
API = FLOOR.line("api", ("1003",))
CODES = FLOOR.line("codes", ("1004",))
STRANGERS = FLOOR.line("strangers", ("1005", "1006"))
OWN_CALL = FLOOR.line("own_call", ("1007",))
WITHDRAWN = FLOOR.line("withdrawn", ("1008",))
LATE = FLOOR.line("late", ("1009",), login="manual")
FLOOR.agent("1010")

LOGIN, LOGOUT, PAUSE, READY = "*41", "*42", "*43", "*44"
STAYS_SO_S = 0.7  # how long it is watched that nothing rings


async def nothing_rings(phone: object) -> None:
    """Nobody calls this phone for a while."""
    with pytest.raises(SipTimeout):
        await phone.incoming(timeout_s=STAYS_SO_S)  # type: ignore[attr-defined]


async def test_wrap_up_keeps_the_agent_out_for_its_time(phones: Phones, desk: Desk) -> None:
    (agent,) = await phones.staff(WRAP_UP.agents)
    await phones.call(WRAP_UP.did)
    talk = await phones.pick_up(agent)
    await talk.hang_up()
    state = await desk.until_agent(agent.user, "wrap_up", within_s=1)
    await phones.call(WRAP_UP.did)
    offered = await ringing(agent)
    waited_s = offered.times.invited_at.unix_s - moment(state["since"])
    assert waited_s == pytest.approx(2, abs=0.2)


async def test_ready_ends_a_wrap_up(phones: Phones, desk: Desk) -> None:
    (agent,) = await phones.staff(EARLY.agents)
    await phones.call(EARLY.did)
    talk = await phones.pick_up(agent)
    await talk.hang_up()
    await desk.until_agent(agent.user, "wrap_up", within_s=1)
    await phones.call(EARLY.did)
    await nothing_rings(agent)
    await desk.order(agent.user, "ready")
    await ringing(agent, within_s=1)


async def test_who_is_paused_or_logged_out_over_the_api_gets_no_call(phones: Phones, desk: Desk) -> None:
    (agent,) = await phones.staff(API.agents)
    paused = await desk.order(agent.user, "pause", reason="обед")
    assert (paused["state"], paused["reason"]) == ("paused", "обед")
    call = await phones.call(API.did)
    await nothing_rings(agent)
    assert (await desk.order(agent.user, "logout"))["state"] == "offline"
    await nothing_rings(agent)
    await desk.order(agent.user, "login")
    offered = await ringing(agent, within_s=1)
    assert offered.remote_number == number_of(call)


async def test_the_same_by_codes_dialled_at_the_telephone(phones: Phones, desk: Desk) -> None:
    (agent,) = await phones.staff(CODES.agents)

    async def dial(code: str, state: str) -> None:
        call = await agent.call(code)
        await call.wait_answered(2)
        await call.hang_up()
        await desk.until_agent(agent.user, state)

    await dial(PAUSE, "paused")
    call = await phones.call(CODES.did)
    await nothing_rings(agent)
    await dial(LOGOUT, "offline")
    await nothing_rings(agent)
    await dial(LOGIN, "offered")
    offered = await ringing(agent)
    assert offered.remote_number == number_of(call)
    await offered.reject(603)
    await dial(PAUSE, "paused")
    await call.hang_up()
    await dial(READY, "ready")


async def test_an_agent_who_logs_in_later_gets_the_call_that_waits(phones: Phones, desk: Desk) -> None:
    agent = await phones.agent("1009", state="offline")
    call = await phones.call(LATE.did)
    await nothing_rings(agent)
    await desk.order(agent.user, "login")
    offered = await ringing(agent, within_s=1)
    assert offered.remote_number == number_of(call)


async def test_a_pause_while_it_rings_takes_the_call_away(phones: Phones, desk: Desk) -> None:
    (agent,) = await phones.staff(WITHDRAWN.agents)
    call = await phones.call(WITHDRAWN.did)
    offered = await ringing(agent)
    await desk.order(agent.user, "pause", reason="away")
    await offered.wait_ended(1)
    record = await desk.until_waiting(number_of(call))
    assert [offer["result"] for offer in record["offers"]] == ["withdrawn"]


@pytest.mark.parametrize("code", [LOGIN, LOGOUT, PAUSE, READY])
async def test_the_codes_cannot_be_dialled_from_the_town(phones: Phones, desk: Desk, code: str) -> None:
    await phones.agent("1005")
    trunk = await phones.trunk()
    call = await trunk.call(code, number="1005", name="1005")
    with pytest.raises(CallFailed) as refused:
        await call.wait_answered(5)
    assert refused.value.status == 404
    assert (await desk.agent("1005"))["state"] == "ready"


async def test_a_code_is_for_the_telephone_it_is_dialled_at_whatever_number_it_shows(
    phones: Phones, desk: Desk
) -> None:
    forger, victim = await phones.staff(STRANGERS.agents)
    call = await forger.call(LOGOUT, number=victim.user, name=victim.user)
    with pytest.raises(CallFailed):  # the digest is for 1005, the From says 1006
        await call.wait_answered(2)
    assert (await desk.agent(victim.user))["state"] == "ready"
    honest = await forger.call(LOGOUT, name=victim.user)
    await honest.wait_answered(2)
    await honest.hang_up()
    await desk.until_agent(forger.user, "offline")
    assert (await desk.agent(victim.user))["state"] == "ready"
    await desk.order(forger.user, "login")


async def test_an_agent_on_a_call_of_their_own_is_busy_and_gets_no_call(phones: Phones, desk: Desk) -> None:
    (agent,) = await phones.staff(OWN_CALL.agents)
    colleague = await phones.agent("1010")
    private = await agent.call(colleague.user)
    there = await colleague.incoming(timeout_s=2)
    await there.answer()
    await private.wait_answered(2)
    await desk.until_agent(agent.user, "busy")
    await desk.until_agent(colleague.user, "busy")
    call = await phones.call(OWN_CALL.did)
    await nothing_rings(agent)
    await private.hang_up()
    offered = await ringing(agent, within_s=1)
    assert offered.remote_number == number_of(call)
    await asyncio.gather(there.wait_ended(2), desk.until_agent(colleague.user, "ready"))
