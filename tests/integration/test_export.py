"""`acd export calls` as its users run it: a process beside a database with calls in it."""

from __future__ import annotations

import asyncio
import csv
import io
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

from acd.records import database
from acd.records.schema import upgrade
from acd.records.store import SqlStore
from tests.journeys import abandoned_call, entries, served_call, waiting_call

NOON = 1_790_000_000.0
CALLS = 1_100  # more than a page of the store's
CONFIG = """
asterisk: [{name: main, host: 127.0.0.1, port: 5038, username: acd, secret: secret}]
queues: {sales: {dids: ["74951234567"], require: anyone}}
agents: {"1001": {name: Anna, endpoint: PJSIP/1001}}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration, and its database with calls: one of them still live."""
    folder = tmp_path_factory.mktemp("export")
    url = f"sqlite+aiosqlite:///{folder}/acd.db"
    asyncio.run(fill(url))
    file = folder / "acd.yaml"
    file.write_text(f"{CONFIG}database: {url}\n")
    return file


async def fill(url: str) -> None:
    await upgrade(url)
    store = SqlStore(database.connect(url), "RU")
    try:
        kinds = (abandoned_call, served_call)
        calls = [kinds[n % 2](f"c{n:04d}", NOON + n) for n in range(CALLS)]
        await store.write([entry for call in [*calls, waiting_call("live", NOON)] for entry in entries(call)])
    finally:
        await store.close()


def export(config: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "acd", "export", "calls", "--config", str(config), *options]
    return subprocess.run(command, capture_output=True, check=False, timeout=60)


def read(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline="")))


def test_every_ended_call_once_newest_first_on_standard_output(config: Path) -> None:
    done = export(config)
    assert done.returncode == 0, done.stderr
    ids = [line["id"] for line in read(done.stdout)]
    assert ids == [f"c{n:04d}" for n in reversed(range(CALLS))]
    assert f"ok: {CALLS} calls" in done.stderr.decode()


def test_a_stretch_of_time_into_a_workbook(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "calls.xlsx"
    done = export(
        config, "--format", "xlsx", "--out", str(file), "--from", "2026-09-21T17:13:25+03:00",
        "--to", "2026-09-21T17:13:30",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    sheet = openpyxl.load_workbook(file).active
    assert [cell.value for cell in sheet["A"]][1:] == ["c0009", "c0008", "c0007", "c0006", "c0005"]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--queue", "slaes"), 1, "There is no queue slaes; there are sales."),
        (("--from", "yesterday"), 2, "write a date or a time"),
        (("--format", "pdf"), 2, "csv"),
        (("--out", "/nowhere/at/all.csv"), 1, "/nowhere/at/all.csv cannot be written: No such file or directory."),
    ],
)
def test_what_cannot_be_done_is_said(config: Path, options: tuple[str, ...], code: int, said: str) -> None:
    done = export(config, *options)
    assert (done.returncode, done.stdout) == (code, b"")
    assert said in " ".join(done.stderr.decode().replace("│", " ").split())
    assert "Traceback" not in done.stderr.decode()
