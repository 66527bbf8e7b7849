"""`make demo`: a real Asterisk, the daemon, a dozen simulated agents and lively simulated callers, to be watched.

    python -m acd.lab.demo --seconds 60

Stops by itself after `--seconds` (0: at Ctrl-C) and leaves `var/demo-summary.json`. Exit code 0 only if calls were
answered and every call that was made was recorded.

The daemon may be killed to see what becomes of the callers: Asterisk serves them alone until it is started again, which
happens after `--restart-s`, or at the end.
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

from acd.errors import AcdError, LabError
from acd.lab import shop
from acd.lab.asterisk import AgentAccount, LabAsterisk, LabSpec, run_asterisk
from acd.lab.daemon import PREFERRED_PORT, READY_S, LabDaemon, free_port, running_daemon
from acd.lab.hotline import Hotline, Summary
from acd.lab.screen import line, picture
from acd.lab.staff import People, Traffic
from acd.tasks import spawn
from acd.tasks import stop as stop_tasks

RECORDED_S = 10.0
LOG_LINE_EVERY_S = 5.0
LAST_CALL_S = 25.0  # before the end nobody calls any more, so that those on the line can finish
ENDLESS_S = 86_400.0 * 365
RESTART_S = 20.0  # long enough for the fallback to be seen


class Demo:
    """One run. `var` is where the summary and the daemon's log go."""

    def __init__(self, seconds: float, port: int, var: Path, console: Console, restart_s: float = RESTART_S) -> None:
        self._seconds = seconds
        self._restart_s = restart_s
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
                    return await self._with_people(asterisk, daemon)
            finally:
                shutil.rmtree(directory, ignore_errors=True)

    async def _with_people(self, asterisk: LabAsterisk, daemon: LabDaemon) -> Summary:
        hotline = daemon.api
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
        self._say(f"{about}\nkill -9 {daemon.pid} kills the daemon; it is started again after {self._restart_s:.0f} s")
        try:
            await people.start()
            await self._until_over(people, daemon, about)
            if await daemon.running():  # it may have been started a moment ago
                await daemon.api.until_ready(READY_S)
            else:
                await daemon.start()
            return await self._recorded(people, hotline)
        finally:
            await people.stop()

    async def _until_over(self, people: People, daemon: LabDaemon, about: str) -> None:
        crowd = spawn(people.run(), "crowd")
        enough = spawn(self._wait_enough(), "enough")
        watching = spawn(self._watch(people, daemon.api, about), "screen")
        keeping = spawn(self._keep(daemon), "keeper")
        done, _ = await asyncio.wait({crowd, enough, keeping}, return_when=asyncio.FIRST_COMPLETED)
        await stop_tasks(crowd, enough, watching, keeping)
        for task in done:
            task.result()

    async def _wait_enough(self) -> None:
        await self._enough.wait()

    async def _keep(self, daemon: LabDaemon) -> None:
        """Start it again some time after it died. LabError when it does not get ready."""
        while True:
            if not await daemon.running():
                self._say(f"The daemon is dead. It is started again in {self._restart_s:.0f} s.")
                await asyncio.sleep(self._restart_s)
                began = time.monotonic()
                await daemon.start()
                self._say(f"The daemon (process {daemon.pid}) was ready after {time.monotonic() - began:.1f} s.")
            await asyncio.sleep(1)

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)

    async def _watch(self, people: People, hotline: Hotline, about: str) -> None:
        """Paint on a terminal; write a line now and then into anything else."""
        began = said = time.monotonic()
        status = await hotline.status()
        live = Live(console=self._console, refresh_per_second=2, transient=True)
        with live if self._console.is_terminal else contextlib.nullcontext():
            while True:
                told = about
                try:
                    status = await hotline.status()
                except LabError:
                    told = "The daemon does not answer; this is what it said last."
                now = time.monotonic()
                if self._console.is_terminal:
                    live.update(picture(status, people.counts, told))
                elif now - said >= LOG_LINE_EVERY_S:
                    said = now
                    self._say(line(status, people.counts, now - began) + ("" if told is about else f"  {told}"))
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
    restart_s: Annotated[
        float, typer.Option(min=0.0, help="A dead daemon is started again after so long.")
    ] = RESTART_S,
) -> None:
    """Show the hotline at work."""
    console = Console()
    var.mkdir(parents=True, exist_ok=True)
    try:
        summary = asyncio.run(Demo(seconds, port or free_port(PREFERRED_PORT), var, console, restart_s).run())
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
