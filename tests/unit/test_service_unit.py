"""config/acd.service: what a stolen daemon could do, and that systemd reads the file as it is meant."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "config/acd.service"
WORST_EXPOSURE = 1.5
"""Of 10, by systemd-analyze; a service without any of these settings has 9.6."""


def unit() -> dict[str, list[str]]:
    """`Section.Key` -> its values in order."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if header := re.fullmatch(r"\[(\w+)\]", line):
            section = header[1]
        elif pair := re.fullmatch(r"(\w+)=(.*)", line):
            found.setdefault(f"{section}.{pair[1]}", []).append(pair[2])
    return found


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("DynamicUser", ["yes"]),
        ("User", ["acd"]),
        ("StateDirectory", ["acd"]),
        ("NoNewPrivileges", ["yes"]),
        ("CapabilityBoundingSet", [""]),
        ("ProtectSystem", ["strict"]),
        ("ProtectHome", ["yes"]),
        ("PrivateTmp", ["yes"]),
        ("RestrictAddressFamilies", ["AF_INET AF_INET6 AF_UNIX"]),
        ("SystemCallFilter", ["@system-service", "~@privileged @resources"]),
        ("MemoryMax", ["1G"]),
        ("Type", ["notify"]),
        ("WatchdogSec", ["30"]),
        ("ExecReload", ["/bin/sh -c 'kill -HUP $$MAINPID'"]),
        ("Restart", ["always"]),
        ("RestartPreventExitStatus", ["2"]),
        ("LoadCredential", ["ami-secret:/etc/acd/ami-secret"]),
    ],
)
def test_the_service_has_no_more_rights_than_it_needs(key: str, values: list[str]) -> None:
    assert unit()[f"Service.{key}"] == values


def test_no_secret_stands_in_the_unit_and_all_it_writes_is_its_state() -> None:
    text = unit()
    assert text["Service.Environment"] == [
        "ACD__ASTERISK__0__SECRET_FILE=%d/ami-secret",
        "ACD__DATABASE=sqlite+aiosqlite:////var/lib/acd/acd.db",
    ]
    assert "Service.ReadWritePaths" not in text


def test_systemd_understands_it(tmp_path: Path) -> None:
    installed = tmp_path / "acd.service"
    installed.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/acd/bin/acd", "/bin/true"), encoding="utf-8")
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(installed)], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(installed)],
        capture_output=True,
        text=True,
        check=True,
    )
    exposure = re.search(r"exposure level for acd\.service: ([0-9.]+)", judged.stdout)
    assert exposure is not None and float(exposure[1]) <= WORST_EXPOSURE
