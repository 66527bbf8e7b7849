"""One run: everything up, the people let in, the strokes thrown, everybody seen off, the evidence gathered."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from acd.errors import LabError
from acd.lab import shop
from acd.lab.asterisk import AgentAccount, LabAsterisk, LabSpec, run_asterisk
from acd.lab.chaos import rest
from acd.lab.chaos.diary import Diary
from acd.lab.chaos.evidence import Evidence, Violation
from acd.lab.chaos.hammer import Hammer
from acd.lab.chaos.judge import judge
from acd.lab.chaos.schedule import BLOWS, Stroke, schedule
from acd.lab.chaos.service import Blow, Service
from acd.lab.chaos.throws import Hands, Thrown
from acd.lab.chaos.town import TRUNK, Town, queues
from acd.lab.chaos.watch import Watch
from acd.lab.daemon import LabDaemon, daemon_settings, free_port, running_daemon
from acd.lab.proxy import CutProxy, cut_proxy
from acd.tasks import spawn
from acd.tasks import stop as stop_tasks

QUIET_SHARE: Final = 0.3
QUIET_S: Final = (16.0, 30.0)
"""The end of a run, in which nothing is thrown in and nobody new calls: a share of it, within these bounds."""
DRAIN_S: Final = 60.0
"""By then everybody has been served or let go, or was forgotten."""
BACK_LIMIT_S: Final = 30.0
SURVEY: Final = {"first_digit_s": 4, "second_digit_s": 1}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to. `counts`: name -> (before, after); `answers`: HTTP status -> how many the hammer got."""

    seed: int
    seconds: float
    evidence: Evidence
    violations: Sequence[Violation]
    thrown: Sequence[Thrown]
    answers: dict[int, int]
    cut: int
    counts: dict[str, tuple[float, float]]


class Chaos:
    """A run of `seconds` from `seed`; logs go to `directory`, which is emptied first."""

    def __init__(self, seconds: float, seed: int, directory: Path, say: Say) -> None:
        self._seconds = seconds
        self._seed = seed
        self._directory = directory
        self._say = say
        self._day = date.min
        least_s, most_s = QUIET_S
        self._storm_s = seconds - min(most_s, max(least_s, QUIET_SHARE * seconds))

    async def run(self) -> Result:
        """From start to end. Raises LabError when it cannot be done at all."""
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(parents=True)
        strokes = schedule(self._seed, self._storm_s)
        self._say(f"Seed {self._seed}: {len(strokes)} strokes in {self._storm_s:.0f} s, then quiet")
        for stroke in strokes:
            self._say(f"  {stroke}")
        async with self._stage() as (hands, watch):
            watching = spawn(watch.run(), "watch")
            try:
                return await self._play(strokes, hands, watch)
            finally:
                await stop_tasks(watching)

    @contextlib.asynccontextmanager
    async def _stage(self) -> AsyncIterator[tuple[Hands, Watch]]:
        """Asterisk, proxy, daemon, people; nothing is left of them, but their logs."""
        spec = LabSpec(agents=tuple(AgentAccount(person.id) for person in shop.STAFF))
        directory = Path(tempfile.mkdtemp(prefix="acd-chaos-"))
        database = directory / "acd.db"
        try:
            async with run_asterisk(spec) as asterisk, cut_proxy((asterisk.ami_host, asterisk.ami_port)) as proxy:
                self._say(f"Asterisk {asterisk.version} ({asterisk.how})")
                try:
                    settings = settings_for(asterisk, proxy, database)
                    async with (
                        running_daemon(settings, self._directory / "daemon.log") as daemon,
                        self._people(asterisk, daemon) as (town, hammer),
                    ):
                        hands = Hands(daemon, asterisk, proxy, database, town, hammer)
                        yield hands, Watch(daemon.api.url, daemon.api.token, town.agents, lambda: proxy.muted)
                finally:
                    self._keep_log(asterisk)
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    @contextlib.asynccontextmanager
    async def _people(self, asterisk: LabAsterisk, daemon: LabDaemon) -> AsyncIterator[tuple[Town, Hammer]]:
        town = Town(asterisk, Diary(TRUNK), self._seed, self._storm_s)
        hammer = Hammer(daemon.api.url, daemon.api.token)
        try:
            await town.start()
            yield town, hammer
        finally:
            await town.stop()

    async def _play(self, strokes: Sequence[Stroke], hands: Hands, watch: Watch) -> Result:
        problems = [f"{words} before anything began" for words in await rest.not_free(hands.daemon)]
        base = await rest.counts(hands.daemon, hands.asterisk)
        self._day = datetime.fromisoformat((await hands.daemon.api.status())["as_of"]).date()
        began = time.monotonic()
        calling = spawn(hands.town.run(), "town")
        lanes = [
            spawn(self._lane([stroke for stroke in strokes if stroke.kind in BLOWS], began, hands), "blows"),
            spawn(self._lane([stroke for stroke in strokes if stroke.kind not in BLOWS], began, hands), "troubles"),
        ]
        await asyncio.gather(*lanes)
        await self._see_off(hands, watch, calling)
        left = hands.town.diary.on_the_line()
        problems += await rest.not_free(hands.daemon)
        after = await rest.settled(hands.daemon, hands.asterisk, base)
        evidence = await self._evidence(hands, watch, left)
        violations = [
            *judge(evidence),
            *(Violation("agents are free in the end", words) for words in problems),
            *(Violation("counts return", words) for words in rest.above(after, base)),
            *(Violation("nothing odd", words) for words in [*hands.odd, *hands.hammer.odd]),
            *(
                Violation(f"not for long: {one.what}", f"{one.agent}, {one.until - one.since:.1f} s", "", one.call_id)
                for one in watch.found
            ),
        ]
        counts = {name: (base[name], value) for name, value in after.items()}
        answers = dict(hands.hammer.answers)
        return Result(self._seed, self._seconds, evidence, violations, hands.thrown, answers, hands.cut, counts)

    async def _lane(self, strokes: Sequence[Stroke], began: float, hands: Hands) -> None:
        for stroke in strokes:
            await asyncio.sleep(max(0.0, began + stroke.at_s - time.monotonic()))
            thrown = await hands.throw(stroke)
            self._say(f"{time.monotonic() - began:6.1f} s  {stroke.kind} is over  {thrown.note}".rstrip())

    async def _see_off(self, hands: Hands, watch: Watch, calling: asyncio.Task[Any]) -> None:
        """Until the last caller has gone, for a bounded time; the daemon must be back by itself."""
        until = time.monotonic() + BACK_LIMIT_S
        while not watch.up:
            if time.monotonic() > until:
                raise LabError(f"the daemon is not back after {BACK_LIMIT_S:.0f} s: {watch.looks[-1].why}")
            await asyncio.sleep(0.1)
        began = time.monotonic()
        await asyncio.wait({calling}, timeout=DRAIN_S)
        self._say(f"Everybody had gone after {time.monotonic() - began:.1f} s" if calling.done() else "Some are left")

    async def _evidence(self, hands: Hands, watch: Watch, left: Sequence[str]) -> Evidence:
        town = hands.town
        blows = [Blow(thrown.stroke.kind, thrown.began, thrown.over) for thrown in hands.thrown]
        records = [*await hands.daemon.api.ended_calls(), *await hands.daemon.api.live_calls()]
        return Evidence(
            callers=town.diary.callers(town.stories),
            legs=town.diary.legs(),
            records=records,
            service=Service(watch.looks, blows),
            asterisk_down=hands.asterisk_down,
            deaf=town.deaf,
            unknown=hands.unknown,
            left=left,
            orders=hands.hammer.orders,
            today=await self._today(hands.daemon),
        )

    async def _today(self, daemon: LabDaemon) -> dict[str, dict[str, int]]:
        """Nothing when a day began in the middle of the run."""
        status = await daemon.api.status()
        same_day = datetime.fromisoformat(status["as_of"]).date() == self._day
        return {queue["name"]: queue["today"] for queue in status["queues"]} if same_day else {}

    def _keep_log(self, asterisk: LabAsterisk) -> None:
        if asterisk.log_path is not None and asterisk.log_path.exists():
            shutil.copyfile(asterisk.log_path, self._directory / "asterisk.log")


def settings_for(asterisk: LabAsterisk, proxy: CutProxy, database: Path) -> dict[str, Any]:
    """The daemon's configuration: the shop's people, quicker queues, the manager link through the proxy."""
    port = free_port()
    url = f"sqlite+aiosqlite:///{database}"
    agents = shop.configuration(asterisk, database=url, port=port)["agents"]
    settings = daemon_settings(asterisk, queues=queues(), agents=agents, database=url, port=port)
    host, ami_port = proxy.address
    settings["asterisk"][0] |= {"host": host, "port": ami_port}
    return {**settings, "survey": SURVEY}
