"""The daemon as a service: nobody's process, in a tree it cannot write to, that says when it is ready."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from acd.lab.daemon import free_port, write_settings
from tests.deadlines import until
from tests.fakes.asterisk import FakeAsterisk

PROJECT = Path(__file__).parents[2]
NOBODY = 65534
START_S = 30.0


class Service:
    """`acd run` as systemd would run it, with what it says to its service manager."""

    def __init__(self, state: Path, port: int) -> None:
        self.state = state
        self.url = f"http://127.0.0.1:{port}"
        self.process: asyncio.subprocess.Process | None = None
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._line.bind(str(state / "notify"))
        (state / "notify").chmod(0o777)
        self._said: list[str] = []

    def said(self) -> list[str]:
        while True:
            try:
                self._said.append(self._line.recv(4096).decode())
            except BlockingIOError:
                return self._said

    async def start(self) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PROJECT),
            "NOTIFY_SOCKET": str(self.state / "notify"),
            "WATCHDOG_USEC": "1000000",
        }
        command = [sys.executable, "-m", "acd", "run", "--config", "acd.yaml"]
        if os.geteuid() == 0:
            command = [*as_nobody(), *command]
        self.process = await asyncio.create_subprocess_exec(*command, cwd=self.state, env=environment)

    def status(self, key: str) -> str:
        """A line of /proc/PID/status."""
        assert self.process is not None
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{key}:"))

    async def answers(self, path: str) -> int:
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
            return answer.status

    async def stop(self) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.terminate()
        async with asyncio.timeout(START_S):
            return await self.process.wait()

    def close(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
        self._line.close()


def as_nobody() -> list[str]:
    """Without a right but to look: a checkout in root's own home is to be read as well."""
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    sees = subprocess.run([*become, "ls", str(PROJECT), sys.executable], capture_output=True, check=False)
    if sees.returncode == 0:
        return [*become, "--inh-caps=-all", "--bounding-set=-all"]
    return [*become, "--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search"]


def everything_in(tree: Path) -> set[Path]:
    return {path for path in tree.rglob("*") if "__pycache__" not in path.parts and ".git" not in path.parts}


@pytest.fixture
def service() -> Iterator[Service]:
    state = Path(tempfile.mkdtemp(prefix="acd-service-"))
    if os.geteuid() == 0:
        os.chown(state, NOBODY, NOBODY)
    service = Service(state, free_port())
    yield service
    service.close()
    shutil.rmtree(state)


@pytest.fixture
async def asterisk() -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk(endpoints=("PJSIP/1001",)) as fake:
        yield fake


def configure(service: Service, asterisk: FakeAsterisk) -> None:

    node = {"name": "main", "host": asterisk.host, "port": asterisk.port}
    agent = {"name": "A", "endpoint": "PJSIP/1001", "skills": {"sales": 5}, "login": "start"}
    settings = {
        "asterisk": [{**node, "username": asterisk.username, "secret": asterisk.secret}],
        "database": f"sqlite+aiosqlite:///{service.state}/acd.db",
        "event_log": {"path": f"{service.state}/events.log"},
        "http": {"port": int(service.url.rpartition(":")[2])},
        "queues": {"sales": {"dids": ["74951234567"], "require": "sales >= 1", "survey": "none"}},
        "agents": {"1001": agent},
    }
    write_settings(service.state / "acd.yaml", settings)
    if os.geteuid() == 0:
        os.chown(service.state / "acd.yaml", NOBODY, NOBODY)


async def test_a_service_without_rights_serves_and_says_when(service: Service, asterisk: FakeAsterisk) -> None:
    configure(service, asterisk)
    before = everything_in(PROJECT / "acd") | everything_in(PROJECT / "config")
    await asterisk.stop_listening()
    await service.start()
    await until(lambda: any(word.startswith("STATUS=asterisk.main:") for word in service.said()), deadline_s=START_S)
    assert await service.answers("/healthz") == 200
    assert await service.answers("/readyz") == 503
    assert not {"READY=1", "WATCHDOG=1"} & set(service.said())

    await asterisk.listen()
    await until(lambda: "READY=1" in service.said(), deadline_s=START_S)
    assert await service.answers("/readyz") == 200
    await until(lambda: service.said().count("WATCHDOG=1") >= 2)
    assert "0" not in service.status("Uid").split()
    if os.geteuid() == 0:
        assert service.status("Uid").split() == [str(NOBODY)] * 4
        assert service.status("NoNewPrivs") == "1"
    asterisk.call_in()
    await until(lambda: (service.state / "events.log").stat().st_size > 0)

    assert await service.stop() == 0
    assert "STOPPING=1" in service.said()
    assert service.said().count("READY=1") == 1
    assert everything_in(PROJECT / "acd") | everything_in(PROJECT / "config") == before
    assert {"acd.db", "events.log"} <= {path.name for path in service.state.iterdir()}
