"""The book of journeys: numbers every fact, folds it into the call's record, and keeps the day's figures.

Records of live calls are here whole; of ended calls only the last ones, for those who ask before the database has
them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from acd.queues.commands import Journal
from acd.queues.figures import COUNTED, DayFigures
from acd.queues.journey import CallRecord, Fact, JourneyEvent, Value, apply
from acd.queues.model import CallId

RECENT_ENDED = 500


class Book:
    """All records the brain holds in memory."""

    def __init__(self, figures: DayFigures) -> None:
        self.figures = figures
        self._live: dict[CallId, CallRecord] = {}
        self._ended: OrderedDict[CallId, CallRecord] = OrderedDict()

    def note(self, call_id: CallId, at: float, fact: Fact, **data: Value) -> Journal:
        """Enter one fact; returns the command that has it kept."""
        before = self.get(call_id)
        event = JourneyEvent(call_id, (before.seq if before else 0) + 1, at, fact, data)
        record = apply(before, event)
        self._keep(record)
        if fact in COUNTED:
            self.figures.changed(before, record)
        return Journal(event)

    def adopt(self, record: CallRecord) -> None:
        """Take a record that was kept elsewhere, as it is; one that is here already stays."""
        if self.get(record.id) is None:
            self._keep(record)

    def begin_day(self, day_began_at: float, ended: Iterable[CallRecord]) -> None:
        """Count anew: the ended calls given, and what is here, which is newer than any copy of it."""
        self.figures.begin(day_began_at)
        today = {record.id: record for record in ended} | self._ended | self._live
        for record in today.values():
            self.figures.changed(None, record)

    def get(self, call_id: CallId) -> CallRecord | None:
        """The record of a live or only just ended call."""
        return self._live.get(call_id) or self._ended.get(call_id)

    def live(self) -> Iterable[CallRecord]:
        """Records of calls that have not ended, in the order they were entered."""
        return self._live.values()

    def _keep(self, record: CallRecord) -> None:
        if record.ended_at is None:
            self._live[record.id] = record
            return
        self._live.pop(record.id, None)
        self._ended[record.id] = record
        while len(self._ended) > RECENT_ENDED:
            self._ended.popitem(last=False)
