"""`make demo`: a real Asterisk, the daemon, a dozen simulated agents and lively simulated callers, to be watched.

    python -m acd.lab.demo --seconds 60

Stops by itself after `--seconds` (0: at Ctrl-C) and leaves `var/demo-summary.json`. Exit code 0 only if calls were
answered and every call that was made was recorded.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from acd.errors import AcdError
from acd.lab import shop
from acd.lab.asterisk import AgentAccount, LabAsterisk, LabSpec, run_asterisk
from acd.lab.daemon import PREFERRED_PORT, free_port, running_daemon
from acd.lab.hotline import Hotline, Summary
from acd.lab.screen import line, picture
from acd.lab.staff import People, Traffic
from acd.tasks import spawn
from acd.tasks import stop as stop_tasks

RECORDED_S = 10.0
LOG_LINE_EVERY_S = 5.0
LAST_CALL_S = 25.0  # before the end nobody calls any more, so that those on the line can finish
ENDLESS_S = 86_400.0 * 365


class Demo:
    """One run. `var` is where the summary and the daemon's log go."""

    def __init__(self, seconds: float, port: int, var: Path, console: Console) -> None:
        self._seconds = seconds
        self._port = port
        self._var = var
        self._console = console
        self._enough = asyncio.Event()

    async def run(self) -> Summary:
        """Run it to its end, or until somebody has had enough."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._enough.set)
        accounts = tuple(AgentAccount(person.id) for person in shop.STAFF)
        self._console.print("Starting Asterisk ...")
        async with run_asterisk(LabSpec(agents=accounts)) as asterisk:
            self._console.print(f"Asterisk {asterisk.version} ({asterisk.how}), SIP on port {asterisk.sip_port}")
            directory = Path(tempfile.mkdtemp(prefix="acd-demo-"))
            log = self._var / "demo-daemon.log"
            log.unlink(missing_ok=True)
            try:
                database = f"sqlite+aiosqlite:///{directory}/acd.db"
                settings = shop.configuration(asterisk, database=database, port=self._port)
                async with running_daemon(settings, log) as daemon:
                    return await self._with_people(asterisk, daemon.api)
            finally:
                shutil.rmtree(directory, ignore_errors=True)

    async def _with_people(self, asterisk: LabAsterisk, hotline: Hotline) -> Summary:
        arrivals_s = max(self._seconds - LAST_CALL_S, 0.5 * self._seconds) if self._seconds else ENDLESS_S
        people = People(
            server=(asterisk.sip_host, asterisk.sip_port),
            passwords={account.id: account.password for account in asterisk.agents},
            names={person.id: person.name for person in shop.STAFF},
            dids=shop.DIDS,
            trunk_host=asterisk.trunk_host,
            traffic=Traffic(arrivals_s=arrivals_s, seed=secrets.randbelow(10**6)),
        )
        about = f"Status page: {hotline.url}/   token: {hotline.token}   Ctrl-C stops"
        self._console.print(about, highlight=False, soft_wrap=True)
        try:
            await people.start()
            await self._until_over(people, hotline, about)
            return await self._recorded(people, hotline)
        finally:
            await people.stop()

    async def _until_over(self, people: People, hotline: Hotline, about: str) -> None:
        crowd = spawn(people.run(), "crowd")
        enough = spawn(self._wait_enough(), "enough")
        watching = spawn(self._watch(people, hotline, about), "screen")
        await asyncio.wait({crowd, enough}, return_when=asyncio.FIRST_COMPLETED)
        await stop_tasks(crowd, enough, watching)

    async def _wait_enough(self) -> None:
        await self._enough.wait()

    async def _watch(self, people: People, hotline: Hotline, about: str) -> None:
        """Paint on a terminal; write a line now and then into anything else."""
        began = said = time.monotonic()
        live = Live(console=self._console, refresh_per_second=2, transient=True)
        with live if self._console.is_terminal else contextlib.nullcontext():
            while True:
                status = await hotline.status()
                now = time.monotonic()
                if self._console.is_terminal:
                    live.update(picture(status, people.counts, about))
                elif now - said >= LOG_LINE_EVERY_S:
                    said = now
                    self._console.print(line(status, people.counts, now - began), highlight=False, soft_wrap=True)
                await asyncio.sleep(1)

    async def _recorded(self, people: People, hotline: Hotline) -> Summary:
        """The last calls are written a moment after they end."""
        offered = people.counts.offered - people.counts.refused
        deadline = time.monotonic() + RECORDED_S
        while True:
            summary = await hotline.summary(offered)
            if summary.records >= offered or time.monotonic() > deadline:
                return summary
            await asyncio.sleep(0.2)


def main(
    seconds: Annotated[float, typer.Option(help="Stop after so long; 0 runs until Ctrl-C.")] = 0.0,
    port: Annotated[int, typer.Option(help="The API's port on loopback; 0 takes a free one.")] = 0,
    var: Annotated[Path, typer.Option(help="Where summary and log go.")] = Path("var"),
) -> None:
    """Show the hotline at work."""
    console = Console()
    var.mkdir(parents=True, exist_ok=True)
    try:
        summary = asyncio.run(Demo(seconds, port or free_port(PREFERRED_PORT), var, console).run())
    except AcdError as error:
        console.print(f"The demo could not go on: {error}", style="red", highlight=False)
        raise typer.Exit(1) from None
    (var / "demo-summary.json").write_text(json.dumps(summary.as_json(), indent=2) + "\n", encoding="utf-8")
    console.print(summary.as_json())
    if not summary.answered or summary.records != summary.offered:
        console.print("Calls were not answered, or not all recorded.", style="red")
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
