"""A start of the daemon leaves out what it does not need: each of these cost callers a tenth of a second or more."""

from __future__ import annotations

import os
import subprocess
import sys

import certifi

START = """
import os, sys
sys.argv = ["acd", {command!r}]
place = os.environ.get("SSL_CERT_FILE")
import acd.__main__, acd.daemon
import gc, aiohttp.connector
assert os.environ.get("SSL_CERT_FILE") == place
trusts = aiohttp.connector._SSL_CONTEXT_VERIFIED.cert_store_stats()["x509_ca"] > 0
unused = ("alembic", "rich", "pygments", "sqlalchemy.orm", "sqlalchemy.dialects.postgresql")
print(gc.isenabled(), trusts, *(name for name in unused if sys.modules.get(name)))
"""


def started(command: str) -> str:
    return said(START.format(command=command))


def said(script: str) -> str:
    """By a Python of its own, on a machine that trusts somebody."""
    trusting = {**os.environ, "SSL_CERT_FILE": certifi.where()}
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, env=trusting)
    return ran.stdout.strip()


def test_a_start_looks_for_no_garbage_and_imports_and_reads_nothing_that_it_does_not_use() -> None:
    assert started("run") == "False False"


def test_other_commands_are_as_they_were() -> None:
    assert started("doctor").startswith("True True")


def test_a_crm_is_trusted_by_the_worlds_certificates_all_the_same() -> None:
    script = """
import sys
sys.argv = ["acd", "run"]
import acd.__main__, acd.daemon, ssl
from acd.crm.client import Crm, CrmSettings
from acd.clock import SteadyClock
trusted = Crm(CrmSettings("https://crm.example/{number}"), SteadyClock(), print)._trusted
print(trusted.verify_mode == ssl.CERT_REQUIRED, trusted.check_hostname, trusted.cert_store_stats()["x509_ca"] > 0)
"""
    assert said(script).split() == ["True", "True", "True"]
