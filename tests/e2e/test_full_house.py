"""A full hotline, and the link or the daemon's attention is gone for a while: nobody in it may notice."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from acd.lab.daemon import LabDaemon
from acd.lab.proxy import CutProxy, cut_proxy
from tests.deadlines import until
from tests.e2e.conftest import OpenHotline
from tests.e2e.crowd import QUEUE, Crowd, crowd
from tests.e2e.desk import Desk, Record, moment, until_fact
from tests.faults import Figure, Seconds

TALKING, RINGING, WAITING = 50, 5, 20
BACK_WITHIN_S = 5.0
PING_S = 0.5
SAME_S = 0.05  # a moment that was read back from Asterisk, in its milliseconds and by its clock


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people() -> AsyncIterator[Crowd]:
    async with crowd(TALKING + RINGING) as full:
        yield full


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy(people: Crowd) -> AsyncIterator[CutProxy]:
    async with cut_proxy((people.asterisk.ami_host, people.asterisk.ami_port)) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(people: Crowd, hotline: OpenHotline, proxy: CutProxy) -> LabDaemon:
    link = {"ping_interval_s": PING_S}
    return await hotline(people.asterisk, queues=people.queues, agents=people.agents, ami=proxy.address, link=link)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def an_empty_house(people: Crowd) -> AsyncIterator[None]:
    """To begin with, whatever the test before has left."""
    yield
    await people.go()
    for calls in (people.talking, people.rung, people.waiting):
        calls.clear()


async def line(desk: Desk) -> list[tuple[str, str]]:
    """Who waits or is offered, in the order in which they are served, and since when."""
    items = (await desk.api.get(f"/api/v1/queues/{QUEUE}/calls"))["items"]
    return [(call["number"], call["queued_at"]) for call in items]


async def live(desk: Desk) -> dict[str, Record]:
    """The calls that are inside, by number."""
    items = (await desk.api.get("/api/v1/calls", state="live", limit=200))["items"]
    assert len({call["number"] for call in items}) == len(items)
    return {call["number"]: call for call in items}


async def states(desk: Desk) -> dict[str, str]:
    return {agent["id"]: agent["state"] for agent in (await desk.api.get("/api/v1/agents"))["items"]}


async def filled(people: Crowd, desk: Desk, talking: int, rings: int, waiting: int) -> None:
    """Everybody has come, and the daemon has heard of it."""
    await people.talk(talking)
    await people.ring(rings)
    await people.wait(waiting)
    wanted = ["offered"] * rings + ["talking"] * talking
    await until_fact(
        lambda: states(desk), lambda seen: sorted(s for s in seen.values() if s != "ready") == wanted, "all are in", 5
    )
    await until_fact(lambda: line(desk), lambda seen: len(seen) == rings + waiting, "the rest waits", 5)


async def serve_everybody(people: Crowd, desk: Desk) -> None:
    """The next agent who is free takes the first of the line; then all are served, and go. The books are closed."""
    people.pick_up()
    await until(lambda: all(seen.talked_at for seen in people.rung), "the rung are answered")
    people.hang_up(people.talking[0])
    await until(lambda: any(seen.talked_at for seen in people.waiting), "one of the line is answered")
    assert [seen.number for seen in people.waiting if seen.talked_at] == [people.waiting[0].number]
    for seen in people.talking[1:]:
        people.hang_up(seen)
    await until(lambda: all(seen.talked_at for seen in people.waiting), "all are answered")
    await people.go()
    await until_fact(lambda: live(desk), lambda calls: not calls, "nobody is inside", 10)


@pytest.mark.fault(1)
async def test_a_cut_link_costs_a_full_hotline_nothing(
    people: Crowd, desk: Desk, proxy: CutProxy, figure: Figure
) -> None:
    await filled(people, desk, TALKING, RINGING, WAITING)
    before, in_line, orders = await live(desk), await line(desk), proxy.actions.copy()
    invites = sum(agent.invites for agent in people.ends.agents.values())
    cut_at = time.monotonic()
    assert proxy.cut() == 1
    await desk.until_ready_is(503, within_s=2)
    found_s = time.monotonic() - cut_at
    await desk.until_ready_is(200, within_s=BACK_WITHIN_S)
    back_s = time.monotonic() - cut_at
    after = await live(desk)
    given = proxy.actions - orders
    figure("found after", found_s, "s")
    figure("back after", back_s, "s")
    figure("callers lost", len(people.lost), "calls")
    assert back_s < BACK_WITHIN_S
    assert not people.lost
    assert not {"Redirect", "Hangup"} & set(given), f"callers were moved: {given}"
    assert given["Originate"] == 1, "the daemon's test call"
    assert [number for number, _ in await line(desk)] == [number for number, _ in in_line]
    assert set(after) == set(before) and len(after) == TALKING + RINGING + WAITING
    for number, call in before.items():
        assert after[number]["id"] == call["id"]
        for when in ("entered_at", "queued_at"):
            assert moment(after[number][when]) == pytest.approx(moment(call[when]), abs=SAME_S)
    assert len(people.ringing) == RINGING
    assert sum(agent.invites for agent in people.ends.agents.values()) == invites, "no phone was rung again"
    assert sorted((await states(desk)).values()) == ["offered"] * RINGING + ["talking"] * TALKING
    await serve_everybody(people, desk)
    records = (await desk.api.get("/api/v1/calls", state="ended", limit=200))["items"]
    assert len(records) == len({call["number"] for call in records}) == len(before)
    assert {call["outcome"] for call in records} == {"answered"}
    assert all(len(call["offers"]) == 1 and not call["reconciled"] for call in records)
    figure("records of 75 calls", len(records), "")


@pytest.mark.fault(18)
async def test_a_daemon_that_stood_still_dials_nobody_twice(
    people: Crowd, daemon: LabDaemon, desk: Desk, proxy: CutProxy, figure: Figure, seconds: Seconds
) -> None:
    """Meanwhile agents pick up and put down, and callers come."""
    await filled(people, desk, TALKING, RINGING, WAITING)
    looks = proxy.actions["Status"]
    os.kill(daemon.pid, signal.SIGSTOP)
    began = time.monotonic()
    try:
        people.pick_up()
        for seen in people.talking[:10]:
            people.hang_up(seen)
        await people.wait(5)
        await asyncio.sleep(max(0.0, began + seconds(5.0, 2.0) - time.monotonic()))  # the fault itself
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    woke_at = time.monotonic()
    figure("stood still for", woke_at - began, "s")
    await until(lambda: sum(bool(seen.talked_at) for seen in people.waiting) == 10, "the ten who are free take ten")
    figure("free agents at work after", time.monotonic() - woke_at, "s")
    await until(lambda: proxy.actions["Status"] > looks, "Asterisk is read back")
    figure("read back after", time.monotonic() - woke_at, "s")
    taken = [bool(seen.talked_at) for seen in people.waiting]
    assert taken == [True] * 10 + [False] * 15, "those who came first"
    most = max(agent.live for agent in people.ends.agents.values())
    figure("most calls on one phone", most, "")
    assert most == 1
    await desk.until_ready_is(200, within_s=BACK_WITHIN_S)
    await until_fact(lambda: states(desk), lambda seen: set(seen.values()) == {"talking"}, "everybody talks", 5)
    await people.go()
    await until_fact(lambda: live(desk), lambda calls: not calls, "nobody is inside", 10)
    records = (await desk.api.get("/api/v1/calls", state="ended", limit=200))["items"]
    mine = [call for call in records if call["number"].lstrip("+") in {seen.number for seen in people.calls}]
    assert len(mine) == len(people.calls)
    assert all(len(call["offers"]) <= 1 for call in mine)
