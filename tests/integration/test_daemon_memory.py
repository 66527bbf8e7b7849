"""What one daemon leaves to the next through its records: places that may be resumed, and who served whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acd.config import Settings
from acd.daemon import Daemon
from acd.queues.journey import CallRecord, Fact
from acd.queues.model import AgentId, CallId
from tests.deadlines import until
from tests.fakes.asterisk import Caller, FakeAsterisk

ANNA, OTHER = "+79160000001", "+79160000002"


def settings(asterisk: FakeAsterisk, folder: Path, **queue: Any) -> Settings:
    """Two agents of one queue."""
    node = {"name": "main", "host": asterisk.host, "port": asterisk.port}
    sales = {"dids": ["74951234567"], "require": "sales >= 1", "wrap_up_s": 0, "survey": "none", **queue}
    agents = {
        f"{number}": {"name": "A", "endpoint": f"PJSIP/{number}", "skills": {"sales": 5}, "login": "start"}
        for number in (1001, 1002)
    }
    return Settings.model_validate(
        {
            "asterisk": [{**node, "username": asterisk.username, "secret": asterisk.secret}],
            "database": f"sqlite+aiosqlite:///{folder}/acd.db",
            "http": {"port": 0},
            "queues": {"sales": sales},
            "agents": agents,
        }
    )


class House:
    """A daemon on the fake that can be followed by another one."""

    def __init__(self, asterisk: FakeAsterisk, folder: Path) -> None:
        self.asterisk = asterisk
        self._folder = folder
        self.daemon: Daemon | None = None

    async def start(self, **queue: Any) -> None:
        """The next daemon, ready."""
        await self.stop()
        self.daemon = daemon = Daemon(settings(self.asterisk, self._folder, **queue))
        await daemon.start()
        await until(lambda: not daemon.problems(), what="the daemon gets ready")

    async def stop(self) -> None:
        """Its records are kept."""
        if self.daemon is not None:
            await self.daemon.stop()
        self.daemon = None

    def record(self, caller: Caller) -> CallRecord | None:
        assert self.daemon is not None
        return self.daemon.core.book.get(CallId(caller.call_id))

    def has(self, caller: Caller, fact: Fact) -> bool:
        record = self.record(caller)
        return record is not None and any(event.fact is fact for event in record.events)

    def agent_of(self, caller: Caller) -> AgentId | None:
        record = self.record(caller)
        return record.agent if record is not None else None

    async def served(self, number: str) -> Caller:
        """A caller who talks to an agent."""
        caller = self.asterisk.call_in(number=number)
        await until(lambda: self.has(caller, Fact.OFFERED))
        self.asterisk.answer(caller)
        await until(lambda: self.has(caller, Fact.CONNECTED))
        return caller

    async def leaves(self, caller: Caller) -> None:
        self.asterisk.hang_up(caller)
        await until(lambda: self.has(caller, Fact.ENDED))


@pytest.fixture
async def house(tmp_path: Path):
    async with FakeAsterisk() as asterisk:
        asterisk.endpoints = ("PJSIP/1001", "PJSIP/1002")
        house = House(asterisk, tmp_path)
        yield house
        await house.stop()


async def test_a_place_left_before_a_restart_is_resumed_after_it(house: House) -> None:
    await house.start()
    first = house.asterisk.call_in(number=ANNA)
    await until(lambda: house.has(first, Fact.OFFERED))
    await house.leaves(first)
    left = house.record(first)
    await house.start()
    again = house.asterisk.call_in(number=ANNA)
    await until(lambda: house.has(again, Fact.RESUMED))
    record = house.record(again)
    assert left is not None and record is not None
    resumed = next(event.data for event in record.events if event.fact is Fact.RESUMED)
    assert resumed == {"earlier": left.id, "joined_at": left.queued_at}


async def test_the_agent_who_knows_the_caller_is_known_after_a_restart(house: House) -> None:
    await house.start(sticky_s=60)
    busy = await house.served(OTHER)  # by 1001, whom the next daemon would ring first as well
    known = await house.served(ANNA)
    assert [house.agent_of(caller) for caller in (busy, known)] == ["1001", "1002"]
    await house.leaves(known)
    await house.leaves(busy)
    await house.start(sticky_s=60)
    again = house.asterisk.call_in(number=ANNA)
    await until(lambda: house.has(again, Fact.OFFERED))
    record = house.record(again)
    assert record is not None
    assert record.offers[0].agent == "1002"
