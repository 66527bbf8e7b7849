"""SIGKILL in the middle of a hundred calls, and another daemon five seconds later: nobody is lost, nobody overtaken.

The ends of the calls are the benchmark's: what callers and phones saw is read off the wire. The agents whose callers
hang up while there is no daemon have just ordered a pause, so that nobody is free for Asterisk's own queue: on a slow
machine callers may have gone there before the next daemon is ready, and come home from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from acd.lab.bench.ends import Ends, Habits, Seen
from acd.lab.bench.stage import ACD_TRUNK, Stage, open_stage
from acd.lab.bench.systems import FIRST_DID, Shape, settings_for
from acd.lab.daemon import LabDaemon, running_daemon
from acd.lab.udp import Moment
from acd.lab.usage import cpu_s
from tests.deadlines import until
from tests.e2e.desk import Desk, Record, moment, until_fact
from tests.faults import Figure

TALKING = WAITING = 50
QUEUE = "bench-0"
DOWN_S = 5.0
LEAVE_TALKING, LEAVE_WAITING = 5, 3  # callers who hang up while there is no daemon
BEGUN_PER_S = 40.0
PATIENCE_S = 20.0
CLOCKS_S = 0.2  # Asterisk's stamp of the entry, told in our clock's time, against the phone's; the kill lasts 5 s
HEARD_S = 1.0  # between the wire and the brain, on a busy machine; a wait counted from the restart is 7 s too short


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with open_stage() as opened:
        opened.ends.habits = Habits(ring_s=0.05, talk_s=3600.0)
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LabDaemon]:
    directory: Path = tmp_path_factory.mktemp("daemon")
    with pytest.MonkeyPatch.context() as patch:
        # As at our users': the second start finds the bytecode of the first.
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        settings = settings_for(stage, Shape(1, TALKING), f"sqlite+aiosqlite:///{directory}/acd.db")
        async with running_daemon({**settings, "fallback": {"heartbeat_s": 0.5}}, directory / "log") as running:
            yield running


@pytest.mark.fault(3)
async def test_nobody_is_lost_and_the_order_is_kept(
    stage: Stage, daemon: LabDaemon, desk: Desk, figure: Figure
) -> None:
    talkers = await _begun(stage.ends, TALKING, lambda seen: seen.talked_at)
    at_lunch = [stage.ends.agent_of(seen).user for seen in talkers[:LEAVE_TALKING]]
    for agent_id in at_lunch:
        await desk.order(agent_id, "pause", reason="lunch")
    assert await desk.api.ended_calls() == []  # who asks for records has everything written that was before
    waiters = await _begun(stage.ends, WAITING, lambda seen: seen.answered_at)
    assert await _line(desk, len(waiters)) == [seen.number for seen in waiters]

    await daemon.kill()
    left = [*talkers[:LEAVE_TALKING], *waiters[:: WAITING // LEAVE_WAITING][:LEAVE_WAITING]]
    for seen in left:
        stage.ends.leave(seen)
    await asyncio.sleep(DOWN_S)
    ready_s, used_s = await _start(daemon)
    figure("ready after", ready_s, "s")
    figure("processor time of that", used_s, "s")  # bounds would be the machine's; see tests/unit/test_haste.py

    stay = [seen for seen in waiters if seen not in left]
    assert await _line(desk, len(stay)) == [seen.number for seen in stay]
    await _all_at_home(desk)
    for seen in talkers[LEAVE_TALKING:]:
        stage.ends.leave(seen)
        await asyncio.sleep(1 / BEGUN_PER_S)
    for agent_id in at_lunch:
        assert (await desk.agent(agent_id))["reason"] == "lunch"
        await desk.order(agent_id, "ready")
    await until(lambda: all(seen.talked_at for seen in stay), "everybody who waits is served", PATIENCE_S)
    lost = [seen.number for seen in stay if seen.ended_at is not None]
    figure("calls lost", len(lost), "calls")
    assert lost == []
    for seen in stay:
        stage.ends.leave(seen)

    records = await _all_ended(desk, TALKING + WAITING)
    _one_record_each(records, [*talkers, *waiters], left)
    _served_in_order(records, stay)
    for agent in (await desk.api.get("/api/v1/status"))["agents"]:
        await desk.until_agent(agent["id"], "ready")


async def _begun(ends: Ends, count: int, fact: Callable[[Seen], object]) -> list[Seen]:
    """Callers dial one after the other, each when the one before is in, so that their order is known."""
    calls: list[Seen] = []
    for _ in range(count):
        calls.append(call := ends.call(ACD_TRUNK, str(FIRST_DID)))
        await until(partial(getattr, call, "answered_at"), "a caller is answered", PATIENCE_S)
    await until(lambda: all(map(fact, calls)), f"{count} calls are where they should be", PATIENCE_S)
    return calls


async def _line(desk: Desk, count: int) -> list[str]:
    """The numbers that wait, in the order in which they will be served, once there are so many."""
    path = f"/api/v1/queues/{QUEUE}/calls"
    found: list[str] = await until_fact(
        lambda: _numbers(desk, path), lambda numbers: len(numbers) == count, f"{count} wait", PATIENCE_S
    )
    return found


async def _numbers(desk: Desk, path: str) -> list[str]:
    return [_number(call) for call in (await desk.api.get(path))["items"]]


async def _start(daemon: LabDaemon) -> tuple[float, float]:
    """Seconds from the start of the process until it is ready, and of the processor in them."""
    began = Moment.now().loop_s
    await daemon.start(look_every_s=0.01)
    return Moment.now().loop_s - began, cpu_s(daemon.pid)


async def _all_at_home(desk: Desk) -> None:
    """Nobody is in Asterisk's own queue any more."""
    for call in (await desk.api.get(f"/api/v1/queues/{QUEUE}/calls"))["items"]:
        path = f"/api/v1/calls/{call['id']}/why"
        await until_fact(
            lambda path=path: desk.api.get(path),
            lambda why: "cannot be steered" not in why["summary"],
            f"{call['id']} is at home",
            PATIENCE_S,
        )


async def _all_ended(desk: Desk, count: int) -> dict[str, Record]:
    ended = await until_fact(desk.api.ended_calls, lambda calls: len(calls) >= count, "all have ended", PATIENCE_S)
    assert len(ended) == count
    return {_number(call): call for call in ended}


def _number(call: Record) -> str:
    return str(call["number"]).lstrip("+")


def _one_record_each(records: dict[str, Record], calls: Sequence[Seen], left: Sequence[Seen]) -> None:
    """One for each caller, entered when the caller did; told by Asterisk where nobody listened."""
    assert set(records) == {seen.number for seen in calls}
    for seen in calls:
        record = records[seen.number]
        assert seen.answered_at is not None
        assert seen.invited_at - CLOCKS_S <= moment(record["entered_at"]) <= seen.answered_at + CLOCKS_S
        assert record["reconciled"] or seen not in left
        assert record["outcome"] == ("answered" if seen.talked_at else "abandoned")
        assert [offer["result"] for offer in record["offers"]] == ["answered"] * (seen.talked_at is not None)


def _served_in_order(records: dict[str, Record], stay: Sequence[Seen]) -> None:
    """Offered in the order in which they came, and their waits counted from then."""
    offered_at = [moment(records[seen.number]["offers"][0]["at"]) for seen in stay]
    assert offered_at == sorted(offered_at)
    for seen in stay:
        assert seen.talked_at is not None and seen.answered_at is not None
        assert records[seen.number]["wait_s"] == pytest.approx(seen.talked_at - seen.answered_at, abs=HEARD_S)
