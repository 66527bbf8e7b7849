"""What is made of pip-audit's answer: weak, well, and nobody knows are three things."""

from __future__ import annotations

import json

import pytest

from acd.lab.audit import verdict

WELL = {"name": "aiohttp", "version": "3.14", "vulns": []}
WEAK = {"name": "x", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"], "aliases": []}]}
SKIPPED = {"name": "y", "skip_reason": "not on PyPI"}


@pytest.mark.parametrize(
    ("dependencies", "code", "first"),
    [
        ([WELL], 0, "audit: 1 packages, no known weakness"),
        ([WELL, WEAK], 1, "x 1: PYSEC-1, mended in 2"),
        ([SKIPPED, SKIPPED], 3, "audit: the advisories cannot be reached, so nothing is known"),
        ([WELL, SKIPPED], 3, "not looked at: y: not on PyPI"),
    ],
)
def test_an_answer(dependencies: list[object], code: int, first: str) -> None:
    found, lines = verdict(json.dumps({"dependencies": dependencies}), "")
    assert (found, lines[0]) == (code, first)


@pytest.mark.parametrize("output", ["", "[]", "{}", "<html>", "null"])
def test_no_answer_is_not_well(output: str) -> None:
    code, lines = verdict(output, "a\nb\nc\nConnectionError: no route")
    assert code == 3
    assert "cannot be reached" in lines[0] and lines[-1] == "ConnectionError: no route"
