"""What has been kept long enough goes, who asks is forgotten, and every figure stays: on both databases."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acd import forget, tasks
from acd.clock import SteadyClock
from acd.config import Settings
from acd.daemon import Daemon
from acd.eventlog import EventLog, EventLogSettings, files
from acd.ivr.core import Recipe
from acd.ports import CallFilter, Entry
from acd.queues import events as ev
from acd.queues.journey import CallRecord, Fact, fold
from acd.queues.model import AgentId, AgentState, CallId
from acd.records.database import connect
from acd.records.erase import spelt
from acd.records.schema import upgrade
from acd.records.store import SqlStore
from acd.retention import DAY_S, KeepDays, Retention
from tests.contract.stores import REGION, url_of
from tests.deadlines import until
from tests.fakes.asterisk import FakeAsterisk
from tests.journeys import change, ended, entered, entries, journey, queued, served_call, voicemail, waiting_call
from tests.playbooks.words import agent, plan

NOW = 1_790_000_000.0
OLD, YOUNG = NOW - 100 * DAY_S, NOW - 1 * DAY_S
ANNA, OTHER = "+79161234567", "+79160000002"
REAL = pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return url_of(kind, request, tmp_path)


@pytest.fixture
async def store(url: str) -> AsyncIterator[SqlStore]:
    await upgrade(url)
    made = SqlStore(connect(url), REGION)
    yield made
    await made.close()


def retention(store: SqlStore, **days: Any) -> Retention:
    recordings = days.pop("recordings", None)
    event_log = days.pop("event_log", None)
    return Retention(KeepDays(**days), store, SteadyClock(), "Europe/Moscow", 4, event_log, recordings)


def message_call(call_id: str, at: float, number: str = ANNA) -> list[Any]:
    return journey(call_id, entered(at, number), queued(at + 1), voicemail(at + 2), ended(at + 20, "overflowed"))


async def everything(store: SqlStore) -> dict[str, CallRecord]:
    """With their facts, if they are few."""
    page = await store.calls(CallFilter(), 1000)
    few = len(page.items) < 20
    whole = {record.id: await store.call(record.id) for record in page.items if few or record.id == "old7"}
    return {record.id: whole.get(record.id) or record for record in page.items}


def nobodys(record: CallRecord) -> CallRecord:
    """As a record counts for the figures: without whose call it was."""
    disposition = None if record.disposition is None else {**record.disposition, "note": ""}
    return replace(record, number="", name="", disposition=disposition, events=())


@REAL
async def test_old_calls_become_nobodys_and_every_figure_stays(store: SqlStore) -> None:
    await store.write(entries([event for nth in range(250) for event in served_call(f"old{nth}", OLD + nth, ANNA)]))
    await store.write(entries([*served_call("young", YOUNG, ANNA), *waiting_call("live", OLD, ANNA)]))
    before = await everything(store)
    purge = retention(store, calls=30)
    await purge.purge(NOW)
    assert purge.erased["calls"] == 250 and purge.health() is None
    after = await everything(store)
    assert [nobodys(record) for record in after.values()] == [nobodys(record) for record in before.values()]
    assert (after["young"], after["live"]) == (before["young"], before["live"])
    gone = after["old7"]
    assert (gone.number, gone.name, gone.disposition) == ("", "", {"code": "sale", "amount": 1999.9, "note": ""})
    assert gone == fold(gone.events), "the facts tell the same"
    assert gone.survey_score == 9
    assert {record.id for record in (await store.calls(CallFilter(number=ANNA), 10)).items} == {"young", "live"}
    await purge.purge(NOW)
    assert purge.erased["calls"] == 250, "a second night finds nothing"


@REAL
async def test_each_kind_has_its_own_time(store: SqlStore, tmp_path: Path) -> None:
    for call_id in ("old", "young"):
        (tmp_path / f"{call_id}.wav").write_bytes(b"sound")
    await store.write(entries([*message_call("old", OLD), *message_call("young", YOUNG)]))
    days = [OLD, OLD + 10, OLD + 20, YOUNG]
    states = [AgentState.READY, AgentState.PAUSED, AgentState.OFFLINE, AgentState.READY]
    await store.write([change(at, state) for at, state in zip(days, states, strict=True)])
    purge = retention(store, messages=30, agent_sessions=30, recordings=str(tmp_path))
    await purge.purge(NOW)
    records = await everything(store)
    assert (records["old"].message, records["old"].number) == (None, ANNA)
    assert records["young"].message is not None
    assert [path.name for path in tmp_path.glob("*.wav")] == ["young.wav"]
    sessions = await store.agent_sessions(AgentId("1001"), 0, NOW)
    assert [session.state for session in sessions] == ["offline", "ready"], "what lasted until the day is known"
    assert len(records["old"].events) == 4
    await retention(store, facts=30).purge(NOW)
    records = await everything(store)
    assert (len(records["old"].events), len(records["young"].events)) == (0, 4)
    assert {**purge.erased} == {"calls": 0, "facts": 0, "messages": 1, "agent_sessions": 2, "event_log": 0}


@REAL
async def test_nothing_is_erased_unless_it_is_asked_for(store: SqlStore, tmp_path: Path) -> None:
    await store.write(entries([*served_call("a", OLD), *message_call("b", OLD)]))
    before = await everything(store)
    await retention(store, recordings=str(tmp_path)).purge(NOW)
    assert await everything(store) == before


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_sound_that_cannot_be_removed_keeps_its_row_and_is_told(store: SqlStore, tmp_path: Path) -> None:
    await store.write(entries([*message_call("stuck", OLD), *message_call("free", OLD)]))
    (tmp_path / "stuck.wav").mkdir()
    purge = retention(store, messages=30, calls=30, recordings=str(tmp_path))
    await purge.purge(NOW)
    assert "messages: 1 sound files cannot be removed" in str(purge.health())
    records = await everything(store)
    assert records["stuck"].message is not None and records["free"].message is None
    assert purge.erased["calls"] == 2, "the other kinds are erased all the same"
    (tmp_path / "stuck.wav").rmdir()
    await purge.purge(NOW)
    assert purge.health() is None


@REAL
async def test_who_writes_meanwhile_never_waits_long(store: SqlStore, figure: Any) -> None:
    await store.write(entries([event for nth in range(1000) for event in message_call(f"c{nth}", OLD + nth)]))
    purge = retention(store, calls=30, facts=30)
    night = tasks.spawn(purge.purge(NOW), "purge")
    loop, longest_s, written = asyncio.get_running_loop(), 0.0, 0
    while not night.done():
        began_at = loop.time()
        await store.write(entries(waiting_call(f"new{written}", NOW)))
        longest_s, written = max(longest_s, loop.time() - began_at), written + 1
        await asyncio.sleep(0)
    assert purge.erased["calls"] == 1000 and purge.erased["facts"] == 4000
    assert written > 10
    figure("longest write beside the purge", longest_s * 1000, "ms")
    assert longest_s < 2.5, "half of what a writer waits for a lock"


@REAL
async def test_a_record_written_late_brings_nobody_back(store: SqlStore) -> None:
    events = served_call("a", OLD, ANNA)
    await store.write(entries(events))
    await retention(store, calls=30).purge(NOW)
    late = journey("a", *[(event.fact, event.at, dict(event.data)) for event in events], (Fact.HEARD, NOW, {}))
    await store.write([Entry(journey=late[-1], record=fold(late))])
    record = await store.call(CallId("a"))
    assert record is not None and (record.number, record.name, record.seq) == ("", "", len(late))


async def test_old_files_of_the_event_log_go_and_a_new_one_is_begun(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    event_log = EventLog(EventLogSettings(path, 1_000_000, 5), Recipe(plan([agent("1001", sales=5)])), "run")
    running = tasks.spawn(event_log.run(), "event log")
    for name in ("events.jsonl.1", "events.jsonl.2", "events.jsonl.text"):
        (tmp_path / name).write_text("{}\n")
        os.utime(tmp_path / name, (OLD, OLD))
    os.utime(tmp_path / "events.jsonl.1", (YOUNG, YOUNG))
    event_log.heard(ev.DayBegan(NOW, NOW), [])
    await until(lambda: event_log.written == 1)
    purge = Retention(KeepDays(event_log=30), None, SteadyClock(), "UTC", 4, event_log)  # type: ignore[arg-type]
    await purge.purge(NOW)
    assert purge.erased["event_log"] == 1
    assert [one.name for one in files(path)] == ["events.jsonl", "events.jsonl.2"]
    event_log.heard(ev.DayBegan(NOW, NOW), [])
    await until(lambda: event_log.written == 2)
    assert [one.name for one in files(path)] == ["events.jsonl", "events.jsonl.1", "events.jsonl.3"]
    path.unlink()  # as `acd forget` does
    event_log.heard(ev.DayBegan(NOW, NOW), [])
    await until(lambda: event_log.written == 3)
    assert path.read_text().count("\n") == 2
    event_log.close()
    await running


def test_the_night_is_the_local_hour_whatever_the_clocks_do() -> None:
    berlin = Retention(KeepDays(), None, SteadyClock(), "Europe/Berlin", 4)  # type: ignore[arg-type]
    spring = 1_774_731_600.0  # 2026-03-28 22:00 there, the night in which an hour is left out
    assert berlin.next_night(spring) == spring + 5 * 3600
    assert berlin.next_night(spring + 5 * 3600) == spring + 29 * 3600


# -- one number -----------------------------------------------------------------------------------------------------


def settings_for(url: str, folder: Path, **more: Any) -> Settings:
    return Settings.model_validate(
        {
            "asterisk": [{"name": "main", "secret": "not-used-here"}],
            "database": url,
            "queues": {"sales": {"dids": ["74951234567"], "require": "anyone"}},
            "voicemail": {"directory": str(folder)},
            "event_log": {"path": str(folder / "events.jsonl")},
            **more,
        }
    )


@pytest.fixture
async def node() -> AsyncIterator[dict[str, Any]]:
    """Where an Asterisk is, for the configuration."""
    async with FakeAsterisk() as asterisk:
        yield node_of(asterisk)


def node_of(asterisk: FakeAsterisk) -> dict[str, Any]:
    where = {"name": "main", "host": asterisk.host, "port": asterisk.port}
    return {**where, "username": asterisk.username, "secret": asterisk.secret}


async def forgotten(settings: Settings, number: str = "8 (916) 123-45-67") -> tuple[bool, str]:
    said: list[str] = []
    known = forget.number_of(number, REGION)
    assert known == ANNA
    return await forget.run(settings, known, said.append), "\n".join(said)


@REAL
async def test_a_number_is_forgotten_everywhere_and_every_figure_stays(
    store: SqlStore, url: str, kind: str, tmp_path: Path, node: dict[str, Any]
) -> None:
    noted = {"code": "sale", "amount": 5.0, "note": "муж: 8 916 123-45-67, вечером"}
    other = journey("other", entered(YOUNG, OTHER), (Fact.DISPOSITION, YOUNG + 5, noted), ended(YOUNG + 9))
    sent = {"from": "1001", "to": "89161234567", "kind": "blind", "target": "nobody"}
    sent_on = journey("sent", entered(YOUNG, OTHER), (Fact.TRANSFERRED, YOUNG + 5, sent), ended(YOUNG + 9))
    await store.write(entries([*served_call("a", YOUNG, "89161234567"), *message_call("b", OLD), *other, *sent_on]))
    for name in ("b.wav", "other.wav"):
        (tmp_path / name).write_bytes(b"sound")
    (tmp_path / "events.jsonl").write_text('{"number": "+79160000002"}\n')
    (tmp_path / "events.jsonl.1").write_text('{"n": 1}\n{"number": "+79161234567"}\n')
    before = await everything(store)

    gone, said = await forgotten(settings_for(url, tmp_path, asterisk=[node]))
    assert gone, said
    assert "+7916***4567: 2 calls made nobody's, 1 messages deleted" in said and ANNA not in said
    assert "2 other calls; 1 event log files removed" in said
    after = await everything(store)
    assert [nobodys(record) for record in after.values() if record.id != "b"] == [
        nobodys(record) for record in before.values() if record.id != "b"
    ]
    assert after["b"].message is None and after["b"].outcome == "overflowed"
    assert after["other"].number == OTHER and after["other"].disposition == {**noted, "note": "муж: , вечером"}
    assert not (tmp_path / "b.wav").exists() and (tmp_path / "other.wav").exists()
    assert not (tmp_path / "events.jsonl.1").exists() and (tmp_path / "events.jsonl").exists()
    assert not [record for record in after.values() for event in record.events if spelt(ANNA).search(str(event.data))]
    if kind == "sqlite":
        for part in tmp_path.glob("acd.db*"):
            assert b"9161234567" not in part.read_bytes(), part
    assert (await forgotten(settings_for(url, tmp_path, asterisk=[node])))[0], "once more is no fault"


async def test_what_asterisk_noted_loses_the_number_before_a_record_is_made_of_it(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/acd.db"
    await upgrade(url)
    async with FakeAsterisk() as asterisk:
        settings = settings_for(url, tmp_path, asterisk=[node_of(asterisk)])
        tree = "/acd-fallback/20260101120"
        spoken = f"{tree}/20260101120000-000000000001"
        asterisk.database = {spoken: note("89161234567"), f"{tree}/20260101120000-000000000002": note(OTHER)}
        before = dict(asterisk.database)
        gone, said = await forgotten(settings)
        assert gone and "taken out of 1 notes of Asterisk's" in said
        assert asterisk.database == {**before, spoken: before[spoken].replace("89161234567", "")}
        still_there = asterisk.database[spoken] = note(ANNA, "in")
        gone, said = await forgotten(settings)
        assert not gone and "left: 1 calls in Asterisk main's own queue are not touched" in said
        assert asterisk.database[spoken] == still_there


async def test_an_asterisk_that_cannot_be_asked_is_said_to_be_left(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/acd.db"
    await upgrade(url)
    async with FakeAsterisk() as asterisk:
        settings = settings_for(url, tmp_path, asterisk=[{**node_of(asterisk), "secret": "another"}])
        gone, said = await forgotten(settings)
    assert not gone and "left: what Asterisk main noted of calls without a daemon: it cannot be asked" in said


def note(number: str, state: str = "out") -> str:
    """As the dialplan writes it."""
    now = f"{time.time():.3f}"
    ended = now if state == "out" else ""
    told = ("1", state, now, "74951234567", number, "PJSIP/trunk-1", "sales", "fallback", now, "", "", ended, "caller")
    return "|".join((*told, *[""] * 5))


@REAL
async def test_a_live_call_is_said_to_be_untouched(store: SqlStore, url: str, tmp_path: Path) -> None:
    await store.write(entries([*waiting_call("live", YOUNG, ANNA), *served_call("a", YOUNG, ANNA)]))
    gone, said = await forgotten(settings_for(url, tmp_path, callers={"79161234567": {"priority": 5}}))
    assert not gone
    assert "left: 1 calls that have not ended are not touched" in said
    assert "left: the configuration names it under `callers`" in said
    assert (await everything(store))["live"].number == ANNA


@pytest.mark.parametrize("text", ["1001", "anonymous", "", "+", "123456"])
def test_what_is_no_callers_number_is_not_looked_for(text: str) -> None:
    assert forget.number_of(text, REGION) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("+79161234567", True),
        ("8 (916) 123-45-67!", True),
        ("916.123.45.67", True),
        ("9161234567 и 9161234568", True),
        ("20269161234567", False),
        ("91612345678", False),
        ("9161234568", False),
    ],
)
def test_a_number_is_found_however_people_write_it(text: str, found: bool) -> None:
    assert bool(spelt(ANNA).search(text)) is found


async def test_a_number_is_forgotten_beside_a_running_daemon(tmp_path: Path) -> None:
    async with FakeAsterisk(endpoints=("PJSIP/1001",)) as asterisk:
        settings = settings_for(
            f"sqlite+aiosqlite:///{tmp_path}/acd.db",
            tmp_path,
            asterisk=[node_of(asterisk)],
            http={"port": 0},
        )
        daemon = Daemon(settings)
        await daemon.start()
        try:
            await until(lambda: not daemon.problems(), what="the daemon gets ready")
            caller, live = asterisk.call_in(number=ANNA), asterisk.call_in(number=ANNA)
            await until(lambda: len(daemon.board.live_calls()) == 2)
            asterisk.hang_up(caller)
            await until(lambda: len(daemon.board.live_calls()) == 1)
            await until(lambda: any(ANNA in part.read_text() for part in files(tmp_path / "events.jsonl")))
            assert await daemon.recorder.settle(5)
            gone, said = await forgotten(settings)
            assert not gone and "1 calls that have not ended" in said
            assert "1 calls made nobody's" in said and "1 event log files removed" in said
            record = await daemon.store.call(CallId(caller.call_id))
            assert record is not None and (record.number, record.name) == ("", "")
            assert record.outcome == "abandoned"
            asterisk.hang_up(live)
            await until((tmp_path / "events.jsonl").exists)
            await until(lambda: not daemon.board.live_calls())
            assert await daemon.recorder.settle(5)
            _, said = await forgotten(settings)
            assert "calls that have not ended" not in said and "1 calls made nobody's" in said
            assert "acd.spool holds it for a few minutes more" in said
            assert not daemon.problems() and not daemon.degraded()
        finally:
            await daemon.stop()
