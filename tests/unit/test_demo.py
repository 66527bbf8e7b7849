"""The demo starts a daemon that was killed again, and says so."""

from __future__ import annotations

import io
from pathlib import Path
from typing import cast

import pytest
from rich.console import Console

from acd import tasks
from acd.errors import LabError
from acd.lab.daemon import LabDaemon
from acd.lab.demo import Demo
from tests.deadlines import until


class Process:
    """What the demo asks of a daemon."""

    pid = 7

    def __init__(self, starts: bool = True) -> None:
        self.alive = False
        self._starts = starts

    async def running(self) -> bool:
        return self.alive

    async def start(self) -> None:
        if not self._starts:
            raise LabError("the daemon is not ready after 30 s")
        self.alive = True


def keeper(process: Process, said: io.StringIO) -> tuple[Demo, LabDaemon]:
    return Demo(60, 0, Path("var"), Console(file=said), restart_s=0.0), cast(LabDaemon, process)


async def test_a_dead_daemon_is_started_again() -> None:
    process, said = Process(), io.StringIO()
    demo, daemon = keeper(process, said)
    keeping = tasks.spawn(demo._keep(daemon), "keeper")
    await until(lambda: "was ready after" in said.getvalue(), what="it says that the daemon is back")
    await tasks.stop(keeping)
    assert process.alive
    assert said.getvalue().startswith("The daemon is dead. It is started again in 0 s.")


async def test_one_that_cannot_be_started_ends_the_demo() -> None:
    demo, daemon = keeper(Process(starts=False), io.StringIO())
    with pytest.raises(LabError, match="not ready"):
        await demo._keep(daemon)
