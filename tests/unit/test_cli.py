"""The command line: what each command prints and how it ends."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest
from typer.testing import CliRunner

from acd import config
from acd.__main__ import app
from acd.errors import StorageError
from tests.unit.logging_state import logging_as_before  # noqa: F401

ROOT = Path(__file__).parents[2]
GOOD = ROOT / "config" / "acd.yaml"


@pytest.fixture
def cli(logging_as_before):  # noqa: F811
    def call(*args):
        return CliRunner().invoke(app, [str(arg) for arg in args])

    return call


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    file = tmp_path / "bad.yaml"
    file.write_text("asterisk: [{name: main, secret: x}]\nhttp: {port: 99999}\nqueue: {}\n")
    return file


def test_check_config_says_ok_in_one_line(cli):
    result = cli("check-config", GOOD)
    assert result.exit_code == 0
    assert result.stdout == "ok: 3 queues, 5 agents, 0 tokens, 1 Asterisk\n"
    assert "warning: asterisk[0]: the secret is still" in result.stderr


def test_check_config_says_everything_wrong_at_once_and_exits_2(cli, bad):
    result = cli("check-config", bad)
    assert result.exit_code == 2
    assert f"{bad}:2: http.port" in result.stderr
    assert f"{bad}:3: queue: unknown key; did you mean queues?" in result.stderr
    assert "queues: missing" in result.stderr
    assert result.stdout == ""


def test_the_real_process_exits_2_without_a_traceback(bad):
    done = subprocess.run(
        [sys.executable, "-m", "acd", "run", "--config", str(bad)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 2
    assert "http.port" in done.stderr and "Traceback" not in done.stderr


def test_a_token_is_printed_once_and_its_lines_load(cli, tmp_path):
    result = cli("token", "create", "anna", "--role", "agent", "--agent", "1001")
    assert result.exit_code == 0
    token = re.search(r"^token: (\S{43})$", result.stdout, re.MULTILINE).group(1)
    file = tmp_path / "acd.yaml"
    lines = "\n".join(line for line in result.stdout.splitlines() if line.startswith("  - "))
    file.write_text(GOOD.read_text().replace("tokens: []", f"tokens:\n{lines}"))
    (loaded,) = config.load(file, {}).tokens
    assert loaded.sha256 == hashlib.sha256(token.encode()).hexdigest()
    assert (loaded.name, loaded.role, loaded.agent) == ("anna", "agent", "1001")
    assert token not in cli("token", "create", "anna", "--role", "agent").stdout


@pytest.mark.parametrize(
    "args",
    [
        ["token", "create", "x", "--role", "boss"],
        ["token", "create", 'x", role: admin', "--role", "agent"],
        ["token", "create", "x", "--role", "admin", "--agent", "1001"],
        ["token", "create", "x"],
        ["run"],
        ["no-such-command"],
    ],
)
def test_a_wrong_call_is_explained(cli, args):
    result = cli(*args)
    assert result.exit_code == 2
    assert "Usage" in result.stderr and "sha256" not in result.output


def stands_in(monkeypatch, module, **functions):
    """A module of ours replaced for one test: the command line is tested, not what it starts."""
    monkeypatch.setitem(sys.modules, module, types.SimpleNamespace(**functions))


def test_run_hands_the_settings_to_the_daemon_and_where_they_are_from(cli, monkeypatch):
    seen = []

    async def run(settings, file):
        seen.append((settings, file))

    stands_in(monkeypatch, "acd.daemon", run=run)
    assert cli("run", "--config", GOOD).exit_code == 0
    (settings, file) = seen[0]
    assert settings.queues["sales"].ring_timeout_s == 20
    assert str(file) == str(GOOD)


def test_our_own_errors_are_told_in_words(cli, monkeypatch):
    async def upgrade(_url):
        raise StorageError("the disk is full")

    stands_in(monkeypatch, "acd.records.schema", upgrade=upgrade)
    result = cli("db", "upgrade", "--config", GOOD)
    assert result.exit_code == 1
    assert result.stderr.endswith("\nacd: the disk is full\n")
    assert "Traceback" not in result.stderr


def test_upgrade_gets_the_url(cli, monkeypatch):
    seen = []

    async def upgrade(url):
        seen.append(url)

    stands_in(monkeypatch, "acd.records.schema", upgrade=upgrade)
    result = cli("db", "upgrade", "--config", GOOD)
    assert (result.exit_code, result.stdout) == (0, "ok: the database is up to date\n")
    assert seen == ["sqlite+aiosqlite:///var/acd.db"]


@pytest.mark.parametrize(("well", "code"), [(True, 0), (False, 1)])
def test_doctor_prints_each_finding_and_what_to_change(cli, monkeypatch, well, code):
    async def run(settings, say):
        say(types.SimpleNamespace(ok=True, what="database", found="reachable", fix=""))
        say(types.SimpleNamespace(ok=False, what=settings.asterisk[0].name, found="refused", fix="Set the secret."))
        return well

    stands_in(monkeypatch, "acd.doctor", run=run)
    result = cli("doctor", "--config", GOOD)
    assert result.exit_code == code
    assert result.stdout == "ok   database: reachable\nFIX  main: refused\n     Set the secret.\n"


def test_the_configuration_may_be_named_by_the_environment(cli, monkeypatch, bad):
    monkeypatch.setenv("ACD_CONFIG", str(bad))
    assert cli("doctor").exit_code == 2


def test_version(cli):
    result = cli("--version")
    assert result.exit_code == 0 and result.stdout.startswith("acd")


def test_forget_tells_what_it_did_and_whether_all_is_gone(cli, monkeypatch):
    asked = []

    async def forgets(settings, number, tell):
        asked.append(number)
        tell("what was done")
        return gone

    monkeypatch.setattr("acd.forget.run", forgets)
    for gone, code in ((True, 0), (False, 3)):  # noqa: B007 - `forgets` sees it
        result = cli("forget", "8 (916) 123-45-67", "--config", GOOD)
        assert (result.exit_code, result.stdout) == (code, "what was done\n")
    assert asked == ["+79161234567"] * 2


def test_forget_refuses_what_is_no_callers_number(cli, monkeypatch):
    result = cli("forget", "1001", "--config", GOOD)
    assert result.exit_code == 2
    assert "write it with its country code" in result.stderr
