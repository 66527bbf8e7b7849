"""The database is locked by another program, and the daemon killed amid that: no call notices, no fact is missing."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from acd.lab.asterisk import LabAsterisk
from acd.lab.call import CallState
from acd.lab.daemon import LabDaemon
from acd.lab.outgoing import OutgoingCall
from tests.e2e.conftest import OpenHotline
from tests.e2e.desk import Desk, Record, until_fact
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, number_of, ringing
from tests.faults import Figure

FLOOR = Floor()
SCORED = FLOOR.line("scored", ("1001",), survey="nps")
OVER = FLOOR.line("over", ("1002",))
TALKS = FLOOR.line("talks", ("1003",))
WAITS = FLOOR.line("waits", ("1004",))
SECTIONS: dict[str, Any] = {"survey": {"first_digit_s": 3, "second_digit_s": 1}}

FOUND_S = 15.0  # SQLite waits for the lock for 5 s before it says so
BETWEEN_PRESS_AND_KILL_S = 0.05


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database."""
    return tmp_path_factory.mktemp("locked") / "acd.db"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(asterisk: LabAsterisk, hotline: OpenHotline, file: Path) -> LabDaemon:
    url = f"sqlite+aiosqlite:///{file}"
    return await hotline(asterisk, queues=FLOOR.queues, agents=FLOOR.agents, database=url, **SECTIONS)


async def health(daemon: LabDaemon) -> Record:
    async with aiohttp.ClientSession() as session, session.get(f"{daemon.api.url}/healthz") as answer:
        found: Record = await answer.json()
        return found


@asynccontextmanager
async def pulse(daemon: LabDaemon) -> AsyncIterator[list[float]]:
    """How long /healthz took each time, in seconds, asked all the while."""
    took: list[float] = []

    async def ask() -> None:
        loop = asyncio.get_running_loop()
        while True:
            asked_at = loop.time()
            await health(daemon)
            took.append(loop.time() - asked_at)
            await asyncio.sleep(0.02)

    task = asyncio.create_task(ask())  # noqa: TID251
    try:
        yield took
    finally:
        task.cancel()


def facts(record: Record) -> list[tuple[str, str]]:
    return [(event["fact"], event["at"]) for event in record["events"]]


async def seen(desk: Desk, call_id: str) -> Record:
    """A call that is live, or only just over: what memory has."""
    found: Record = await desk.api.get(f"/api/v1/calls/{call_id}")
    return found


async def until_seen(desk: Desk, call_id: str, fact: str) -> Record:
    found: Record = await until_fact(
        lambda: seen(desk, call_id), lambda call: any(event["fact"] == fact for event in call["events"]), fact, 10.0
    )
    return found


async def live_id(desk: Desk, call: OutgoingCall) -> str:
    found: Record = await until_fact(
        lambda: desk.api.get("/api/v1/calls", number=number_of(call), state="live"),
        lambda page: page["items"],
        "it is live",
        5.0,
    )
    return str(found["items"][0]["id"])


@pytest.mark.fault(16)
async def test_calls_go_on_and_a_kill_amid_the_outage_takes_nothing(
    phones: Phones, desk: Desk, daemon: LabDaemon, file: Path, figure: Figure
) -> None:
    loop = asyncio.get_running_loop()
    (scored_agent,), (over_agent,), (talks_agent,) = [await phones.staff(line.agents) for line in (SCORED, OVER, TALKS)]
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        talking = await phones.call(TALKS.did)
        talk = await phones.pick_up(talks_agent)
        waiting = await phones.call(WAITS.did)
        locked_at = loop.time()
        degraded = await until_fact(lambda: health(daemon), lambda said: "records" in said["degraded"], "told", FOUND_S)
        figure("told by health after", loop.time() - locked_at, "s")
        assert degraded["status"] == "degraded"
        assert "is locked by another program" in degraded["degraded"]["records"]
        status, said = await desk.ready()
        assert (status, "database" in said["error"]) == (503, True)

        async with pulse(daemon) as took:
            called_at = loop.time()
            over = await phones.call(OVER.did)
            over_id = await live_id(desk, over)
            rings = await ringing(over_agent)
            figure("from the call to the ringing phone", (loop.time() - called_at) * 1000, "ms")
            await rings.answer()
            await until_seen(desk, over_id, "connected")
            await rings.hang_up()

            scored = await phones.call(SCORED.did)
            scored_id = await live_id(desk, scored)
            conversation = await phones.pick_up(scored_agent)
            await conversation.hang_up()
            await until_seen(desk, scored_id, "survey_asked")
            await asyncio.sleep(0.3)  # a person's reaction
            await scored.send_digits("9", tone_s=0.08)
            await until_seen(desk, scored_id, "survey_ended")
        figure("longest answer of /healthz", max(took) * 1000, "ms")
        await until_seen(desk, over_id, "ended")
        before = {
            call_id: await seen(desk, call_id)
            for call_id in (over_id, scored_id, await live_id(desk, talking), await live_id(desk, waiting))
        }
        await asyncio.sleep(BETWEEN_PRESS_AND_KILL_S)
        await daemon.kill()
        assert other.execute("SELECT count(*) FROM calls").fetchone() == (0,), "the database has not seen any of it"
        other.rollback()
    restarted_at = loop.time()
    await daemon.start(look_every_s=0.02)
    figure("ready after the start", loop.time() - restarted_at, "s")
    assert (talking.state, talk.state, waiting.state) == (CallState.TALKING,) * 3
    assert (await health(daemon))["status"] == "ok"

    await talk.hang_up()
    await waiting.hang_up()
    await scored.wait_ended(15)
    after = {number_of(call): await desk.ended(number_of(call)) for call in (over, scored, talking, waiting)}
    by_id = {call["id"]: call for call in after.values()}
    assert set(by_id) == set(before)
    missing = 0
    for call_id, call in before.items():
        missing += len(set(facts(call)) - set(facts(by_id[call_id])))
        assert facts(by_id[call_id])[: len(call["events"])] == facts(call)
    figure("calls lost", 0, "calls")
    figure("records missing", len(before) - len(by_id), "records")
    figure("facts missing", missing, "facts")
    assert facts(by_id[over_id]) == facts(before[over_id])
    assert by_id[scored_id]["survey"] == {"result": "answered", "score": 9}
    outcomes = [after[number_of(call)]["outcome"] for call in (over, scored, talking, waiting)]
    assert outcomes == ["answered", "answered", "answered", "abandoned"]
