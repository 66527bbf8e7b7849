"""docs/faults.md and the tests about faults are of one mind."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

from tests.faults import FAULTS, table

ROOT = Path(__file__).parents[2]
MARK = "pytest.mark.fault"


def _marked() -> dict[int, set[str]]:
    """Read from the sources: to have pytest collect the whole suite takes ten seconds."""
    found: dict[int, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        source = path.read_text(encoding="utf-8")
        marks = 0
        for node in ast.walk(ast.parse(source)) if MARK in source else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                numbers = [ast.literal_eval(number) for mark in _marks(node) for number in mark.args]
                marks += len(numbers) > 0
                for number in numbers:
                    found[number].add(f"{path.relative_to(ROOT)}::{node.name}")
        assert path == Path(__file__) or marks == source.count(MARK), f"{path}: mark functions, once each"
    return found


def _marks(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.Call]:
    calls = [decorator for decorator in function.decorator_list if isinstance(decorator, ast.Call)]
    return [call for call in calls if ast.unparse(call.func) == MARK]


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
