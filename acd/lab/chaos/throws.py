"""The hands that throw: each stroke of the schedule becomes what it says, on the real processes."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import random
import signal
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, assert_never

from acd.errors import AcdError, LabError
from acd.lab.asterisk import LabAsterisk
from acd.lab.chaos.hammer import Hammer
from acd.lab.chaos.schedule import Kind, Stroke
from acd.lab.chaos.town import REFUSING, SLEEPING, Town
from acd.lab.daemon import LabDaemon
from acd.lab.proxy import CutProxy

STOP_LIMIT_S = 10.0
RELOAD_PATIENCE_S = 20.0
LOCK_PATIENCE_S = 5.0


@dataclass(slots=True)
class Thrown:
    """A stroke as it came: when it began and was over, in seconds since 1970, and what there is to say of it."""

    stroke: Stroke
    began: float
    over: float = 0.0
    note: str = ""


@dataclass
class Hands:
    """Throws the strokes. `thrown` is what has come so far, `odd` what went wrong and is a fault of its own."""

    daemon: LabDaemon
    asterisk: LabAsterisk
    proxy: CutProxy
    database: Path
    town: Town
    hammer: Hammer
    thrown: list[Thrown] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    cut: int = 0
    """Callers whom the end of Asterisk cut."""
    asterisk_down: list[tuple[float, float]] = field(default_factory=list)
    unknown: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Agent -> when the configuration did not have them."""

    async def throw(self, stroke: Stroke) -> Thrown:
        """Throw one and wait until it is over."""
        thrown = Thrown(stroke, time.time())
        self.thrown.append(thrown)
        try:
            thrown.note = await self._throw(stroke)
        except (AcdError, OSError) as error:
            self.odd.append(f"{stroke.kind} could not be thrown: {error}")
        finally:
            thrown.over = time.time()
        return thrown

    async def _throw(self, stroke: Stroke) -> str:  # noqa: PLR0912 - a table
        match stroke.kind:
            case Kind.KILL:
                await self._kill(stroke.for_s)
            case Kind.TERM:
                return await self._term(stroke.for_s)
            case Kind.STALL:
                await self._stall(stroke.for_s)
            case Kind.RESET:
                return f"{self.proxy.cut()} link"
            case Kind.MUTE:
                return f"{self.proxy.mute()} link"
            case Kind.SLOW:
                await self.proxy.hold_back(stroke.for_s)
            case Kind.LOCK:
                return await asyncio.to_thread(_lock, self.database, stroke.for_s)
            case Kind.RELOAD:
                return await self._reload(stroke.size, stroke.for_s, stroke.chance)
            case Kind.ASTERISK:
                return await self._restart_asterisk(kill=bool(stroke.size))
            case Kind.UNPLUG:
                return await self.town.unplug(stroke.chance, stroke.for_s)
            case Kind.UNREGISTER:
                return await self.town.unregister(stroke.chance, stroke.for_s)
            case Kind.REREGISTER:
                return await self.town.reregister(stroke.chance)
            case Kind.REFUSALS:
                await self.town.moods(REFUSING, stroke.for_s)
            case Kind.NO_ANSWERS:
                await self.town.moods(SLEEPING, stroke.for_s)
            case Kind.HANG_UPS:
                return f"{await self.town.hang_ups(stroke.size, stroke.chance)} callers"
            case Kind.RUSH:
                self.town.rush(stroke.size, stroke.chance)
            case Kind.BREAK:
                return await self.hammer.take_break(stroke.for_s, stroke.chance)
            case Kind.HAMMER:
                return await self.hammer.strike(stroke.size, stroke.for_s, stroke.chance)
            case _:
                assert_never(stroke.kind)
        return ""

    async def _kill(self, down_s: float) -> None:
        await self.daemon.kill()
        await asyncio.sleep(down_s)
        await self.daemon.launch()

    async def _term(self, down_s: float) -> str:
        asked_at = time.monotonic()
        code = await self.daemon.stop()
        took_s = time.monotonic() - asked_at
        if code not in (0, -signal.SIGTERM) or took_s > STOP_LIMIT_S:  # before it can listen, the signal ends it
            self.odd.append(f"asked to stop, the daemon ended with code {code} after {took_s:.1f} s")
        await asyncio.sleep(down_s)
        await self.daemon.launch()
        return f"stopped in {took_s:.1f} s"

    async def _stall(self, for_s: float) -> None:
        self.daemon.stall()
        try:
            await asyncio.sleep(for_s)
        finally:
            self.daemon.go_on()

    async def _reload(self, which: int, for_s: float, chance: int) -> str:
        """Other times, other points, or without one of the agents; for a while."""
        usual, began = self.daemon.settings, time.time()
        changed = other(usual, which, chance)
        await self._reconfigure(changed)
        await asyncio.sleep(for_s)
        await self._reconfigure(usual)
        for agent in usual["agents"].keys() - changed["agents"].keys():
            self.unknown.setdefault(agent, []).append((began, time.time()))
        return f"other {('times', 'points', 'agents')[which - 1]}"

    async def _reconfigure(self, settings: Mapping[str, Any]) -> None:
        """A daemon that is still starting reads the file by itself, and would be ended by the signal."""
        self.daemon.write(settings)
        with contextlib.suppress(LabError):
            await self.daemon.api.until_ready(RELOAD_PATIENCE_S)
        self.daemon.reload()

    async def _restart_asterisk(self, *, kill: bool) -> str:
        began = time.time()
        cut = self.town.diary.cut()
        self.cut += cut
        await (self.asterisk.kill() if kill else self.asterisk.stop())
        self.town.diary.hang_up_the_cut()
        await self.asterisk.start()
        self.asterisk_down.append((began, time.time()))
        return f"{'killed' if kill else 'stopped'}, {cut} callers cut"


def other(settings: Mapping[str, Any], which: int, chance: int) -> dict[str, Any]:
    """The same with 1: other times, 2: other points and steps, 3: an agent less."""
    changed = copy.deepcopy(dict(settings))
    for queue in changed["queues"].values():
        if which == 1:
            queue |= {"ring_timeout_s": 4, "wrap_up_s": 1}
        elif which == 2:
            queue |= {"priority": 3, "relax": []}
    if which == 3:
        del changed["agents"][random.Random(chance).choice(sorted(changed["agents"]))]
    return changed


def _lock(database: Path, for_s: float) -> str:
    """Hold SQLite's one writer's lock for so long, as a backup or another program would."""
    with contextlib.closing(sqlite3.connect(database, timeout=LOCK_PATIENCE_S, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            return str(error)
        time.sleep(for_s)
        other.execute("ROLLBACK")
    return ""
