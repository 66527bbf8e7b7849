"""A start of the daemon leaves out what it does not need: each of these cost callers a tenth of a second or more."""

from __future__ import annotations

import subprocess
import sys

START = """
import sys
sys.argv = ["acd", {command!r}]
import acd.__main__, acd.daemon
import gc
print(gc.isenabled(), *(name for name in ("alembic", "rich", "pygments", "sqlalchemy.orm") if sys.modules.get(name)))
"""


def started(command: str) -> str:
    script = START.format(command=command)
    return subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.strip()


def test_a_start_looks_for_no_garbage_and_imports_nothing_that_it_does_not_use() -> None:
    assert started("run") == "False"


def test_other_commands_are_as_they_were() -> None:
    assert started("doctor").startswith("True")
