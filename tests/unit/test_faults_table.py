"""The table of faults."""

from __future__ import annotations

from tests.faults import table

FOUND = [["found after", 25.04, "s"], ["found after", 31.0, "s"], ["lost", 0.0, "calls"]]


def test_the_figures_of_several_runs_are_a_span() -> None:
    told = {13: {"tests/x.py::test_y": FOUND}}
    row = next(line for line in table(told).splitlines() if line.startswith("| 13 |"))
    assert row.endswith("| `tests/x.py::test_y` | found after: 25 to 31 s<br>lost: 0 calls |")
