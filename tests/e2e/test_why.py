"""What the API says of the decisions about real calls is what the event log proves: replayed, it says the same."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from acd.lab.asterisk import LabAsterisk
from acd.lab.daemon import LabDaemon
from tests.e2e.conftest import OpenHotline
from tests.e2e.desk import Desk, moment, until_fact
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, number_of, ringing

FLOOR = Floor()
TWO = FLOOR.line("two", ("1001", "1002"))
LATE = FLOOR.line("late", ("1003",), login="manual")


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("events") / "events.jsonl"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(asterisk: LabAsterisk, hotline: OpenHotline, events: Path) -> AsyncIterator[LabDaemon]:
    """The module's daemon, with an event log."""
    yield await hotline(asterisk, queues=FLOOR.queues, agents=FLOOR.agents, event_log={"path": str(events)})


async def replayed(events: Path) -> list[dict[str, Any]]:
    """The decisions that `acd replay` prints; it must find every answer as recorded."""
    command = [sys.executable, "-m", "acd", "replay", "--json", str(events)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "every answer as recorded" in done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def as_replayed(call_id: str, decision: dict[str, Any]) -> dict[str, Any]:
    """A decision of the API in the words of the replay; its time to the millisecond the API tells."""
    return {**decision, "call_id": call_id, "at": pytest.approx(moment(decision["at"]), abs=0.001)}


async def test_a_replay_of_the_event_log_makes_the_decisions_the_api_told(
    phones: Phones, desk: Desk, daemon: LabDaemon, events: Path
) -> None:
    first, second = await phones.staff(TWO.agents)
    caller = await phones.call(TWO.did)
    by_user = {phone.user: phone for phone in (first, second)}
    rung = (await desk.until_fact(number_of(caller), "offered"))["offers"][0]["agent"]
    await (await ringing(by_user.pop(rung))).reject(603)
    (other,) = by_user.values()
    talk = await phones.pick_up(other)
    record = await desk.until_fact(number_of(caller), "connected")
    live = await desk.api.get(f"/api/v1/calls/{record['id']}/why")
    assert [made["chosen"] for made in live["decisions"]] == [[rung], [other.user]]
    assert [made["ready"] for made in live["decisions"]] == [2, 1]
    assert live["decisions"][0]["others"] == {"skills": 1}
    assert live["decisions"][1]["others"] == {"refused": 1, "skills": 1}
    assert [who["agent"] for who in live["candidates"] if who["chosen"]] == [other.user]
    await talk.hang_up()
    record = await desk.ended(number_of(caller))
    ended = await desk.api.get(f"/api/v1/calls/{record['id']}/why")
    assert ended["decisions"] == live["decisions"]
    assert await daemon.stop() == 0
    told = [as_replayed(record["id"], made) for made in ended["decisions"]]
    assert [made for made in await replayed(events) if made["call_id"] == record["id"]] == told
    await daemon.start()
    old = await desk.api.get(f"/api/v1/calls/{record['id']}/why")
    assert old["decisions"] == ended["decisions"]


async def test_an_agent_is_told_why_no_call_comes(phones: Phones, desk: Desk) -> None:
    await phones.staff(TWO.agents)
    caller = await phones.call(LATE.did)
    record = await desk.until_waiting(number_of(caller))
    why = await desk.api.get("/api/v1/agents/1001/why")
    assert why["summary"] == "ready; 1 waits, none of them for this agent: skills 1"
    (call,) = why["calls"]
    assert (call["call_id"], call["position"], call["obstacle"]) == (record["id"], 1, "skills")
    away = await desk.api.get("/api/v1/agents/1003/why")
    assert away["summary"] == "logged out; 1 waits, 1 of them for this agent"


async def test_a_killed_daemon_leaves_a_log_that_can_be_replayed(
    phones: Phones, desk: Desk, daemon: LabDaemon, events: Path
) -> None:
    await phones.staff(TWO.agents)
    caller = await phones.call(TWO.did)
    record = await desk.until_fact(number_of(caller), "offered")
    await until_fact(lambda: in_file(events, record["id"]), bool, "the event is on the disk", 5)
    await daemon.kill()
    assert [made["call_id"] for made in await replayed(events)] == [record["id"]]
    await daemon.start()


async def in_file(path: Path, text: str) -> bool:
    """Whether the file holds the text."""
    return text in await asyncio.to_thread(path.read_text)
