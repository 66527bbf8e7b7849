"""A store whose database goes away and comes back at the test's word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from acd.errors import RecordRefused, StorageError
from acd.ports import Entry
from acd.records.memory import MemoryStore


class MoodyStore(MemoryStore):
    """Memory that may be away, may hang, may lose its answer, and refuses what `poison` says."""

    def __init__(self) -> None:
        super().__init__("RU")
        self.away = False
        self.hangs = False
        self.loses_answers = False
        self.poison: Callable[[Entry], bool] = lambda entry: False
        self.batches: list[list[Entry]] = []  # those that were kept
        self.tries = 0

    async def write(self, entries: Sequence[Entry]) -> None:
        self.tries += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.away:
            raise StorageError("The database is away.")
        if any(self.poison(entry) for entry in entries):
            raise RecordRefused("A value does not fit.")
        await super().write(entries)
        self.batches.append(list(entries))
        if self.loses_answers:
            raise StorageError("The connection broke after the commit.")

    def kept(self) -> list[Entry]:
        return [entry for batch in self.batches for entry in batch]
