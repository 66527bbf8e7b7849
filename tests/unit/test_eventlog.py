"""The event log on disk: what is heard is there, in files of bounded size, and what is lost is counted."""

from __future__ import annotations

import asyncio
import errno
import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from acd import eventlog, tasks
from acd.eventlog import EventLog, EventLogSettings
from acd.ivr.core import Recipe
from acd.ivr.eventlog import event_line
from acd.queues import events as ev
from acd.queues.model import AgentId
from tests.deadlines import until
from tests.playbooks.words import agent, plan

RECIPE = Recipe(plan([agent("1001", sales=5)]))
LOGIN = ev.AgentLogin(1_700_000_000.0, AgentId("1001"))


@asynccontextmanager
async def opened(path: Path, max_bytes: int = 1_000_000, keep: int = 5, **more: Any) -> AsyncIterator[EventLog]:
    """Ended as the daemon ends it."""
    kept = EventLog(EventLogSettings(path, max_bytes, keep), RECIPE, "run", **more)
    running = tasks.spawn(kept.run(), "event log")
    try:
        yield kept
    finally:
        kept.close()
        await asyncio.wait_for(running, 5)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_what_is_heard_is_written_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "var" / "events.jsonl"
    async with opened(path) as kept:
        kept.heard(LOGIN, [])
        kept.heard(LOGIN, None)
    header, first, second = lines(path)
    assert (header["acd_event_log"], header["part"], header["first"], header["run"]) == (1, 1, 1, "run")
    assert first == {"n": 1, "event": "AgentLogin", "data": {"at": 1_700_000_000.0, "agent_id": "1001"}, "commands": ""}
    assert (second["n"], second["commands"]) == (2, "failed")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (kept.written, kept.lost, kept.health()) == (2, 0, None)


async def test_a_full_file_is_kept_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    async with opened(path, max_bytes=1, keep=2) as kept:
        for n in range(1, 6):
            kept.heard(LOGIN, [])
            await until(lambda n=n: kept.written == n)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["events.jsonl", "events.jsonl.1", "events.jsonl.2"]
    for name, part in (("events.jsonl", 5), ("events.jsonl.1", 4), ("events.jsonl.2", 3)):
        header, event = lines(tmp_path / name)
        assert (header["part"], header["first"], event["n"]) == (part, part, part)


async def test_each_start_begins_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for _ in range(2):
        async with opened(path) as kept:
            kept.heard(LOGIN, [])
    assert [one["n"] for one in lines(path)[1:]] == [1]
    assert [one["n"] for one in lines(tmp_path / "events.jsonl.1")[1:]] == [1]


async def test_with_none_to_keep_the_file_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    async with opened(path, max_bytes=1, keep=0) as kept:
        for n in (1, 2):
            kept.heard(LOGIN, [])
            await until(lambda n=n: kept.written == n)
    assert [one.name for one in tmp_path.iterdir()] == ["events.jsonl"]
    assert lines(path)[0]["part"] == 2


async def test_a_disk_that_refuses_costs_events_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events.jsonl"
    write = eventlog.Parts.write

    def full(_parts: object, _first: int, _lines: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with opened(path) as kept:
        monkeypatch.setattr(eventlog.Parts, "write", full)
        kept.heard(LOGIN, [])
        await until(lambda: kept.lost)
        monkeypatch.setattr(eventlog.Parts, "write", write)
        kept.heard(LOGIN, [])
    assert (kept.lost, kept.written) == (1, 1)
    assert kept.health() == (
        "1 events are missing in the event log (No space left on device): this run can be replayed up to the gap"
    )
    assert [one["n"] for one in lines(path)[1:]] == [2]


def test_a_write_that_fails_half_way_ends_its_part(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    parts = eventlog.Parts(EventLogSettings(path, 1_000_000, 5), RECIPE, "run")
    parts.write(1, event_line(1, LOGIN, []).encode())
    whole, parts._file = parts._file, HalfDisk(parts._file)  # type: ignore[assignment]
    with pytest.raises(OSError, match="full"):
        parts.write(2, event_line(2, LOGIN, []).encode())
    parts.write(3, event_line(3, LOGIN, []).encode())
    parts.close()
    assert whole is not None and whole.closed
    assert (tmp_path / "events.jsonl.1").read_text().endswith('{"n":2')
    assert [one.get("first", one.get("n")) for one in lines(path)] == [3, 3]


class HalfDisk:
    """A file on a disk that is full after a few bytes."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: bytes) -> None:
        self._file.write(data[:6])
        raise OSError(errno.ENOSPC, "full")

    def close(self) -> None:
        self._file.close()


async def test_what_the_disk_is_too_slow_for_is_lost_and_counted(tmp_path: Path) -> None:
    kept = EventLog(EventLogSettings(tmp_path / "events.jsonl", 1_000_000, 5), RECIPE, "run", waiting_bytes=200)
    for _ in range(10):
        kept.heard(LOGIN, [])
    assert 0 < kept.lost < 10
    assert "the disk does not keep up" in (kept.health() or "")


async def test_an_event_that_cannot_be_written_harms_nobody(tmp_path: Path) -> None:
    async with opened(tmp_path / "events.jsonl") as kept:
        kept.heard(object(), [])  # type: ignore[arg-type]
    assert kept.lost == 1
