"""A daemon that begins with two Asterisks: nobody is offered anything before both have been read, or one is away."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from acd.config import Settings
from acd.daemon import Daemon
from tests import rules
from tests.deadlines import until
from tests.fakes.ami_server import ReceivedAction, Session
from tests.fakes.asterisk import FakeAsterisk

LONG_S = 60.0  # longer than any test waits


@contextlib.asynccontextmanager
async def two_asterisks() -> AsyncIterator[tuple[FakeAsterisk, FakeAsterisk]]:
    """Both reach the one agent's phone."""
    async with FakeAsterisk() as first, FakeAsterisk() as second:
        for fake in (first, second):
            fake.endpoints = ("PJSIP/1001",)
        second._numbers = itertools.count(100)
        yield first, second


@contextlib.asynccontextmanager
async def daemon_on(folder: Path, *asterisks: FakeAsterisk, patience_s: float = LONG_S) -> AsyncIterator[Daemon]:
    daemon = Daemon(settings(folder, asterisks, patience_s))
    await daemon.start()
    try:
        yield daemon
        rules.check(daemon.core, daemon.clock.now())
    finally:
        await daemon.stop()


def settings(folder: Path, asterisks: tuple[FakeAsterisk, ...], patience_s: float) -> Settings:
    nodes: list[dict[str, Any]] = [
        {"name": f"n{n}", "host": one.host, "port": one.port, "username": one.username, "secret": one.secret}
        for n, one in enumerate(asterisks)
    ]
    agent = {"name": "Анна", "endpoint": "PJSIP/1001", "skills": {"sales": 5}, "login": "start"}
    queue = {"dids": ["74951234567"], "require": "sales >= 1", "survey": "none"}
    return Settings.model_validate(
        {
            "asterisk": nodes,
            "database": f"sqlite+aiosqlite:///{folder}/acd.db",
            "http": {"port": 0},
            "restart": {"asterisk_patience_s": patience_s},
            "queues": {"sales": queue},
            "agents": {"1001": agent},
        }
    )


class Held:
    """Answers to `Status` that are held back."""

    def __init__(self, asterisk: FakeAsterisk) -> None:
        self.asked: list[tuple[Session, ReceivedAction]] = []
        self._asterisk = asterisk
        self._answer = asterisk.handlers["status"]
        asterisk.on("Status", lambda session, action: self.asked.append((session, action)))

    def let_go(self) -> None:
        self._asterisk.on("Status", self._answer)
        for session, action in self.asked:
            answer = self._answer(session, action)
            assert answer is not None
            session.write(answer)


@pytest.mark.fault(3)
async def test_the_first_offer_waits_for_the_last_picture(tmp_path: Path) -> None:
    async with two_asterisks() as (quick, slow):
        older = slow.call_in()
        slow.wall_ahead_s += 30.0  # it came half a minute ago
        newer = quick.call_in()
        held = Held(slow)
        async with daemon_on(tmp_path, quick, slow) as daemon:
            await until(lambda: held.asked and daemon.nodes[0].view().connected, "one is read, the other asked")
            await daemon.dispatcher.drain()
            assert not newer.dialled
            assert set(daemon.problems()) == {"asterisk.n1", "start"}
            held.let_go()
            await until(lambda: not daemon.problems(), "ready")
            await until(lambda: older.dialled, "the older call is offered first")
            assert not newer.dialled


async def test_an_asterisk_that_is_away_holds_up_nobody_for_long(tmp_path: Path) -> None:
    async with two_asterisks() as (here, away):
        caller = here.call_in()
        await away.stop_listening()
        async with daemon_on(tmp_path, here, away) as daemon:  # refused at once: it is away
            await until(lambda: caller.dialled, "the other one's caller is offered")
            assert set(daemon.problems()) == {"asterisk.n1"}


async def test_an_asterisk_that_says_nothing_holds_up_the_others_for_the_patience_only(tmp_path: Path) -> None:
    async with two_asterisks() as (here, silent):
        caller = here.call_in()
        Held(silent)
        async with daemon_on(tmp_path, here, silent, patience_s=0.3) as daemon:
            await until(lambda: caller.dialled, "the other one's caller is offered")
            assert set(daemon.problems()) == {"asterisk.n1"}
