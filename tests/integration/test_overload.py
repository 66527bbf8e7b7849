"""More than the daemon can take, and a daemon that takes nothing for a while, on a scripted Asterisk.

It is a process of its own: what it holds in memory is what the kernel says of it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from acd.lab.daemon import LabDaemon, free_port, running_daemon
from acd.lab.usage import peak_bytes, resident_bytes
from tests.deadlines import until
from tests.e2e.desk import Desk
from tests.fakes.ami_server import block
from tests.fakes.asterisk import Caller, FakeAsterisk
from tests.faults import Figure, Seconds

AGENTS = tuple(str(1001 + n) for n in range(5))
PING_S = 0.2
RATE = 20_000
MIB = 1024 * 1024
MOST_GROWTH_MIB = 64 + 20  # what the link's queue may hold, and 20,000 messages' own weight
NEWS = block(
    ("Event", "Newchannel"), ("Privilege", "call,all"), ("Channel", "PJSIP/other-00000001"), ("ChannelState", "4"),
    ("ChannelStateDesc", "Ring"), ("CallerIDNum", "+79990000000"), ("CallerIDName", "Чужой"), ("Exten", "500"),
    ("ConnectedLineNum", "<unknown>"), ("ConnectedLineName", "<unknown>"), ("Language", "ru"), ("Context", "other"),
    ("Priority", "1"), ("Uniqueid", "other-1"), ("Linkedid", "other-1"),
)  # fmt: skip
END = NEWS.replace(b"Newchannel", b"Hangup")


@pytest.fixture
async def asterisk() -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk(endpoints=tuple(f"PJSIP/{agent}" for agent in AGENTS)) as fake:
        yield fake


@pytest.fixture
async def daemon(asterisk: FakeAsterisk, tmp_path: Path) -> AsyncIterator[LabDaemon]:
    node = {"name": "main", "host": asterisk.host, "port": asterisk.port}
    queue = {"dids": ["74951234567"], "require": "sales >= 1", "wrap_up_s": 0, "survey": "none", "ring_timeout_s": 60}
    settings: dict[str, Any] = {
        "asterisk": [{**node, "username": asterisk.username, "secret": asterisk.secret}],
        "database": f"sqlite+aiosqlite:///{tmp_path}/acd.db",
        "http": {"port": free_port()},
        "ami": {"ping_interval_s": PING_S, "reconnect_max_s": 1},
        "queues": {"sales": queue},
        "agents": {
            agent: {"name": "A", "endpoint": f"PJSIP/{agent}", "skills": {"sales": 5}, "login": "start"}
            for agent in AGENTS
        },
    }
    async with running_daemon(settings, tmp_path / "log") as running:
        yield running


def dialled(callers: list[Caller]) -> list[str]:
    return sorted(agent for caller in callers for agent in caller.dialled)


@pytest.mark.fault(17)
async def test_a_flood_is_kept_up_with_or_cut_and_read_back(
    asterisk: FakeAsterisk, daemon: LabDaemon, figure: Figure, seconds: Seconds
) -> None:
    desk = Desk(daemon.api)
    talker, held = asterisk.call_in(), 0.0
    await until(asterisk.ringing)
    asterisk.answer(talker)
    await desk.until_agent("1001", "talking")
    before, connections = resident_bytes(daemon.pid), asterisk.connections
    sent, took_s = await _flood(asterisk, seconds(10.0, 3.0))
    held = (peak_bytes(daemon.pid) - before) / MIB
    over_at = time.monotonic()
    await desk.until_ready_is(200, within_s=10)
    figure("events a second", sent / took_s, "")
    figure("for", took_s, "s")
    figure("memory grew by", held, "MiB")
    figure("links cut", asterisk.connections - connections, "")
    assert held < MOST_GROWTH_MIB
    caller = asterisk.call_in()
    await until(lambda: caller.dialled, "the next caller is offered to somebody")
    figure("next decision after", time.monotonic() - over_at, "s")
    assert caller.dialled == ["1002"]
    assert (await desk.agent("1001"))["state"] == "talking"
    assert dialled([talker, caller]) == ["1001", "1002"]


async def _flood(asterisk: FakeAsterisk, wanted_s: float) -> tuple[int, float]:
    """Channels that are no business of ours come and go, `RATE` events a second; how many, and in which time."""
    sent, began = 0, time.monotonic()
    while (elapsed_s := time.monotonic() - began) < wanted_s:
        pairs = (int(RATE * elapsed_s) - sent) // 2
        asterisk.push((NEWS + END) * pairs)
        sent += 2 * pairs
        await asyncio.sleep(0.005)
    return sent, elapsed_s


@pytest.mark.fault(18)
async def test_who_hears_nothing_for_a_while_dials_nobody_twice(
    asterisk: FakeAsterisk, daemon: LabDaemon, figure: Figure, seconds: Seconds
) -> None:
    """The process stands still, as its loop would when blocked. Calls come, go and are taken meanwhile."""
    desk = Desk(daemon.api)
    callers = [asterisk.call_in() for _ in range(4)]
    await until(lambda: len(asterisk.ringing()) == 4)
    stands_still_s = seconds(5.0, 10 * PING_S)
    began = time.monotonic()
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        asterisk.answer(callers[0])
        asterisk.ring_ends(callers[1], "BUSY", "SIP 603 Decline")
        asterisk.hang_up(callers[2])
        callers += [asterisk.call_in() for _ in range(4)]
        await asyncio.sleep(stands_still_s)  # the fault itself
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    woke_at = time.monotonic()
    await desk.until_agent("1001", "talking")
    await until(lambda: len(asterisk.ringing()) == 4, "everybody who is free is rung")
    figure("stood still for", woke_at - began, "s")
    figure("all agents at work after", time.monotonic() - woke_at, "s")
    await desk.until_ready_is(200, within_s=5)
    first, refused, left, rings, *later = callers
    assert (first.dialled, left.dialled, rings.dialled) == (["1001"], ["1003"], ["1004"])
    assert refused.dialled[0] == "1002" and len(refused.dialled) == 2
    live = [caller.leg.agent for caller in asterisk.callers.values() if caller.leg is not None]
    assert sorted(live) == list(AGENTS), "each of them has exactly one call"
    assert all(len(caller.dialled) <= 1 for caller in later)
    others = [caller for caller in callers if caller is not refused]  # who was refused is rung somewhere again
    figure("dialled twice", sum(len(caller.dialled) > 1 for caller in others), "callers")
