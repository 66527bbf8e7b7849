"""docs/faults.md and the tests about faults are of one mind."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from tests.faults import FAULTS, table

ROOT = Path(__file__).parents[2]
TOLD = r"""
import pytest, sys
class Teller:
    def pytest_collection_finish(self, session):
        from tests.faults import faults_of
        for item in session.items:
            for number in faults_of(item):
                print("fault", number, item.nodeid.partition("[")[0])
sys.exit(pytest.main(["--collect-only", "-qq", "-m", "fault", "-p", "no:cacheprovider"], plugins=[Teller()]))
"""


def _marked() -> dict[int, set[str]]:
    ran = subprocess.run([sys.executable, "-c", TOLD], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found: dict[int, set[str]] = defaultdict(set)
    for number, nodeid in re.findall(r"^fault (\d+) (\S+)$", ran.stdout, re.MULTILINE):
        found[int(number)].add(nodeid)
    return found


def _written() -> dict[int, set[str]]:
    page = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \|(.*)$", page, re.MULTILINE)
    return {int(number): set(re.findall(r"`(tests/[^`]+::[^`]+)`", row)) for number, row in rows}


def test_every_fault_is_tested_and_the_table_names_these_tests() -> None:
    marked = _marked()
    assert set(marked) == set(FAULTS), "each fault has a test"
    assert _written() == marked, "run `make faults`"


FOUND = [["found after", 25.04, "s"], ["found after", 31.0, "s"], ["lost", 0.0, "calls"]]


def test_the_figures_of_several_runs_are_a_span() -> None:
    told = {13: {"tests/x.py::test_y": FOUND}}
    row = next(line for line in table(told).splitlines() if line.startswith("| 13 |"))
    assert row.endswith("| `tests/x.py::test_y` | found after: 25 to 31 s<br>lost: 0 calls |")
