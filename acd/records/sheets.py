"""Calls as a sheet for people: CSV or XLSX, a line a call. What callers and agents wrote is text, never a formula."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any, BinaryIO, Final, TextIO

import xlsxwriter

from acd.queues.journey import CallRecord

Cell = str | int | float | datetime | None
Row = Iterable[Cell]

_BOM: Final = "\ufeff"  # without it Excel reads UTF-8 as the old encoding of its country
_FORMULA: Final = re.compile(r"^[\s]*[=+\-@\t\r＝＋－＠]")
_NUMBER: Final = re.compile(r"^\+?[0-9]{1,20}$", re.ASCII)  # a phone number begins with + and can do nothing
_DATE_FORMAT: Final = "yyyy-mm-dd hh:mm:ss"
SHEET_ROWS: Final = 1_048_576  # what a sheet of Excel's can hold
_AS_IT_COMES: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": True,
}
_WIDTH: Final = 20

COLUMNS: Final[Mapping[str, Callable[[CallRecord], object]]] = {
    "id": lambda call: call.id,
    "number": lambda call: call.number,
    "name": lambda call: call.name,
    "did": lambda call: call.did,
    "queue": lambda call: call.queue,
    "entered_at": lambda call: call.entered_at,
    "queued_at": lambda call: call.queued_at,
    "answered_at": lambda call: call.answered_at,
    "ended_at": lambda call: call.ended_at,
    "outcome": lambda call: call.outcome,
    "ended_by": lambda call: call.ended_by,
    "wait_s": lambda call: call.wait_s,
    "talk_s": lambda call: call.talk_s,
    "agent": lambda call: call.agent,
    "offers": lambda call: len(call.offers),
    "legs": lambda call: len(call.legs),
    "from_agent": lambda call: call.from_agent,
    "merged_into": lambda call: call.merged_into,
    "survey": lambda call: call.survey_result,
    "score": lambda call: call.survey_score,
    "disposition": lambda call: (call.disposition or {}).get("code"),
    "amount": lambda call: (call.disposition or {}).get("amount"),
    "note": lambda call: (call.disposition or {}).get("note"),
    "reconciled": lambda call: int(call.reconciled),
}
"""Column -> what stands in it; columns whose names end in `_at` are moments."""


def row(call: CallRecord, zone: tzinfo) -> list[Cell]:
    """The call's cells in the order of COLUMNS; moments in `zone`, seconds to the millisecond."""
    return [_cell(name, look(call), zone) for name, look in COLUMNS.items()]


def write_csv(rows: Iterable[Row], out: TextIO) -> int:
    """RFC 4180 with a byte order mark; how many calls. What a spreadsheet would run begins with an apostrophe."""
    out.write(_BOM)
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    written = 0
    for cells in rows:
        writer.writerow([_csv(cell) for cell in cells])
        written += 1
    return written


def write_xlsx(rows: Iterable[Row], out: BinaryIO, sheet_rows: int = SHEET_ROWS) -> int:
    """A sheet, or as many as it takes, kept out of memory row by row; how many calls."""
    book = xlsxwriter.Workbook(out, _AS_IT_COMES)
    moments = book.add_format({"num_format": _DATE_FORMAT})
    written = 0
    for cells in rows:
        line = written % (sheet_rows - 1) + 1
        if line == 1:
            sheet = _sheet(book)
        _write_line(sheet, line, cells, moments)
        written += 1
    if not written:
        _sheet(book)
    book.close()
    return written


def _sheet(book: Any) -> Any:
    sheet = book.add_worksheet()
    sheet.set_column(0, len(COLUMNS) - 1, _WIDTH)
    sheet.write_row(0, 0, COLUMNS)
    sheet.freeze_panes(1, 0)
    return sheet


def _write_line(sheet: Any, line: int, cells: Row, moments: Any) -> None:
    for column, cell in enumerate(cells):
        match cell:
            case datetime():
                sheet.write_datetime(line, column, cell.replace(tzinfo=None), moments)
            case str():
                sheet.write_string(line, column, cell)
            case int() | float():
                sheet.write_number(line, column, cell)


def harmless(text: str) -> str:
    """The text as a spreadsheet shows it and does not run it (OWASP, CSV injection)."""
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _csv(cell: Cell) -> str | int | float:
    match cell:
        case datetime():
            return cell.isoformat(timespec="milliseconds")
        case str():
            return harmless(cell)
        case None:
            return ""
        case _:
            return cell


def _cell(name: str, value: object, zone: tzinfo) -> Cell:
    if value is None:
        return None
    if name.endswith("_at") and isinstance(value, float | int):
        return datetime.fromtimestamp(value, zone)
    if isinstance(value, float):
        return round(value, 3)
    return value if isinstance(value, int) else str(value)
