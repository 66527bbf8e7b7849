"""What systemd hears: nothing before all is well, then that we are alive, as long as we are."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from acd import tasks
from acd.manager import ServiceManager
from tests.deadlines import until


class Line:
    """The socket that systemd would listen at."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(address)
        self.heard: list[str] = []

    def listen(self) -> list[str]:
        while True:
            try:
                self.heard.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return self.heard


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    line = Line(str(tmp_path / "notify"))
    yield line
    line.socket.close()


@pytest.fixture
def problems() -> dict[str, str]:
    return {"asterisk.main": "not connected yet"}


@pytest.fixture
def progress() -> list[int]:
    return [0, 0]


@pytest.fixture
async def informed(line: Line, tmp_path: Path, problems: dict[str, str], progress: list[int]) -> AsyncIterator[None]:
    manager = ServiceManager.of({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "60000"})
    keeper = tasks.spawn(manager.keep_informed(lambda: problems, lambda: (progress[0], progress[1])), "manager")
    yield
    await tasks.stop(keeper)


@pytest.mark.usefixtures("informed")
async def test_ready_is_said_when_nothing_is_wrong_and_not_before(line: Line, problems: dict[str, str]) -> None:
    await until(lambda: "STATUS=asterisk.main: not connected yet" in line.listen())
    assert line.heard[0].startswith("EXTEND_TIMEOUT_USEC=")
    assert "READY=1" not in line.heard and "WATCHDOG=1" not in line.heard
    problems.clear()
    await until(lambda: "WATCHDOG=1" in line.listen())
    assert line.heard.count("READY=1") == 1
    assert "STATUS=serving calls" in line.heard
    problems["database"] = "full\nof holes"
    await until(lambda: "STATUS=database: full of holes" in line.listen())
    assert line.heard.count("READY=1") == 1


async def looked(line: Line, problems: dict[str, str], word: str) -> None:
    """One more look at everything was taken, whole."""
    problems["seen"] = word
    await until(lambda: f"STATUS=seen: {word}" in line.listen())
    await asyncio.sleep(0)


@pytest.mark.usefixtures("informed")
async def test_a_brain_that_does_not_get_on_is_not_called_alive(
    line: Line, problems: dict[str, str], progress: list[int]
) -> None:
    problems.clear()
    await until(lambda: "WATCHDOG=1" in line.listen())
    progress[:] = [5, 7]
    await looked(line, problems, "first")  # it sees the change, and says for the last time that we are alive
    line.heard.clear()
    for nth in ("second", "third"):
        await looked(line, problems, nth)
    assert "WATCHDOG=1" not in line.listen()
    progress[:] = [5, 8]
    await until(lambda: "WATCHDOG=1" in line.listen())


async def test_outside_systemd_nothing_is_said() -> None:
    manager = ServiceManager.of({})
    manager.stopping()
    await manager.keep_informed(lambda: {}, lambda: (0, 0))  # returns at once


async def test_an_abstract_address_and_one_that_is_gone(tmp_path: Path) -> None:
    line = Line("\0acd-test-" + tmp_path.name + str(id(tmp_path)))
    ServiceManager(line.socket.getsockname().decode().replace("\0", "@")).stopping()
    assert line.listen() == ["STOPPING=1"]
    line.socket.close()
    ServiceManager(str(tmp_path / "gone")).stopping()  # is no reason to fall
