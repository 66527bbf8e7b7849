"""`acd doctor` finds each thing that is wrong and says in one line what to change; the running daemon says it too."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from acd.config import check
from acd.doctor import Finding
from acd.doctor import run as examine
from acd.lab.asterisk import AmiUser, LabAsterisk, LabSpec, agent_accounts, run_asterisk
from acd.lab.daemon import daemon_settings, free_port, write_settings
from acd.lab.hotline import Hotline
from acd.records.schema import upgrade
from tests.e2e.conftest import OpenHotline
from tests.e2e.desk import Desk, until_fact
from tests.e2e.floor import Floor
from tests.faults import Figure

FLOOR = Floor()
FLOOR.line("sales", ("1001",))
ALL_READ = "system,call,agent,user"
ALL_WRITE = "system,call,agent,user,originate,reporting"
USERS = {
    "no_read_user": AmiUser("no_read_user", read="system,call,agent", write=ALL_WRITE),
    "no_read_call": AmiUser("no_read_call", read="system,agent,user", write=ALL_WRITE),
    "no_read_system": AmiUser("no_read_system", read="call,agent,user", write=ALL_WRITE),
    "no_write_call": AmiUser("no_write_call", read=ALL_READ, write="system,agent,user,originate,reporting"),
    "no_write_originate": AmiUser("no_write_originate", read=ALL_READ, write="system,call,agent,user,reporting"),
    "no_write_reporting": AmiUser("no_write_reporting", read=ALL_READ, write="system,call,agent,user,originate"),
}
DOCTOR_LIMIT_S = 40


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def patient() -> AsyncIterator[LabAsterisk]:
    """An Asterisk with managers of few rights, whose configuration may be spoilt."""
    spec = LabSpec(agents=agent_accounts(1001, 1), ami_users=(AmiUser("acd"), *USERS.values()))
    async with run_asterisk(spec) as running:
        yield running


class Doctor:
    """`acd doctor` on a configuration that is right but for what a test spoils in it."""

    def __init__(self, asterisk: LabAsterisk, directory: Path, database: str) -> None:
        self.settings: dict[str, Any] = daemon_settings(
            asterisk,
            queues=FLOOR.queues,
            agents=FLOOR.agents,
            database=database,
            port=free_port(),
        )
        self.errors: list[str] = []
        self._config = directory / "acd.yaml"

    @property
    def node(self) -> dict[str, Any]:
        found: dict[str, Any] = self.settings["asterisk"][0]
        return found

    def written(self) -> Path:
        """The configuration's file, as the settings are now."""
        write_settings(self._config, self.settings)
        return self._config

    async def acd(self, *words: str) -> tuple[int, list[str]]:
        """An `acd` command with this configuration: exit code, lines of standard output; `errors` are the others."""
        self.written()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "acd", *words, "--config", str(self._config)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(DOCTOR_LIMIT_S):
            out, errors = await process.communicate()
        self.errors = errors.decode().splitlines()
        assert "Traceback" not in errors.decode(), self.errors
        assert process.returncode is not None
        return process.returncode, out.decode().splitlines()

    async def only_complaint(self) -> tuple[str, str]:
        """Of a visit that fails for one reason: what was found, and what to change. In this process, to save time."""
        settings = check(self.written(), {}).settings
        assert settings is not None
        findings: list[Finding] = []
        assert not await examine(settings, findings.append)
        (complaint,) = [finding for finding in findings if not finding.ok]
        return f"{complaint.what}: {complaint.found}", complaint.fix


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with our tables."""
    url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('database')}/acd.db"
    await upgrade(url)
    return url


@pytest.fixture
def doctor(patient: LabAsterisk, tmp_path: Path, database: str) -> Doctor:
    return Doctor(patient, tmp_path, database)


async def test_a_healthy_house_is_ok_in_every_line(doctor: Doctor) -> None:
    code, lines = await doctor.acd("doctor")
    assert code == 0
    assert all(line.startswith("ok ") for line in lines), lines
    for what in ("database", "http", "version", "write rights", "read rights", "dialplan", "fallback queue", "prompts"):
        assert any(what in line for line in lines), what


async def test_a_wrong_secret(doctor: Doctor) -> None:
    doctor.node["secret"] = "not-this-one"
    code, lines = await doctor.acd("doctor")
    (number,) = [number for number, line in enumerate(lines) if line.startswith("FIX")]
    assert code == 1
    assert "wrong username or secret" in lines[number + 1]
    assert "manager.conf" in lines[number + 1]


async def test_nobody_at_the_address(doctor: Doctor) -> None:
    doctor.node["port"] = free_port()
    _, fix = await doctor.only_complaint()
    assert "is Asterisk running" in fix
    assert str(doctor.node["port"]) in fix


@pytest.mark.parametrize(
    ("user", "found", "advice"),
    [
        ("no_read_user", "class user", "read = "),
        ("no_read_call", "class call", "read = "),
        ("no_read_system", "no AMI link", "read = "),
        ("no_write_call", "may not", "write = "),
        ("no_write_originate", "not tried", "write = "),
    ],
)
async def test_a_missing_class(doctor: Doctor, user: str, found: str, advice: str) -> None:
    doctor.node.update(username=user, secret=USERS[user].secret)
    what, fix = await doctor.only_complaint()
    assert found in what
    assert advice in fix


async def test_a_port_that_is_taken(doctor: Doctor) -> None:
    with taken_port() as port:
        doctor.settings["http"]["port"] = port
        what, fix = await doctor.only_complaint()
    assert f"127.0.0.1:{port}" in what
    assert "http.port" in fix


async def test_a_database_that_cannot_be_written(doctor: Doctor) -> None:
    doctor.settings["database"] = "sqlite+aiosqlite:////proc/acd.db"
    what, fix = await doctor.only_complaint()
    assert "database" in what
    assert "/proc" in fix


async def test_prompts_that_are_not_there(doctor: Doctor) -> None:
    doctor.settings["language"] = "de"
    what, fix = await doctor.only_complaint()
    assert "de/acd/nps-question" in what
    assert "sounds" in fix


async def test_a_dialplan_that_is_not_included(doctor: Doctor, patient: LabAsterisk) -> None:
    async with spoilt(patient, "extensions.conf", "#include acd.conf"):
        what, fix = await doctor.only_complaint()
    assert "acd-inbound" in what
    assert "#include acd.conf" in fix


async def test_a_dialplan_that_may_not_be_looked_at_is_not_called_missing(doctor: Doctor) -> None:
    doctor.node.update(username="no_write_reporting", secret=USERS["no_write_reporting"].secret)
    code, lines = await doctor.acd("doctor")
    (number,) = [number for number, line in enumerate(lines) if line.startswith("FIX") and "dialplan" in line]
    assert code == 1
    assert "cannot be looked at" in lines[number]
    assert "reporting" in lines[number + 1]
    assert not any("#include" in line for line in lines)


async def test_a_fallback_queue_that_is_not_included(doctor: Doctor, patient: LabAsterisk) -> None:
    async with spoilt(patient, "queues.conf", "#include acd-queues.conf"):
        what, fix = await doctor.only_complaint()
    assert "acd-fallback" in what
    assert "#include acd-queues.conf" in fix


async def test_beside_a_running_daemon_its_port_is_well(
    doctor: Doctor, hotline: OpenHotline, patient: LabAsterisk
) -> None:
    daemon = await hotline(patient, queues=FLOOR.queues, agents=FLOOR.agents)
    doctor.settings["http"]["port"] = int(daemon.api.url.rpartition(":")[2])
    code, lines = await doctor.acd("doctor")
    assert code == 0
    assert any("the daemon runs" in line for line in lines)


@pytest.mark.fault(21)
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ({"secret": "not-this-one"}, "wrong username or secret"),
        ({"username": "no_write_call", "secret": USERS["no_write_call"].secret}, "lacks the write classes"),
        ({"username": "no_read_user", "secret": USERS["no_read_user"].secret}, "nothing heard of class user"),
        ({"username": "no_read_call", "secret": USERS["no_read_call"].secret}, "nothing heard of class call"),
    ],
    ids=["secret", "rights", "deaf to user", "deaf to call"],
)
async def test_the_daemon_names_the_cause_in_its_health(
    doctor: Doctor, spoil: dict[str, str], reason: str, figure: Figure
) -> None:
    doctor.node.update(spoil)
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "acd", "run", "--config", str(doctor.written())), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with Hotline(f"http://127.0.0.1:{doctor.settings['http']['port']}", "") as api:
            status, said = await until_fact(Desk(api).ready, lambda seen: reason in str(seen), reason, 20)
            figure("the cause is named after", time.monotonic() - began, "s")
    finally:
        process.terminate()
        await process.wait()
    assert status == 503
    assert "asterisk.main" in said["error"]


async def test_a_daemon_whose_port_is_taken_says_so_in_one_line_and_ends(doctor: Doctor) -> None:
    with taken_port() as port:
        doctor.settings["http"]["port"] = port
        code, lines = await doctor.acd("run")
    assert (code, lines) == (1, [])
    (said,) = [line for line in doctor.errors if str(port) in line]
    assert "http.port" in said


@contextlib.contextmanager
def taken_port() -> Iterator[int]:
    """A port on which somebody else listens, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield holder.getsockname()[1]


@contextlib.asynccontextmanager
async def spoilt(asterisk: LabAsterisk, file: str, line: str) -> AsyncIterator[None]:
    """Asterisk restarted without this line of its configuration; mended afterwards."""
    assert asterisk.directory is not None
    path = asterisk.directory / "etc" / file
    text = path.read_text()
    assert line in text
    path.write_text(text.replace(line, ""))
    await asterisk.restart()
    try:
        yield
    finally:
        path.write_text(text)
        await asterisk.restart()
