"""A caller's name and number are a stranger's text: shown and stored whole, and never obeyed."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from acd.lab.asterisk import LabAsterisk
from acd.lab.daemon import LabDaemon
from acd.lab.incoming import IncomingCall
from acd.lab.phone import Phone
from acd.lab.proxy import CutProxy, cut_proxy
from acd.lab.sip import CallFailed, SipTimeout
from acd.lab.transactions import Timers
from tests.e2e.conftest import OpenHotline
from tests.e2e.desk import Desk
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, Robot, number_of, ringing
from tests.faults import Figure

FLOOR = Floor()
NAMES = FLOOR.line("names", ("1001",))
DOOR = FLOOR.line("door", ("1002",))
BYSTANDERS = ("1003", "1004")
for bystander in BYSTANDERS:
    FLOOR.agent(bystander)

NAME = 'Пётр «Ёж» "Иваныч" O\'Brien C:\\дом'
IMPATIENT = Timers(t1_s=0.05, t2_s=0.2)
ORIGINATE = b"Action: Originate\r\nChannel: PJSIP/1003\r\nContext: agents\r\nExten: 1004\r\nPriority: 1\r\n\r\n"
FORGED = "Action: Originate%0d%0aChannel: PJSIP/1003"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy(asterisk: LabAsterisk) -> AsyncIterator[CutProxy]:
    """Overhears what the daemon sends."""
    async with cut_proxy((asterisk.ami_host, asterisk.ami_port)) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(asterisk: LabAsterisk, hotline: OpenHotline, proxy: CutProxy) -> LabDaemon:
    return await hotline(asterisk, queues=FLOOR.queues, agents=FLOOR.agents, ami=proxy.address)


@contextlib.asynccontextmanager
async def event_stream(daemon: LabDaemon) -> AsyncIterator[aiohttp.StreamReader]:
    """The lines of /events."""
    headers = {"Authorization": f"Bearer {daemon.api.token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{daemon.api.url}/api/v1/events") as answer,
    ):
        yield answer.content


async def streamed_call(lines: aiohttp.StreamReader, number: str) -> dict[str, object]:
    """The first delta about the call of this number."""
    async with asyncio.timeout(5):
        async for line in lines:
            if line.startswith(b"data:"):
                call = json.loads(line.removeprefix(b"data:")).get("call")
                if call is not None and call["number"] == number:
                    return dict(call)
    raise AssertionError("the stream ended")


async def test_a_cyrillic_name_with_quotes_and_backslashes_survives_whole(
    phones: Phones, desk: Desk, daemon: LabDaemon
) -> None:
    (agent,) = await phones.staff(NAMES.agents)
    async with event_stream(daemon) as lines:
        call = await phones.call(NAMES.did, name=NAME)
        offered = await ringing(agent)
        assert (await streamed_call(lines, number_of(call)))["name"] == NAME
    live = await desk.call(number_of(call))
    assert live is not None
    assert live["name"] == NAME
    assert offered.remote_name == NAME
    await offered.answer()
    await desk.until_agent(agent.user, "talking")
    await offered.hang_up()
    assert (await desk.ended(number_of(call)))["name"] == NAME


@pytest.mark.fault(22)
@pytest.mark.parametrize(
    "name",
    [
        b'"x\r\n' + ORIGINATE + b'"',
        b'"x\n' + ORIGINATE.replace(b"\r", b"") + b'"',
        b'"' + FORGED.encode() + b'"',
        b'"\xff\xfe\xc3(\xd0"',
        b'"' + b"A" * 10_000 + b'"',
        b'"' + "Ж".encode() * 700 + b'"',
        b'"${SHELL(reboot)}, &PJSIP/1003, $[1/0] #{x}"',
        b'"\\"; Variable: ACD_DIAL=PJSIP/1003"',
    ],
    ids=["crlf", "lf", "escaped", "not-utf8", "10kB", "long-cyrillic", "dialplan", "quotes"],
)
async def test_a_hostile_name_dials_nobody_extra(
    phones: Phones, desk: Desk, asterisk: LabAsterisk, proxy: CutProxy, name: bytes, figure: Figure
) -> None:
    async with watched(phones, asterisk) as (agent, others):
        before = links_and_tests(proxy)
        await knock(asterisk, DOOR.did, name=name)
        assert agent.invites <= 1
        await serve_the_next(phones, desk, agent)
        nothing_more(others, proxy, before, figure)


@pytest.mark.fault(22)
@pytest.mark.parametrize(
    "did",
    [
        "500&PJSIP/1003",
        "500%26PJSIP%2f1003",
        "${SHELL(reboot)}",
        "%24%7bSHELL(reboot)%7d",
        "1%0d%0aAction:%20Originate%0d%0aChannel:%20PJSIP%2f1003",
        "7495,1,Dial(PJSIP%2f1003)",
        "+" * 300,
    ],
)
async def test_a_hostile_number_dials_nobody(
    phones: Phones, desk: Desk, asterisk: LabAsterisk, proxy: CutProxy, did: str, figure: Figure
) -> None:
    async with watched(phones, asterisk) as (agent, others):
        before = links_and_tests(proxy)
        await knock(asterisk, f"sip:{did}@{asterisk.sip_host}:{asterisk.sip_port}")
        assert agent.invites == 0
        await knock(asterisk, DOOR.did, number=did)
        agent.invites = 0
        await serve_the_next(phones, desk, agent)
        nothing_more(others, proxy, before, figure)


def links_and_tests(proxy: CutProxy) -> tuple[int, int]:
    """How often somebody logged in, and how many calls were originated."""
    return proxy.actions["Login"], proxy.actions["Originate"]


def nothing_more(others: list[Robot], proxy: CutProxy, before: tuple[int, int], figure: Figure) -> None:
    """Nobody else was rung. The daemon originates one test call for each link, and never anything else."""
    dialled = sum(robot.invites for robot in others)
    links, tests = (now - then for now, then in zip(links_and_tests(proxy), before, strict=True))
    figure("extra channels dialled", dialled, "")
    figure("extra actions on the wire", tests - links, "")
    assert (dialled, tests - links) == (0, 0)


@contextlib.asynccontextmanager
async def watched(phones: Phones, asterisk: LabAsterisk) -> AsyncIterator[tuple[Robot, list[Robot]]]:
    """The door's agent, and everybody whose telephone must not ring: bystanders and the town."""
    (agent,) = await phones.staff(DOOR.agents)
    town = Phone(
        user="town",
        server=(asterisk.sip_host, asterisk.sip_port),
        local_host=asterisk.trunk_host,
        local_port=asterisk.trunk_port,
    )
    await town.start()
    try:
        bystanders = await phones.staff(BYSTANDERS)
        yield Robot(agent, _takes), [Robot(phone, _takes) for phone in (*bystanders, town)]
    finally:
        await town.stop()


async def _takes(call: IncomingCall) -> None:
    await call.answer()


async def knock(asterisk: LabAsterisk, target: str, *, number: str = "+79990000000", name: bytes | None = None) -> None:
    """One call with hostile text in it, however it ends; over when this returns."""
    server = (asterisk.sip_host, asterisk.sip_port)
    stranger = Phone(user="stranger", server=server, local_host=asterisk.trunk_host, timers=IMPATIENT)
    await stranger.start()
    call = await stranger.call(target, number=number, name=name)
    with contextlib.suppress(CallFailed, SipTimeout):
        await call.wait_answered(2)
        await call.wait_ended(0.3)
    with contextlib.suppress(CallFailed, SipTimeout):
        await call.hang_up()
    await stranger.stop()


async def serve_the_next(phones: Phones, desk: Desk, agent: Robot) -> None:
    """The daemon is ready, nobody is left over from the knock, and an honest caller is served."""
    assert (await desk.ready())[0] == 200
    await desk.until_agent("1002", "ready")
    before = agent.invites
    call = await phones.call(DOOR.did)
    await desk.until_fact(number_of(call), "connected")
    assert agent.invites == before + 1
    await call.hang_up()
    await desk.ended(number_of(call))
