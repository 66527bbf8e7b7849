"""What waits to be written, in order and within a bound.

A call takes one place, however many of its facts wait: an entry's record brings all facts of the call along, so the
newest entry stands for those before it; what is kept of an agent likewise. When the database is away for long, the
backlog therefore grows with the number of calls, not with what happens in them.

When the bound is reached, what comes is refused and what waits is kept. A call that is refused this way is whole
again with its next fact that finds room, because that one too brings all the earlier ones; to throw out the oldest
instead would lose calls that are over and will never be told of again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from acd.ports import Entry


@dataclass(slots=True)
class Waiting:
    """An entry to be written, and how many entries it stands for, itself included.

    `n` is the number that the first of them has in the spool's run.
    """

    entry: Entry
    n: int = 0
    stands_for: int = 1


class Backlog:
    """At most `limit` places; `entries` counts what they stand for."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._places: OrderedDict[Hashable, Waiting] = OrderedDict()
        self.entries = 0

    def __len__(self) -> int:
        return len(self._places)

    @property
    def first_n(self) -> int | None:
        """The number of the oldest; None when nothing waits."""
        return next(iter(self._places.values())).n if self._places else None

    def add(self, entry: Entry, n: int = 0) -> bool:
        """Whether there was room for the run's entry number `n`."""
        key = _key(entry)
        waiting = self._places.get(key)
        if waiting is not None:
            if _seq(waiting.entry) <= _seq(entry):
                waiting.entry = entry
            waiting.stands_for += 1
        elif len(self._places) >= self._limit:
            return False
        else:
            self._places[key] = Waiting(entry, n)
        self.entries += 1
        return True

    def take(self, places: int) -> list[Waiting]:
        """The oldest entries, at most so many places, taken out."""
        taken = [self._places.popitem(last=False)[1] for _ in range(min(places, len(self._places)))]
        self.entries -= sum(waiting.stands_for for waiting in taken)
        return taken


def _key(entry: Entry) -> Hashable:
    """Entries with the same key stand for each other; an entry that is not whole stands for itself alone."""
    record = entry.record
    if entry.kept is not None and entry.agent is None and record is None:
        return ("kept", entry.kept.agent_id)
    if record is not None and entry.agent is None and len(record.events) == record.seq:
        return record.id
    return id(entry)  # alive as long as it is in the backlog, so nothing else has this number


def _seq(entry: Entry) -> int:
    return entry.record.seq if entry.record is not None else 0
