"""Calls as CSV and XLSX: what people wrote stays text."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.queues.journey import CallRecord
from acd.queues.model import CallId, Outcome
from acd.records.sheets import COLUMNS, harmless, row, write_csv, write_xlsx
from tests.faults import Figure

MOSCOW = ZoneInfo("Europe/Moscow")
AT = datetime(2026, 11, 2, 9, 30, 15, 250_000, MOSCOW).timestamp()
CALL = CallRecord(
    id=CallId("20261102063015-1"),
    number="+79160000001",
    did="74951234567",
    name="Анна",
    queue="sales",
    entered_at=AT,
    ended_at=AT + 61.5,
    outcome=Outcome.ANSWERED,
    wait_s=1.23456,
    disposition={"code": "sold", "amount": 990.5, "note": "два\nкота"},
)
HOSTILE = ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", '=HYPERLINK("http://x")', "＝1"]


def read_csv(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff"), "Excel takes it for UTF-8 by this"
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def as_csv(*calls: CallRecord) -> list[dict[str, str]]:
    out = io.StringIO(newline="")
    assert write_csv((row(call, MOSCOW) for call in calls), out) == len(calls)
    return read_csv(out.getvalue())


def test_a_call_in_a_line_with_times_where_the_shop_is() -> None:
    [line] = as_csv(CALL)
    assert tuple(line) == tuple(COLUMNS)
    assert line["entered_at"] == "2026-11-02T09:30:15.250+03:00"
    assert (line["number"], line["name"], line["outcome"], line["wait_s"]) == (
        "+79160000001",
        "Анна",
        "answered",
        "1.235",
    )
    assert (line["amount"], line["note"], line["agent"]) == ("990.5", "два\nкота", "")


@pytest.mark.fault(26)
@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_that_would_be_run_is_text(text: str, figure: Figure) -> None:
    call = replace(CALL, name=text, number=text, disposition={"code": text, "note": text})
    [line] = as_csv(call)
    for column in ("name", "number", "disposition", "note"):
        assert line[column].lstrip() == line[column] or line[column].startswith("'")
        assert line[column][0] not in "=+-@\t\r", line[column]
    out = io.BytesIO()
    write_xlsx([row(call, MOSCOW)], out)
    cells = next(openpyxl.load_workbook(io.BytesIO(out.getvalue())).active.iter_rows(min_row=2))
    assert all(cell.data_type != "f" for cell in cells)
    figure("formulas that a spreadsheet would run", sum(cell.data_type == "f" for cell in cells), "cells")


@given(st.text())
def test_no_text_at_all_begins_a_formula(text: str) -> None:
    shown = harmless(text)
    assert shown in (text, f"'{text}")
    assert shown == text or not text.startswith("+7916")
    if shown.lstrip()[:1] in ("=", "-", "@"):
        raise AssertionError(shown)


def test_the_same_in_a_workbook_with_real_dates_on_as_many_sheets_as_it_takes() -> None:
    out = io.BytesIO()
    assert write_xlsx((row(CALL, MOSCOW) for _ in range(5)), out, sheet_rows=3) == 5
    book = openpyxl.load_workbook(io.BytesIO(out.getvalue()))
    assert [sheet.max_row for sheet in book] == [3, 3, 2]
    head, first = list(book.worksheets[0].iter_rows(max_row=2, values_only=True))
    assert head == tuple(COLUMNS)
    line = dict(zip(head, first, strict=True))
    assert line["entered_at"] == datetime(2026, 11, 2, 9, 30, 15, 250_000)  # noqa: DTZ001 - a sheet knows no zones
    assert line["number"] == "+79160000001"


def test_no_call_at_all_is_a_sheet_with_a_head() -> None:
    out = io.BytesIO()
    assert write_xlsx([], out) == 0
    assert openpyxl.load_workbook(io.BytesIO(out.getvalue())).active.max_row == 1
    assert as_csv() == []
