"""The laboratory: several Asterisks side by side, and nothing left of any of them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from acd.errors import LabError
from acd.lab.asterisk import LabSpec, agent_accounts, run_asterisk
from acd.lab.install import find_install, major_version
from acd.lab.ports import port_slot
from tests.fakes.caller import beat, enter
from tests.fakes.rawami import raw_ami

pytestmark = pytest.mark.asterisk

STARTER = """
import asyncio, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have had it ignored
from acd.lab.asterisk import LabSpec, run_asterisk

async def main():
    async with run_asterisk(LabSpec()) as asterisk:
        guarded = asterisk.process
        print(asterisk.directory, guarded.guard_pid, guarded.run(), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def becomes(true: Callable[[], bool], what: str, within_s: float = 5.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, f"{what} not within {within_s} s"
        await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    """Is there such a process, and not just its remains?"""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def test_two_side_by_side_know_nothing_of_each_other() -> None:
    async with run_asterisk(LabSpec()) as one, run_asterisk(LabSpec()) as two:
        assert {one.ami_port, one.sip_port}.isdisjoint({two.ami_port, two.sip_port})
        assert one.systemname != two.systemname
        async with raw_ami(one) as first, raw_ami(two) as second:
            await beat(first)
            await beat(second)
            caller = await enter(first)
            assert len((await first.event("Newchannel"))["Uniqueid"]) > 0
            assert not second.heard("Newchannel")
            await caller.hang_up()


async def test_start_is_quick_and_the_log_is_clean() -> None:
    begun = time.monotonic()
    async with run_asterisk(LabSpec(agents=agent_accounts(1001, 50))) as asterisk:
        assert time.monotonic() - begun < 10
        assert major_version(f"Asterisk {asterisk.version}") >= 20
        assert asterisk.log_path is not None
        log = asterisk.log_path.read_text()
        assert not [line for line in log.splitlines() if "WARNING" in line or "ERROR" in line]


def sockets() -> str:
    """All TCP and UDP sockets of this machine, as the kernel lists them."""
    return Path("/proc/net/tcp").read_text() + Path("/proc/net/udp").read_text()


async def test_it_listens_on_loopback_only() -> None:
    async with run_asterisk(LabSpec()) as asterisk:
        assert asterisk.process is not None
        listening = await asyncio.to_thread(sockets)
        for port in (asterisk.ami_port, asterisk.sip_port):
            assert f"0100007F:{port:04X}" in listening
            assert f"00000000:{port:04X}" not in listening


async def test_stop_kill_and_restart_keep_the_ports() -> None:
    async with run_asterisk(LabSpec()) as asterisk:
        async with raw_ami(asterisk) as ami:
            await asterisk.kill()
            await becomes(lambda: ami.closed, "end of the session")
        assert not await asterisk.ready()
        await asterisk.start()
        async with raw_ami(asterisk) as ami:
            booted = await ami.event("FullyBooted")
            assert int(booted["Uptime"]) < 10
        await asterisk.restart()
        assert await asterisk.ready()


async def test_afterwards_nothing_is_left() -> None:
    async with run_asterisk(LabSpec()) as asterisk:
        assert asterisk.process is not None and asterisk.directory is not None
        pid, directory = asterisk.process.run(), asterisk.directory
        assert alive(pid) and directory.is_dir()
    assert not alive(pid)
    assert not directory.exists()


async def _started() -> tuple[asyncio.subprocess.Process, Path, int, int]:
    starter = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STARTER, stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": "."}
    )
    assert starter.stdout is not None
    async with asyncio.timeout(60):
        directory, guard, pid = (await starter.stdout.readline()).decode().split()
    return starter, Path(directory), int(guard), int(pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_the_starters_death_takes_everything_along(number: signal.Signals) -> None:
    starter, directory, guard, pid = await _started()
    assert alive(pid) and alive(guard) and directory.is_dir()
    starter.send_signal(number)
    await starter.wait()
    await becomes(lambda: not alive(pid), "end of Asterisk")
    await becomes(lambda: not directory.exists(), "end of the directory")
    await becomes(lambda: not alive(guard), "end of the guard")


async def test_the_guards_death_takes_the_asterisk_along() -> None:
    starter, directory, guard, pid = await _started()
    os.kill(guard, signal.SIGKILL)
    await becomes(lambda: not alive(pid), "end of Asterisk")
    starter.send_signal(signal.SIGINT)
    await starter.wait()
    assert not directory.exists()


def test_slots_are_never_shared() -> None:
    with port_slot("127.0.0.1") as one, port_slot("127.0.0.1") as two:
        assert one.number != two.number
        assert one.rtp_last < two.rtp_first or two.rtp_last < one.rtp_first


def test_an_unknown_wish_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACD_ASTERISK", "moon")
    with pytest.raises(LabError, match="use host, path, docker or root"):
        find_install()


async def test_hosts_asterisk_is_used_and_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    async with run_asterisk(LabSpec()) as ours:
        monkeypatch.setenv("ACD_ASTERISK", "host")
        monkeypatch.setenv("ACD_ASTERISK_AMI_PORT", str(ours.ami_port))
        monkeypatch.setenv("ACD_ASTERISK_AMI_SECRET", ours.ami_secret)
        monkeypatch.setenv("ACD_ASTERISK_AGENTS", "1001:secret")
        async with run_asterisk(LabSpec()) as theirs:
            assert theirs.version == ours.version
            assert theirs.agents[0].id == "1001"
            with pytest.raises(LabError, match="not the laboratory's"):
                await theirs.stop()
        assert await ours.ready()
        monkeypatch.setenv("ACD_ASTERISK_AMI_SECRET", "wrong")
        with pytest.raises(LabError, match="does not let acd in"):
            async with run_asterisk(LabSpec()):
                pass


@pytest.mark.parametrize(
    ("text", "major"),
    [("Asterisk 22.10.1+dfsg", 22), ("Asterisk certified/20.7-cert1", 20), ("zsh", 0), (None, 0)],
)
def test_versions_are_understood(text: str | None, major: int) -> None:
    assert major_version(text) == major
