"""`acd export calls`: the recorded calls as a file, beside a running daemon or without one."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final
from zoneinfo import ZoneInfo

from acd.config import Settings
from acd.errors import AcdError
from acd.ports import CallFilter, Store
from acd.queues.journey import CallRecord
from acd.records import database, sheets
from acd.records.store import MAX_PAGE, SqlStore

_STDOUT: Final = Path("-")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls, and as what. `since` <= entered_at < `until`, seconds since 1970; `out` `-` is standard output."""

    form: str
    out: Path
    queue: str | None = None
    since: float | None = None
    until: float | None = None


class CannotExport(AcdError):
    """The file cannot be written, or what is asked for does not fit together."""

    code = "cannot_export"


async def run(settings: Settings, wanted: Wanted) -> int:
    """Write the calls that have ended, newest first; how many. CannotExport, StorageError."""
    if wanted.queue is not None and wanted.queue not in settings.queues:
        raise CannotExport(f"There is no queue {wanted.queue}; there are {', '.join(sorted(settings.queues))}.")
    if wanted.form == "xlsx" and wanted.out == _STDOUT and sys.stdout.isatty():
        raise CannotExport("An XLSX file cannot be shown: name a file with --out, or redirect the output.")
    zone = ZoneInfo(settings.timezone)
    store = SqlStore(database.connect(settings.database), settings.default_country)
    try:
        calls = _calls(store, CallFilter(queue=wanted.queue, ended=True, since=wanted.since, until=wanted.until))
        loop = asyncio.get_running_loop()
        rows = (sheets.row(call, zone) for call in _in_thread(calls, loop))
        return await asyncio.to_thread(_write, rows, wanted)
    finally:
        await store.close()


async def _calls(store: Store, wanted: CallFilter) -> AsyncIterator[CallRecord]:
    """Page by page, so that years fit."""
    cursor: str | None = None
    while True:
        page = await store.calls(wanted, MAX_PAGE, cursor)
        for call in page.items:
            yield call
        cursor = page.next_cursor
        if cursor is None:
            return


def _in_thread(calls: AsyncIterator[CallRecord], loop: asyncio.AbstractEventLoop) -> Iterator[CallRecord]:
    """The same for a thread that writes a file, while the loop reads the database."""
    nothing = object()

    async def one() -> object:
        return await anext(calls, nothing)

    while True:
        call = asyncio.run_coroutine_threadsafe(one(), loop).result()
        if not isinstance(call, CallRecord):
            return
        yield call


def _write(rows: Iterator[sheets.Row], wanted: Wanted) -> int:
    try:
        with ExitStack() as stack:
            out: BinaryIO = sys.stdout.buffer if wanted.out == _STDOUT else stack.enter_context(wanted.out.open("wb"))
            if wanted.form == "xlsx":
                return sheets.write_xlsx(rows, out)
            text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=False)
            try:
                return sheets.write_csv(rows, text)
            finally:
                text.flush()
                text.detach()
    except OSError as error:
        raise CannotExport(f"{wanted.out} cannot be written: {error.strerror or error}.") from error
