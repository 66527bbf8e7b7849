"""The daemon as its users run it: `acd run --config …` in a process that can be stopped, killed, started again.

async with running_daemon(settings, log=Path("daemon.log")) as daemon:
    ... await daemon.api.status() ... await daemon.kill() ... await daemon.start() ...
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from acd.errors import LabError
from acd.lab.asterisk import LabAsterisk
from acd.lab.hotline import Hotline
from acd.lab.process import GuardedProcess

READY_S = 30.0
LOOKS_PER_S = 5_000  # whoever waits for a fact looks often
STOP_S = 15.0
PREFERRED_PORT = 8088
Settings = Mapping[str, Any]


class LabDaemon:
    """One daemon. `api` speaks to it as a supervisor, whether it runs or not; `config` is its file.

    `pid` is the process's, 0 before its first start.
    """

    def __init__(
        self, process: GuardedProcess, api: Hotline, config: Path, log: Path, settings: Settings | None = None
    ) -> None:
        self.api = api
        self.config = config
        self.log = log
        self.settings: Settings = settings or {}
        self.pid = 0
        self._process = process

    async def start(self, look_every_s: float = 0.1) -> None:
        """Start it (again) and wait until it is ready; LabError with its last words if it is not."""
        await self.launch()
        try:
            await self.api.until_ready(READY_S, look_every_s)
        except LabError as error:
            raise LabError(f"{error}. The daemon's last words: {self._last_words()}") from None

    async def launch(self) -> None:
        """Start it (again), and do not wait. LabError when it cannot even be run."""
        self.pid = await asyncio.to_thread(self._process.run)

    def write(self, settings: Settings) -> None:
        """Put another configuration into the file, all at once; `settings` stays what it was made with."""
        new = self.config.with_suffix(".new")
        write_settings(new, settings)
        new.replace(self.config)

    def reload(self) -> None:
        """SIGHUP: the file is to be read again."""
        self._signal(signal.SIGHUP)

    def stall(self) -> None:
        """SIGSTOP: it stands still where it is, with all its connections open. Nothing happens when it is not there."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT, after `stall`."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    async def stop(self) -> int:
        """Ask it to end (SIGTERM) and wait; its exit code, negative when a signal ended it."""
        return await asyncio.to_thread(self._process.term)

    async def kill(self) -> None:
        """SIGKILL: nobody is told anything."""
        await asyncio.to_thread(self._process.kill)

    async def running(self) -> bool:
        """Is the process there? Ready or not."""
        return await asyncio.to_thread(self._process.running)

    def close(self) -> None:
        """Gone, however it was."""
        self._process.close()

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return " | ".join(lines[-3:]) or "it said nothing"


@contextlib.asynccontextmanager
async def running_daemon(settings: Settings, log: Path) -> AsyncIterator[LabDaemon]:
    """A ready daemon with these settings and a supervisor's token added; gone afterwards, however we went.

    The database is not touched in the end, so that another daemon may follow on it.
    """
    token = secrets.token_urlsafe(24)
    holder = {"name": "lab", "role": "supervisor", "sha256": hashlib.sha256(token.encode()).hexdigest()}
    directory = Path(tempfile.mkdtemp(prefix="acd-daemon-"))
    config = directory / "acd.yaml"
    whole = {**settings, "tokens": [*settings.get("tokens", ()), holder]}
    write_settings(config, whole)
    command = [sys.executable, "-m", "acd", "run", "--config", str(config)]
    process = GuardedProcess(command, directory, log, [], STOP_S)
    try:
        async with Hotline(f"http://127.0.0.1:{settings['http']['port']}", token) as api:
            daemon = LabDaemon(process, api, config, log, whole)
            await daemon.start()
            yield daemon
        await daemon.stop()
    finally:
        # Not in a thread: this must happen even while the loop is being torn down.
        process.close()


def daemon_settings(
    asterisk: LabAsterisk, *, queues: Settings, agents: Settings, database: str, port: int
) -> dict[str, Any]:
    """A whole configuration for this Asterisk. `port` is the API's, on loopback."""
    node = {
        "name": "main",
        "host": asterisk.ami_host,
        "port": asterisk.ami_port,
        "username": asterisk.ami_username,
        "secret": asterisk.ami_secret,
    }
    return {
        "asterisk": [node],
        "database": database,
        "http": {"host": "127.0.0.1", "port": port, "requests_per_s": LOOKS_PER_S, "anonymous_per_s": LOOKS_PER_S},
        "queues": dict(queues),
        "agents": dict(agents),
    }


def write_settings(path: Path, settings: Settings) -> None:
    """Write them as YAML, readable by its owner only: they hold the manager's secret."""
    path.touch(mode=0o600)
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(dict(settings), file)


def free_port(preferred: int = 0) -> int:
    """A TCP port of loopback nobody has now: the preferred one if it can be had."""
    for wanted in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", wanted))
                return int(probe.getsockname()[1])
    raise LabError("no free TCP port on loopback")
