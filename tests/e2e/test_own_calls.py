"""What agents dial themselves: each other, the town. And who cannot: callers, whatever they or an agent's phone do."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from acd.lab.asterisk import LabAsterisk, LabSpec, agent_accounts, run_asterisk
from acd.lab.daemon import LabDaemon, free_port
from acd.lab.incoming import IncomingCall
from acd.lab.phone import Phone
from acd.lab.sip import CallFailed, SipTimeout
from tests.e2e.desk import PATIENCE_S, Desk, until_fact
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, Robot, number_of, ringing

FLOOR = Floor()
COLLEAGUES = FLOOR.line("colleagues", ("1001",))
WANTED = FLOOR.line("wanted", ("1002",))
OUT = FLOOR.line("out", ("1003",))
TALKS = FLOOR.line("talks", ("1004",), wrap_up_s=0)
UNREACHABLE = FLOOR.line("unreachable", ("1005",))
FRAUD = FLOOR.line("fraud", ("1006", "1007"))
SECTIONS = {"outbound": {"agent_per_min": 6, "per_min": 20, "agent_at_once": 3, "at_once": 5, "deny": ["8809"]}}

TOWN = "84951112233"
STAYS_SO_S = 0.7  # how long it is watched that nothing rings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asterisk() -> AsyncIterator[LabAsterisk]:
    """One whose trunk leads to a port of our own."""
    async with run_asterisk(LabSpec(agents=agent_accounts(1001, 7), trunk_port=free_port())) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def town(asterisk: LabAsterisk) -> AsyncIterator[Phone]:
    """Everybody outside."""
    server = (asterisk.sip_host, asterisk.sip_port)
    phone = Phone(user="town", server=server, local_host=asterisk.trunk_host, local_port=asterisk.trunk_port)
    await phone.start()
    yield phone
    for call in list(phone.calls.values()):
        await call.hang_up()
    await phone.stop()


async def nothing_rings(*phones: Phone) -> None:
    """Nobody calls these phones for a while."""
    for phone in phones:
        with pytest.raises(SipTimeout):
            await phone.incoming(timeout_s=STAYS_SO_S)


async def test_a_colleague_is_busy_from_the_first_ring_and_gets_no_caller_meanwhile(phones: Phones, desk: Desk) -> None:
    (agent,) = await phones.staff(COLLEAGUES.agents)
    (colleague,) = await phones.staff(WANTED.agents)
    private = await agent.call(colleague.user)
    there = await ringing(colleague)
    await desk.until_agent(colleague.user, "busy")
    await desk.until_agent(agent.user, "busy")
    caller = await phones.call(WANTED.did)
    await nothing_rings(colleague)
    await there.answer()
    await private.wait_answered(PATIENCE_S)
    await nothing_rings(colleague)
    await private.hang_up()
    offered = await ringing(colleague, within_s=1)
    assert offered.remote_number == number_of(caller)
    await desk.until_agent(agent.user, "ready")


async def test_an_agent_calls_the_town_through_the_trunk(phones: Phones, desk: Desk, town: Phone) -> None:
    (agent,) = await phones.staff(OUT.agents)
    call = await agent.call(TOWN)
    there = await ringing(town)
    assert there.dialled == TOWN
    await desk.until_agent(agent.user, "busy")
    await there.answer()
    await call.wait_answered(PATIENCE_S)
    await there.hang_up()
    await desk.until_agent(agent.user, "ready")


@pytest.mark.parametrize(
    "dialled",
    [
        "8495111x2233",
        "8495;x",
        "8495;ext=5",
        "number",
        "1002@example.org",
        "8%0d%0a4951112233",
        "8" * 21,
        "8" * 300,
        "+",
        "++74951112233",
        "84951112233%26PJSIP%2f1002",
        "%24%7bSHELL(reboot)%7d",
        "*4184951112233",
    ],
)
async def test_only_digits_are_dialled(phones: Phones, town: Phone, dialled: str) -> None:
    (agent,) = await phones.staff(OUT.agents)
    call = await agent.call(f"sip:{dialled}@{agent._line.server[0]}" if "@" not in dialled else f"sip:{dialled}")
    with pytest.raises(CallFailed):
        await call.wait_answered(PATIENCE_S)
    await nothing_rings(town)


async def test_a_caller_reaches_neither_agents_nor_the_town_by_dialling(phones: Phones, town: Phone) -> None:
    (agent,) = await phones.staff(COLLEAGUES.agents)
    for dialled in (TOWN, f"+{TOWN}", f"{TOWN};ext=1", agent.user, "*41", "*44", "number", "s", "h"):
        call = await town.call(dialled, number="+79160009999")
        await nothing_rings(agent, town)
        await call.hang_up()


async def test_a_caller_cannot_send_anybody_anywhere(phones: Phones, desk: Desk, town: Phone) -> None:
    (agent,) = await phones.staff(TALKS.agents)
    caller = await town.call(TALKS.did, number="+79160008888")
    talk = await phones.pick_up(agent)
    assert await caller.refer(TOWN, timeout_s=1) >= 300
    await nothing_rings(town)
    assert (await desk.agent(agent.user))["state"] == "talking"
    await talk.hang_up()


async def test_an_agents_phone_cannot_send_a_caller_to_the_town(phones: Phones, desk: Desk, town: Phone) -> None:
    (agent,) = await phones.staff(TALKS.agents)
    caller = await town.call(TALKS.did, number="+79160007777")
    talk = await phones.pick_up(agent)
    assert await talk.refer(TOWN) == 200
    await desk.until_fact("+79160007777", "returned")
    again = await phones.pick_up(agent, within_s=15)
    assert again.remote_number == "+79160007777"
    await nothing_rings(town)
    await caller.hang_up()


async def test_an_agents_phone_cannot_forward_a_caller_to_the_town(phones: Phones, desk: Desk, town: Phone) -> None:
    agent = await phones.agent(*TALKS.agents)
    caller = await town.call(TALKS.did, number="+79160006666")
    offered = await ringing(agent)
    await offered.reject(302, headers=[("contact", f"<sip:{TOWN}@{agent.address[0]}>")])
    await nothing_rings(town)
    await desk.until_agent(agent.user, "unreachable")
    waiting = await desk.until_waiting("+79160006666")
    assert [offer["result"] for offer in waiting["offers"]] == ["unreachable"]
    await caller.hang_up()


async def test_a_colleague_whose_phone_is_not_there(phones: Phones, desk: Desk) -> None:
    (agent,) = await phones.staff(COLLEAGUES.agents)
    call = await agent.call(*UNREACHABLE.agents)
    with pytest.raises(CallFailed):
        await call.wait_answered(PATIENCE_S)
    await desk.until_agent(agent.user, "ready")


async def refusals(daemon: LabDaemon) -> dict[str, float]:
    """Reason -> calls to the town refused so far, by the daemon's own count."""
    async with aiohttp.ClientSession() as session, session.get(f"{daemon.api.url}/metrics") as answer:
        text = await answer.text()
    found = re.findall(r'acd_outbound_refused_total\{[^}]*reason="(\w+)"[^}]*\} ([0-9.]+)', text)
    return {reason: float(count) for reason, count in found}


async def refused(agent: Phone, dialled: str) -> None:
    call = await agent.call(dialled)
    with pytest.raises(CallFailed):
        await call.wait_answered(PATIENCE_S)


@pytest.mark.parametrize(
    "dialled", ["810375291234567", "+375291234567", "375291234567", "00375291234567", "88091112233"]
)
async def test_abroad_and_what_is_denied_is_not_dialled(
    phones: Phones, town: Phone, daemon: LabDaemon, dialled: str
) -> None:
    (agent,) = await phones.staff(OUT.agents)
    before = (await refusals(daemon))["number"]
    await refused(agent, dialled)
    await nothing_rings(town)
    await until_fact(lambda: refusals(daemon), lambda seen: seen["number"] == before + 1, "it is counted", PATIENCE_S)
    assert dialled not in daemon.log.read_text() and "call to the town refused" in daemon.log.read_text()


async def test_a_stolen_telephone_is_held_to_its_rate_and_help_is_not(
    phones: Phones, town: Phone, desk: Desk, daemon: LabDaemon
) -> None:
    thief, honest = await phones.staff(FRAUD.agents)
    robot = Robot(town, declines)
    calls = [await thief.call(f"8495111{nth:04d}") for nth in range(3)]  # begun at once, so that they race
    for call in calls:
        with pytest.raises(CallFailed):
            await call.wait_answered(PATIENCE_S)
    for nth in range(3, 12):
        await refused(thief, f"8495111{nth:04d}")
    assert 6 <= robot.invites <= 7, "six a minute, and one more for every ten seconds"
    before = robot.invites
    await refused(honest, TOWN)
    assert robot.invites == before + 1, "another telephone has a rate of its own"
    await refused(thief, "112")
    assert robot.invites == before + 2, "help can always be called"
    assert (await refusals(daemon))["rate"] >= 5

    await daemon.kill()
    await refused(thief, "84951119999")
    assert robot.invites == before + 2, "the limit holds while no daemon runs"
    await daemon.start()
    await desk.until_agent(thief.user, "ready")


async def test_only_so_many_calls_go_on_at_one_time(phones: Phones, town: Phone, daemon: LabDaemon) -> None:
    (agent,) = await phones.staff(COLLEAGUES.agents)
    robot = Robot(town, rings_on)
    before = (await refusals(daemon))["at_once"]
    calls = await asyncio.gather(*(agent.call(f"8495222{nth:04d}") for nth in range(5)))
    await until_fact(lambda: refusals(daemon), lambda seen: seen["at_once"] == before + 2, "two refused", PATIENCE_S)
    assert robot.invites == 3
    for call in calls:
        with contextlib.suppress(CallFailed):
            await call.hang_up()


async def declines(call: IncomingCall) -> None:
    await call.reject(486)


async def rings_on(call: IncomingCall) -> None:
    await call.ring()
