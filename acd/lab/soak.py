"""`make soak`: steady traffic for a long while, and what the daemon holds over time: does anything grow?

    python -m acd.lab.soak --minutes 30

Prints a line now and then, the slopes after the warm-up at the end, and leaves `var/soak.json`. Exit code 1 when
something grows.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from acd.errors import AcdError, LabError
from acd.lab import shop
from acd.lab.asterisk import AgentAccount, LabAsterisk, LabSpec, run_asterisk
from acd.lab.daemon import LabDaemon, free_port, running_daemon
from acd.lab.slopes import Slope, slope
from acd.lab.staff import LIVELY_AGENTS, LIVELY_CALLERS, People, Traffic
from acd.lab.usage import open_files, resident_bytes, threads
from acd.tasks import spawn
from acd.tasks import stop as stop_tasks

WARM_UP_SHARE: Final = 1 / 3
WARM_UP_S: Final = 480.0
"""Until the records of the latest calls, of which 500 are kept at hand, are as many as they will ever be."""
WARM_UP_MOST: Final = 0.7
FEWEST_SAMPLES: Final = 10
MIB: Final = 1024 * 1024
FIGURES: Final = {
    "tasks": "acd_tasks",
    "timers": "acd_timers",
    "pending": "acd_ami_pending_actions",
    "inbox": "acd_inbox_events",
    "unwritten": "acd_recorder_queued",
    "live": "acd_calls_live",
    "blocks": "acd_memory_blocks",
}
"""What is shown -> the metric."""
MEMORY: Final = "memory_mib"
SHARES_PER_HOUR: Final = {MEMORY: 0.02, "blocks": 0.02}
"""Growth of the memory that is let pass. The blocks are what is held; the resident memory swings beside it, for what is
given back inside a page keeps the page."""
LEAST_PER_HOUR: Final = 1.0
"""Of what is counted: one more in an hour."""
AGENTS: Final = replace(LIVELY_AGENTS, ring_min_s=0.2, ring_max_s=1.0, talk_min_s=1.0, talk_mean_s=2.0, talk_max_s=8.0)
CALLERS: Final = replace(LIVELY_CALLERS, talk_limit_s=6.0)
RATE_PER_S: Final = 1.5
CALLERS_THERE_ARE: Final = 200
"""Every number that calls is remembered for some time, by design, in bounded places (who was asked for a score, who
served whom): the warm-up knows them all, so that what grows afterwards is something else."""

Sample = Mapping[str, float]


def warm_up_s(seconds: float) -> float:
    """How much of the beginning of a run is not judged."""
    return min(max(WARM_UP_SHARE * seconds, WARM_UP_S), WARM_UP_MOST * seconds)


def judged(samples: Sequence[Sample], from_s: float) -> dict[str, tuple[Slope, bool]]:
    """Name -> the slope of the samples from `from_s` on, and whether it is nil. LabError when there are too few."""
    late = [sample for sample in samples if sample["at_s"] >= from_s]
    if len(late) < FEWEST_SAMPLES:
        raise LabError(f"{len(late)} samples after the warm-up say nothing: let it run for longer")
    times = [sample["at_s"] for sample in late]
    found = {}
    for name in late[0]:
        if name in ("at_s", "calls"):
            continue
        line = slope(times, [sample[name] for sample in late])
        share = SHARES_PER_HOUR.get(name)
        found[name] = (line, line.nil(0.0, LEAST_PER_HOUR) if share is None else line.nil(share, 0.0))
    return found


class Soak:
    """A run of so many seconds with a sample every so often."""

    def __init__(self, seconds: float, every_s: float, var: Path, console: Console) -> None:
        self._seconds = seconds
        self._every_s = every_s
        self._var = var
        self._console = console

    async def run(self) -> list[Sample]:
        """The samples. Raises LabError when it cannot go on."""
        accounts = tuple(AgentAccount(person.id) for person in shop.STAFF)
        directory = Path(tempfile.mkdtemp(prefix="acd-soak-"))
        log = self._var / "soak-daemon.log"
        log.unlink(missing_ok=True)
        try:
            async with run_asterisk(LabSpec(agents=accounts)) as asterisk:
                self._console.print(f"Asterisk {asterisk.version} ({asterisk.how}), {self._seconds / 60:g} minutes")
                database = f"sqlite+aiosqlite:///{directory}/acd.db"
                settings = shop.configuration(asterisk, database=database, port=free_port())
                settings = {**settings, "survey": {**settings.get("survey", {}), "ask_again_after_days": 0}}
                async with running_daemon(settings, log) as daemon:
                    return await self._with_people(asterisk, daemon)
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    async def _with_people(self, asterisk: LabAsterisk, daemon: LabDaemon) -> list[Sample]:
        people = People(
            server=(asterisk.sip_host, asterisk.sip_port),
            passwords={account.id: account.password for account in asterisk.agents},
            names={},
            dids=shop.DIDS,
            trunk_host=asterisk.trunk_host,
            agent_habits=AGENTS,
            caller_habits=CALLERS,
            traffic=Traffic(rate_per_s=RATE_PER_S, arrivals_s=self._seconds, drain_s=0.0, people=CALLERS_THERE_ARE),
        )
        try:
            await people.start()
            crowd = spawn(people.run(), "crowd")
            try:
                return await self._samples(daemon, people)
            finally:
                await stop_tasks(crowd)
        finally:
            await people.stop()

    async def _samples(self, daemon: LabDaemon, people: People) -> list[Sample]:
        samples: list[Sample] = []
        began = time.monotonic()
        while (at_s := time.monotonic() - began) < self._seconds:
            sample = await look(daemon, at_s, people.counts.offered)
            if not samples:
                self._say("  ".join(f"{name:>10}" for name in sample))
            samples.append(sample)
            self._say("  ".join(f"{value:>10.{name == MEMORY:d}f}" for name, value in sample.items()))
            await asyncio.sleep(self._every_s)
        return samples

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)


async def look(daemon: LabDaemon, at_s: float, calls: int) -> Sample:
    """One sample: what the daemon's process holds, and what it says of itself."""
    figures = await daemon.api.figures()
    return {
        "at_s": at_s,
        "calls": float(calls),
        MEMORY: resident_bytes(daemon.pid) / MIB,
        "files": float(open_files(daemon.pid)),
        "threads": float(threads(daemon.pid)),
        **{name: figures[metric] for name, metric in FIGURES.items()},
    }


def as_json(samples: Sequence[Sample], slopes: Mapping[str, tuple[Slope, bool]], from_s: float) -> dict[str, Any]:
    """What `var/soak.json` holds."""
    return {
        "warm_up_s": from_s,
        "slopes": {name: {**asdict(line), "nil": nil} for name, (line, nil) in slopes.items()},
        "samples": [dict(sample) for sample in samples],
    }


def main(
    minutes: Annotated[float, typer.Option(min=1.0, help="How long.")] = 30.0,
    every_s: Annotated[float, typer.Option(min=1.0, max=60.0, help="Seconds between samples.")] = 10.0,
    var: Annotated[Path, typer.Option(help="Where soak.json and the log go.")] = Path("var"),
) -> None:
    """Watch what the daemon holds over time."""
    console = Console()
    var.mkdir(parents=True, exist_ok=True)
    from_s = warm_up_s(60 * minutes)
    try:
        samples = asyncio.run(Soak(60 * minutes, every_s, var, console).run())
        slopes = judged(samples, from_s)
    except AcdError as error:
        console.print(f"The soak could not go on: {error}", style="red", highlight=False)
        raise typer.Exit(1) from None
    (var / "soak.json").write_text(json.dumps(as_json(samples, slopes, from_s), indent=2) + "\n", encoding="utf-8")
    console.print(f"\nAfter the first {from_s / 60:.0f} minutes, in an hour:", highlight=False)
    for name, (line, nil) in slopes.items():
        told = f"{name:>10}  {line.per_hour:+9.2f} ± {line.error:.2f}  of {line.mean:.1f}  {'nil' if nil else 'GROWS'}"
        console.print(told, highlight=False)
    if not all(nil for _, nil in slopes.values()):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
