"""Asterisk itself dies under its calls: they are recorded as lost, agents are free, the next call is served."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from acd.lab.asterisk import LabAsterisk, LabSpec, agent_accounts, run_asterisk
from acd.lab.daemon import LabDaemon
from acd.lab.proxy import CutProxy, cut_proxy
from acd.lab.udp import Moment
from tests.e2e.conftest import OpenHotline
from tests.e2e.desk import Desk
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, number_of, ringing
from tests.e2e.scene import play, three_lines
from tests.faults import Figure

FLOOR = Floor()
LINES = three_lines(FLOOR, "reborn", ("1001", "1002", "1003"))
BACK_WITHIN_S = 10.0
ABOUT_CALLS = {"Redirect", "Hangup"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asterisk() -> AsyncIterator[LabAsterisk]:
    """One of our own, to be killed."""
    async with run_asterisk(LabSpec(agents=agent_accounts(1001, 3))) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy(asterisk: LabAsterisk) -> AsyncIterator[CutProxy]:
    async with cut_proxy((asterisk.ami_host, asterisk.ami_port)) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(asterisk: LabAsterisk, hotline: OpenHotline, proxy: CutProxy) -> LabDaemon:
    return await hotline(asterisk, queues=FLOOR.queues, agents=FLOOR.agents, ami=proxy.address)


@pytest.mark.fault(6)
async def test_calls_that_asterisk_cuts_when_it_is_stopped_are_lost(
    phones: Phones, desk: Desk, asterisk: LabAsterisk
) -> None:
    """It hangs them up one by one, like the callers themselves would, before the link ends."""
    scene = await play(LINES, phones, desk)
    await asterisk.restart()
    for call in scene.callers:
        record = await desk.ended(number_of(call))
        assert (record["outcome"], record["ended_by"]) == ("lost", "system")
        await scene.same(desk, call)
    await desk.until_ready_is(200, within_s=BACK_WITHIN_S)
    for phone in (scene.talks, scene.rings):
        await desk.until_agent(phone.user, "ready")


@pytest.mark.fault(6)
async def test_calls_that_a_restart_cuts_just_after_the_daemon_died_are_lost(
    phones: Phones, desk: Desk, daemon: LabDaemon, asterisk: LabAsterisk
) -> None:
    """The heartbeat is fresh still, so the dialplan has noted nobody's end."""
    scene = await play(LINES, phones, desk)
    await daemon.kill()
    await asterisk.restart()
    await daemon.start()
    for call in scene.callers:
        record = await desk.ended(number_of(call), within_s=BACK_WITHIN_S)
        assert (record["outcome"], record["ended_by"], record["reconciled"]) == ("lost", "system", True)
        await scene.same(desk, call)
    for phone in (scene.talks, scene.rings):
        await desk.until_agent(phone.user, "ready")


@pytest.mark.fault(6)
async def test_calls_of_a_killed_asterisk_are_lost_and_the_next_is_served(
    phones: Phones, desk: Desk, asterisk: LabAsterisk, proxy: CutProxy, figure: Figure
) -> None:
    scene = await play(LINES, phones, desk)
    killed_at = Moment.now().loop_s
    await asterisk.kill()
    await desk.until_ready_is(503, within_s=5)
    figure("found after", Moment.now().loop_s - killed_at, "s")
    ordered = proxy.actions.copy()
    await asterisk.start()
    started_at = Moment.now().loop_s
    await desk.until_ready_is(200, within_s=BACK_WITHIN_S)
    figure("back after its start", Moment.now().loop_s - started_at, "s")
    for call in scene.callers:
        record = await desk.ended(number_of(call))
        assert (record["outcome"], record["reconciled"]) == ("lost", True)
        await scene.same(desk, call)
    figure("calls lost with Asterisk", len(scene.callers), "calls")
    assert not (proxy.actions - ordered).keys() & ABOUT_CALLS
    for phone in (scene.talks, scene.rings):
        for leftover in list(phone.calls.values()):
            leftover.abandon()
        await phone.register()
        await desk.until_agent(phone.user, "ready")
    await phones.call(LINES.ring.did)
    offered = await ringing(scene.rings)
    await offered.answer()
    await desk.until_agent(scene.rings.user, "talking")
    assert (await desk.api.get("/api/v1/calls", state="live"))["items"][0]["agent"] == scene.rings.user
