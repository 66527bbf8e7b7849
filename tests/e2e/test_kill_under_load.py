"""SIGKILL in the middle of a hundred calls, and another daemon five seconds later: nobody is lost, nobody overtaken.

The ends of the calls are the benchmark's: what callers and phones saw is read off the wire.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from acd.lab.bench.ends import Habits, Seen
from acd.lab.bench.stage import open_stage
from acd.lab.bench.systems import Running, Shape, ours
from acd.lab.bench.usage import cpu_s
from acd.lab.daemon import LabDaemon
from acd.lab.udp import Moment
from tests.deadlines import until
from tests.e2e.desk import moment
from tests.faults import Figure

TALKING = WAITING = 50
QUEUE = "bench-0"
DOWN_S = 5.0
HUNG_UP_TALKING, HUNG_UP_WAITING = 5, 3  # callers who leave while there is no daemon
BEGUN_PER_S = 40.0
PATIENCE_S = 20.0
STAMP_S = 0.25  # between the dialplan's stamp and the answer on the wire, on a busy machine
BUDGET_S = 2.0  # of the processor: what the start may take on an idle machine, however busy this one is

Record = dict[str, Any]


@pytest.mark.fault(3)
async def test_nobody_is_lost_and_the_order_is_kept(figure: Figure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # a second start finds the first one's, at our users'
    async with open_stage() as stage, ours(stage, Shape(1, TALKING)) as running:
        assert running.daemon is not None
        stage.ends.habits = Habits(ring_s=0.05, talk_s=3600.0)
        talkers = await _begun(running, TALKING, lambda seen: seen.talked_at)
        waiters = await _begun(running, WAITING, lambda seen: seen.answered_at)
        await _in_line(running.daemon, waiters)

        await running.daemon.kill()
        left = [*talkers[:HUNG_UP_TALKING], *waiters[:: WAITING // HUNG_UP_WAITING][:HUNG_UP_WAITING]]
        for seen in left:
            stage.ends.hang_up(seen)
        await asyncio.sleep(DOWN_S)
        ready_s, used_s = await _start(running.daemon)
        figure("ready after", ready_s, "s")
        figure("processor time of that", used_s, "s")
        assert used_s < BUDGET_S

        stay = [seen for seen in waiters if seen not in left]
        await until(lambda: all(seen.talked_at for seen in stay[:HUNG_UP_TALKING]), "the freed agents take calls")
        for seen in talkers[HUNG_UP_TALKING:]:
            stage.ends.hang_up(seen)
            await asyncio.sleep(1 / BEGUN_PER_S)
        await until(lambda: all(seen.talked_at for seen in stay), "everybody who waits is served", PATIENCE_S)
        lost = [seen.number for seen in waiters if seen not in left and seen.ended_at is not None]
        figure("calls lost", len(lost), "calls")
        assert lost == []
        for seen in stay:
            stage.ends.hang_up(seen)

        records = await _all_ended(running.daemon, TALKING + WAITING)
        _one_record_each(records, [*talkers, *waiters], left)
        _served_in_order(records, stay)
        agents = (await running.daemon.api.get("/api/v1/status"))["agents"]
        assert [agent["state"] for agent in agents] == ["ready"] * TALKING


async def _begun(running: Running, count: int, fact: Callable[[Seen], object]) -> list[Seen]:
    """Callers dial one after the other, so that their order is known."""
    calls = []
    for number in range(count):
        calls.append(running.dial(number))
        await asyncio.sleep(1 / BEGUN_PER_S)
    await until(lambda: all(map(fact, calls)), f"{count} calls are where they should be", PATIENCE_S)
    return calls


async def _in_line(daemon: LabDaemon, waiters: Sequence[Seen]) -> None:
    """They wait in the order in which they were answered."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            line = (await daemon.api.get(f"/api/v1/queues/{QUEUE}/calls"))["items"]
            if len(line) == len(waiters):
                break
            await asyncio.sleep(0.05)
    assert [call["number"].lstrip("+") for call in line] == [seen.number for seen in waiters]


async def _start(daemon: LabDaemon) -> tuple[float, float]:
    """Seconds from the start of the process until it is ready, and of the processor in them."""
    began = Moment.now().loop_s
    await daemon.start(look_every_s=0.01)
    return Moment.now().loop_s - began, cpu_s(daemon.pid)


async def _all_ended(daemon: LabDaemon, count: int) -> dict[str, Record]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            ended = await daemon.api.ended_calls()
            if len(ended) >= count:
                break
            await asyncio.sleep(0.1)
    assert len(ended) == count
    return {call["number"].lstrip("+"): call for call in ended}


def _one_record_each(records: dict[str, Record], calls: Sequence[Seen], left: Sequence[Seen]) -> None:
    """One for each caller, entered when the caller did; closed as found out later where nobody listened."""
    assert set(records) == {seen.number for seen in calls}
    for seen in calls:
        record = records[seen.number]
        assert seen.answered_at is not None
        assert seen.invited_at - 0.01 <= moment(record["entered_at"]) <= seen.answered_at + 0.01
        assert record["reconciled"] or seen not in left
        assert record["outcome"] == ("answered" if seen.talked_at else "lost")
        assert [offer["result"] for offer in record["offers"]] == ["answered"] * (seen.talked_at is not None)


def _served_in_order(records: dict[str, Record], stay: Sequence[Seen]) -> None:
    """Offered in the order in which they came, and their waits counted from then."""
    offered_at = [moment(records[seen.number]["offers"][0]["at"]) for seen in stay]
    assert offered_at == sorted(offered_at)
    for seen in stay:
        assert seen.talked_at is not None and seen.answered_at is not None
        assert records[seen.number]["wait_s"] == pytest.approx(seen.talked_at - seen.answered_at, abs=STAMP_S)
