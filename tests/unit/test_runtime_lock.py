"""The image gets the locked versions of what the daemon needs, and none of the tools."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SCRIPT: dict[str, Any] = runpy.run_path(str(PROJECT / "docker/runtime_lock.py"))

LOCK = """\
aiohttp==3.1 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via asterisk-acd (pyproject.toml)
iniconfig==2.0 \\
    --hash=sha256:cc
    # via pytest
yarl==1.0 \\
    --hash=sha256:dd
    # via
    #   aiohttp
    #   pytest
pytest==9.0 \\
    --hash=sha256:ee
    # via asterisk-acd (pyproject.toml)
"""


def test_kept_is_what_is_wanted_and_what_that_needs() -> None:
    kept = SCRIPT["runtime"](LOCK, {"aiohttp"})
    assert kept.startswith("aiohttp==3.1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n")
    assert "yarl==1.0 \\\n    --hash=sha256:dd" in kept
    assert "pytest==" not in kept and "iniconfig==" not in kept


def test_what_the_lock_file_does_not_have_is_named() -> None:
    with pytest.raises(SystemExit, match="panoramisk"):
        SCRIPT["runtime"](LOCK, {"aiohttp", "panoramisk"})


def test_this_projects_own_lock_file() -> None:
    wanted = SCRIPT["wanted"]((PROJECT / "pyproject.toml").read_text())
    kept = SCRIPT["runtime"]((PROJECT / "requirements.lock").read_text(), wanted)
    assert {"panoramisk", "sqlalchemy", "asyncpg", "setuptools"} <= wanted
    assert "\ngreenlet==" in kept, "what only a requirement of ours requires is kept"
    assert "\npytest==" not in kept and "\nruff==" not in kept
