"""The spool alone: what is appended is there for the next run, in order, once, and within its bound."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from acd.ports import Entry
from acd.queues.commands import AgentKept
from acd.queues.journey import CallRecord, JourneyEvent, fold
from acd.queues.model import AgentId, AgentState, Standing
from acd.records import lines, scribe, spool
from acd.records.segments import Place
from acd.records.spool import Spool, SpoolSettings
from tests.disks import small_disk
from tests.faults import Figure
from tests.journeys import change, entries, served_call, waiting_call

MB = 1_000_000


def settings(folder: Path, max_bytes: int = MB, roll_s: float = 300.0) -> SpoolSettings:
    return SpoolSettings(folder / "acd.spool", max_bytes, roll_s)


@asynccontextmanager
async def opened(wanted: SpoolSettings) -> AsyncIterator[Spool]:
    made = Spool(wanted)
    await made.open()
    try:
        yield made
    finally:
        await made.close()


async def told(spooled: Spool, some: Sequence[Entry], first: int = 1) -> int:
    """Append them; the number of the last."""
    for n, entry in enumerate(some, start=first):
        assert spooled.append(n, entry)
    await written_down(spooled)
    return first + len(some) - 1


async def written_down(spooled: Spool) -> None:
    """All that was appended is on the disk: the thread does things in order."""
    await spooled.read_own(Place(), 1)


async def left(wanted: SpoolSettings) -> list[Entry]:
    """What the next run finds to be written, as bare entries."""
    found: list[Entry] = []
    async with opened(wanted) as spooled:
        place = Place()
        while True:
            chunk = await spooled.read_old(place)
            found += [line.other or Entry(journey=line.fact) for line in chunk.lines]
            if chunk.over:
                return found
            place = chunk.following


def bare(some: Sequence[Entry]) -> list[Entry]:
    return [Entry(journey=entry.journey, agent=entry.agent) for entry in some]


def kept(at: float, agent: str = "1001") -> Entry:
    return Entry(kept=AgentKept(at, AgentId(agent), Standing(logged_in=True, pause_reason="обед", idle_since=at)))


def segments(wanted: SpoolSettings) -> list[Path]:
    return sorted(wanted.path.glob("*.spool"))


async def test_the_next_run_finds_everything_in_order(tmp_path: Path) -> None:
    some = [
        *entries(served_call("a", 1000.0)),
        change(1.0, AgentState.PAUSED, reason="обед"),
        *entries(waiting_call("b", 2.0)),
    ]
    async with opened(settings(tmp_path)) as spooled:
        await told(spooled, some)
        assert spooled.health() is None
    assert await left(settings(tmp_path)) == bare(some)


async def test_nothing_needs_an_end_a_killed_run_is_found_as_well(tmp_path: Path) -> None:
    some = entries(served_call("a", 1000.0))
    async with opened(settings(tmp_path)) as spooled:
        await told(spooled, some)
        (tmp_path / "acd.spool" / "lock").unlink()  # the dead hold no lock
        assert await left(settings(tmp_path)) == bare(some)


async def test_what_the_database_has_is_not_found(tmp_path: Path) -> None:
    some = entries(served_call("a", 1000.0))
    async with opened(settings(tmp_path)) as spooled:
        await told(spooled, some)
        spooled.written(8, None)
    assert await left(settings(tmp_path)) == bare(some[7:])


@pytest.mark.parametrize("cut", (1, 2, 60, 130))
async def test_a_line_the_power_cut_in_two_is_left_out(tmp_path: Path, cut: int) -> None:
    some = entries(served_call("a", 1000.0))
    async with opened(settings(tmp_path)) as spooled:
        await told(spooled, some)
    (file,) = segments(settings(tmp_path))
    size = file.stat().st_size
    os.truncate(file, size - cut)
    whole = file.read_bytes().count(b"\n")
    assert await left(settings(tmp_path)) == bare(some[:whole])


async def test_damage_costs_the_damaged_line_alone(tmp_path: Path) -> None:
    some = entries(served_call("a", 1000.0))
    async with opened(settings(tmp_path)) as spooled:
        await told(spooled, some)
    (file,) = segments(settings(tmp_path))
    damaged = file.read_bytes().splitlines(keepends=True)
    damaged[3] = damaged[3].replace(b"refused", b"refuseD")
    damaged[5] = b"\0" * (len(damaged[5]) - 1) + b"\n"
    file.write_bytes(b"".join(damaged))
    assert await left(settings(tmp_path)) == bare([*some[:3], some[4], *some[6:]])


async def test_lines_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    some = entries(waiting_call("a", 1000.0))
    async with opened(settings(tmp_path)) as spooled:
        await told(spooled, some)
    (file,) = segments(settings(tmp_path))
    with file.open("ab") as end:
        end.write(lines._line(7, ["x", 1]) + lines._line(8, ["f", "a", 3, 1.0, "teleported", {}]))
        end.write(lines._line(9, ["e", {"weather": {"sun": True}}]))
    assert await left(settings(tmp_path)) == bare(some)


async def test_another_daemon_cannot_have_it_meanwhile(tmp_path: Path) -> None:
    async with opened(settings(tmp_path)) as first:
        await told(first, entries(waiting_call("a", 1000.0)))
        async with opened(settings(tmp_path)) as second:
            assert "in use by another daemon" in (second.health() or "")
            assert not second.append(1, change(1.0, AgentState.READY))
            assert (await second.read_old(Place())).over
            assert (await second.remembered()).open_calls == ()
        assert first.health() is None
        await told(first, [change(2.0, AgentState.READY)], first=3)
    assert len(await left(settings(tmp_path))) == 3


async def test_what_is_written_goes_and_open_calls_and_last_words_stay(tmp_path: Path) -> None:
    wanted = settings(tmp_path, max_bytes=32_000)  # segments of 2 kB
    waiting = fold(waiting_call("open", 1.0))
    async with opened(wanted) as spooled:
        n = await told(spooled, entries(waiting_call("open", 1.0)))
        n = await told(spooled, [kept(2.0), kept(3.0, "1002"), kept(4.0)], n + 1)
        for number in range(40):
            n = await told(spooled, entries(served_call(f"c{number}", 1000.0)), n + 1)
            spooled.written(n + 1, [waiting])
        await written_down(spooled)
        assert spooled.bytes < 10_000
        assert spooled.bytes == sum(path.stat().st_size for path in segments(wanted))
        n = await told(spooled, entries(waiting_call("new", 5000.0)), n + 1)
    assert await left(wanted) == bare(entries(waiting_call("new", 5000.0)))
    async with opened(wanted) as spooled:
        remembered = await spooled.remembered()
    assert remembered.open_calls == (waiting, fold(waiting_call("new", 5000.0)))
    assert {Entry(kept=word) for word in remembered.standings} == {kept(3.0, "1002"), kept(4.0)}


async def test_the_open_calls_may_be_more_than_a_segment(tmp_path: Path) -> None:
    wanted = settings(tmp_path, max_bytes=32_000)
    waiting = [fold(waiting_call(f"open-{number:02d}", 1.0)) for number in range(30)]
    async with opened(wanted) as spooled:
        n = await told(
            spooled, [entry for number in range(30) for entry in entries(waiting_call(f"open-{number:02d}", 1.0))]
        )
        for _ in range(3):
            spooled.written(n + 1, waiting)
            await written_down(spooled)
    assert await left(wanted) == []
    async with opened(wanted) as spooled:
        assert list((await spooled.remembered()).open_calls) == waiting


async def test_what_is_old_goes_though_it_is_little(tmp_path: Path) -> None:
    wanted = settings(tmp_path, roll_s=0.0)
    async with opened(wanted) as spooled:
        n = await told(spooled, entries(served_call("a", 1000.0)))
        spooled.written(n + 1, [])
        await written_down(spooled)
        assert spooled.bytes < 100
        assert await left_now(wanted) == b""


async def left_now(wanted: SpoolSettings) -> bytes:
    return b"".join(
        line for path in segments(wanted) for line in path.read_bytes().splitlines() if b'["m"]' not in line
    )


async def test_nothing_goes_before_the_open_calls_are_known(tmp_path: Path) -> None:
    wanted = settings(tmp_path, max_bytes=32_000, roll_s=0.0)
    some = entries(served_call("a", 1000.0))
    async with opened(wanted) as spooled:
        n = await told(spooled, some)
        spooled.written(n + 1, None)
        await written_down(spooled)
        assert (await left_now(wanted)).count(b"served") == 0 < spooled.bytes
    async with opened(wanted) as spooled:
        assert (await spooled.remembered()).open_calls == ()


async def test_earlier_runs_go_when_they_are_written(tmp_path: Path) -> None:
    wanted = settings(tmp_path, roll_s=0.0)
    for name in ("a", "b"):
        async with opened(wanted) as spooled:
            await told(spooled, entries(waiting_call(name, 1000.0)))
    assert len(await left(wanted)) == 4
    async with opened(wanted) as spooled:
        await told(spooled, entries(waiting_call("c", 1000.0)))
        spooled.written(1, [])
        await written_down(spooled)
        assert len(segments(wanted)) >= 3, "not written yet"
        spooled.old_is_written()
        spooled.written(3, [])
        await written_down(spooled)
    assert await left(wanted) == []
    async with opened(wanted) as spooled:
        assert (await spooled.remembered()).open_calls == ()


@pytest.mark.fault(16)
async def test_the_bound_holds_and_what_is_shed_is_counted_and_told(tmp_path: Path, figure: Figure) -> None:
    wanted = settings(tmp_path, max_bytes=100_000)
    async with opened(wanted) as spooled:
        kept, n = 0, 0
        with capture_logs() as logged:
            for number in range(100):
                for entry in entries(served_call(f"c{number}", 1000.0)):
                    n += 1
                    kept += spooled.append(n, entry)
                await written_down(spooled)
        on_disk = sum(path.stat().st_size for path in segments(wanted))
        assert on_disk <= 100_000
        assert (kept + spooled.shed, spooled.shed > 0) == (1200, True)
        assert "is full (100,000 bytes)" in (spooled.health() or "")
        assert [line["event"] for line in logged] == ["entries are not spooled"]
        figure("a fact in the spool", on_disk / kept, "bytes")
        spooled.written(n + 1, [])
        await written_down(spooled)
        await told(spooled, [change(1.0, AgentState.READY)], n + 1)
        assert spooled.health() is None


@pytest.mark.fault(16)
async def test_a_full_disk_is_told_and_got_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Figure
) -> None:
    monkeypatch.setattr(scribe, "RETRY_S", 0.05)
    with small_disk(tmp_path / "disk") as disk, capture_logs():
        wanted = settings(disk.path)
        async with opened(wanted) as spooled:
            n = await told(spooled, entries(waiting_call("before", 1000.0)))
            disk.fill()
            while spooled.health() is None:  # the last page has room still
                n += 1
                spooled.append(n, change(float(n), AgentState.READY))
                await asyncio.sleep(0.01)
            assert "lost if the daemon is killed" in (spooled.health() or "")
            assert spooled.shed >= 1
            disk.free()
            freed_at = time.monotonic()
            while spooled.health() is not None:
                n += 1
                spooled.append(n, change(float(n), AgentState.READY))
                await asyncio.sleep(0.01)
            figure("spooled again", time.monotonic() - freed_at, "s")
            await told(spooled, entries(waiting_call("after", 1000.0)), n + 1)
        found = await left(wanted)
        calls = [entry.journey.call_id for entry in found if entry.journey is not None]
        assert calls == ["before", "before", "after", "after"]


async def test_a_directory_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    (tmp_path / "acd.spool").write_text("in the way")
    async with opened(settings(tmp_path)) as spooled:
        assert "the spool fails" in (spooled.health() or "")
        assert not spooled.append(1, change(1.0, AgentState.READY))
        assert spooled.shed == 1
        assert (await spooled.read_old(Place())).over


@pytest.mark.fault(16)
async def test_a_disk_that_hangs_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Figure
) -> None:
    monkeypatch.setattr(spool, "WAITING_BYTES", 10_000)
    async with opened(settings(tmp_path)) as spooled:
        gate = threading.Event()
        spooled._scribe.do(lambda: gate.wait() and None)  # type: ignore[arg-type, func-returns-value]
        slowest_s = 0.0
        for n in range(1, 200):
            began = time.thread_time()
            spooled.append(n, change(float(n), AgentState.READY))
            slowest_s = max(slowest_s, time.thread_time() - began)
        assert "does not keep up" in (spooled.health() or "")
        figure("longest append while the disk hangs", slowest_s * 1000, "ms")
        assert slowest_s < 0.005
        gate.set()
        await written_down(spooled)
        await told(spooled, [change(1.0, AgentState.READY)], 200)
        assert spooled.health() is None


async def test_an_entry_that_is_no_json_is_counted(tmp_path: Path) -> None:
    event = waiting_call("a", 1.0)[0]
    strange = JourneyEvent(event.call_id, 1, 1.0, event.fact, {"what": object()})  # type: ignore[dict-item]
    async with opened(settings(tmp_path)) as spooled:
        assert not spooled.append(1, Entry(journey=strange))
        assert spooled.shed == 1


async def test_what_a_line_holds_comes_back_to_the_last_bit() -> None:
    event = served_call("a", 1000.1)[10]
    odd = JourneyEvent(
        event.call_id,
        1,
        0.1 + 0.2,
        event.fact,
        {"text": 'Ё"\n\r\0\u2028\ud800', "none": None, "yes": True, "n": 2**53, "x": 1e-320},
    )
    line = lines.read(lines.fact_line(5, odd)[:-1])
    assert line is not None and line.fact == odd and line.n == 5
    assert lines.fact_line(5, odd).count(b"\n") == 1


@pytest.mark.fault(16)
async def test_what_an_entry_costs(tmp_path: Path, figure: Figure) -> None:
    """Told, not asserted closely: the machine may be busy."""
    record: CallRecord | None = None
    some = [entry for n in range(200) for entry in entries(served_call(f"c{n}", 1000.0))]
    async with opened(settings(tmp_path, 10 * MB)) as spooled:
        began = time.process_time()  # the thread's work as well
        for n, entry in enumerate(some, start=1):
            spooled.append(n, entry)
            if n % 5 == 0:
                await asyncio.sleep(0)
        await written_down(spooled)
        cost_us = (time.process_time() - began) / len(some) * 1e6
    figure("CPU a fact", cost_us, "us")
    assert cost_us < 500 and record is None
