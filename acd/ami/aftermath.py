"""Records of calls that came and went while nobody listened: from the dialplan's notes, each exactly once.

A note is deleted when what it says is safely recorded, and not before; one that is read again, because we were killed
in between, finds its call recorded already. A note without an end is of a caller who is there still, or of one whom a
restart of Asterisk has cut: that is decided when the caller has been missing for longer than two looks at it take.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from acd.ami.notes import Note, Notes, in_parts
from acd.ami.registry import Registry
from acd.errors import AmiError, AmiRefused
from acd.ports import Clock
from acd.queues.found import NotedCall
from acd.queues.model import CallId

log = structlog.get_logger(__name__)

BATCH = 200  # calls recorded before their notes are deleted
SOON_S = 60.0  # while something is left: more than two looks at Asterisk
SELDOM_S = 600.0  # a caller who hung up before we could say a word leaves a note beside a living daemon, too

Keep = Callable[[str, Sequence[NotedCall]], Awaitable[bool]]
"""Has these calls of a node recorded, those not recorded yet; True when all are, and safe."""


class Aftermath:
    """The notes of one Asterisk, read and worked off again and again while its link holds."""

    def __init__(self, node: str, notes: Notes, registry: Registry, clock: Clock, keep: Keep) -> None:
        self._node = node
        self._notes = notes
        self._registry = registry
        self._clock = clock
        self._keep = keep
        self._missing: frozenset[CallId] = frozenset()
        self._told_of = ""

    async def run(self) -> None:
        """Until cancelled."""
        self._missing = frozenset()
        while True:
            pause_s = SOON_S if await self._something_left() else SELDOM_S
            await asyncio.sleep(pause_s)

    async def _something_left(self) -> bool:
        try:
            return await self.work_off()
        except AmiRefused as error:
            if str(error) != self._told_of:
                self._told_of = str(error)
                log.warning("no records of calls without a daemon", node=self._node, error=str(error), fix=FIX)
            return False
        except AmiError as error:
            log.warning("notes not read", node=self._node, error=str(error))
            return True

    async def work_off(self) -> bool:
        """Read all notes, have them recorded, delete them. Whether some are left for later."""
        left = False
        missing: set[CallId] = set()
        for part in await self._notes.all(self._clock.now()):
            for some in in_parts(part, BATCH):
                over = [note for note in some if self._is_over(note, missing)]
                if over and await self._record(over):
                    await self._notes.forget(over)
                    left |= len(over) < len(some)
                else:
                    left = True
        self._missing = frozenset(missing)
        return left

    def _is_over(self, note: Note, missing: set[CallId]) -> bool:
        if note.call is None or not note.unfinished:
            return True
        call_id = note.call.call_id
        if call_id in self._registry.callers:
            return False
        missing.add(call_id)
        return call_id in self._missing

    async def _record(self, notes: Sequence[Note]) -> bool:
        calls = [note.call for note in notes if note.call is not None]
        if len(calls) < len(notes):
            log.warning("notes that say nothing are dropped", node=self._node, count=len(notes) - len(calls))
        return not calls or await self._keep(self._node, calls)


FIX = "give the AMI user the write classes `system` and `reporting`, and load func_db.so"
