"""A sorted line of members that answers "who of these comes first?" without walking over everybody.

The line is cut into rungs of at most `RUNG` members; each rung knows its members as bits (`bits.py`) too. To find the
first of a given set is one `&` a rung until one meets it, then a look within that rung: some 15 microseconds at the
very worst among ten thousand, one or two where many are meant.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=tuple[object, ...])

RUNG = 128
"""Most members of a rung; a full one is cut in two. Near the square root of ten thousand both walks are short."""


class _Rung(Generic[Key]):
    __slots__ = ("bits", "entries")

    def __init__(self, entries: list[tuple[Key, int]]) -> None:
        self.entries = entries
        self.bits = 0
        for _, member in entries:
            self.bits |= 1 << member


class Ladder(Generic[Key]):
    """Members by key, smallest first, ties by member. All keys of one ladder can be compared with each other."""

    __slots__ = ("_keys", "_rungs", "_tops")

    def __init__(self) -> None:
        self._keys: dict[int, Key] = {}
        self._rungs: list[_Rung[Key]] = []
        self._tops: list[tuple[Key, int]] = []  # the last entry of each rung

    def __len__(self) -> int:
        return len(self._keys)

    def put(self, member: int, key: Key) -> None:
        """Give the member its place, or another one."""
        if member in self._keys:
            if self._keys[member] == key:
                return
            self.drop(member)
        self._keys[member] = key
        entry = (key, member)
        if not self._rungs:
            self._rungs.append(_Rung([entry]))
            self._tops.append(entry)
            return
        place = min(bisect_left(self._tops, entry), len(self._rungs) - 1)
        rung = self._rungs[place]
        insort(rung.entries, entry)
        rung.bits |= 1 << member
        self._tops[place] = rung.entries[-1]
        if len(rung.entries) > RUNG:
            self._cut(place)

    def drop(self, member: int) -> None:
        """Take the member out; nothing when it is not here."""
        key = self._keys.pop(member, None)
        if key is None:
            return
        entry = (key, member)
        place = bisect_left(self._tops, entry)
        rung = self._rungs[place]
        del rung.entries[bisect_left(rung.entries, entry)]
        if not rung.entries:
            del self._rungs[place], self._tops[place]
            return
        rung.bits ^= 1 << member
        self._tops[place] = rung.entries[-1]

    def renumber(self, to: Sequence[int]) -> None:
        """Member `n` is `to[n]` from now on, or out with -1. The keys alone must keep the order."""
        entries = [(key, to[member]) for rung in self._rungs for key, member in rung.entries if to[member] >= 0]
        self.fill(entries)

    def fill(self, entries: Sequence[tuple[Key, int]]) -> None:
        """These members only; they come in order."""
        self._keys = {member: key for key, member in entries}
        half = RUNG // 2  # as a rung that was cut: there is room for who comes
        self._rungs = [_Rung(list(entries[start : start + half])) for start in range(0, len(entries), half)]
        self._tops = [rung.entries[-1] for rung in self._rungs]

    def first(self, among: int) -> int:
        """The foremost member of the set `among`; -1 when none of it is here."""
        for rung in self._rungs:
            meets = rung.bits & among
            if meets:
                return self._foremost(rung, meets)
        return -1

    def several(self, among: int, most: int) -> list[int]:
        """The foremost members of the set `among` in their order, at most so many, in one walk."""
        found: list[int] = []
        for rung in self._rungs:
            meets = rung.bits & among
            while meets and len(found) < most:
                found.append(self._foremost(rung, meets))
                meets ^= 1 << found[-1]
            if len(found) == most:
                break
        return found

    @staticmethod
    def _foremost(rung: _Rung[Key], meets: int) -> int:
        if meets & (meets - 1) == 0:
            return meets.bit_length() - 1
        return next(member for _, member in rung.entries if meets >> member & 1)

    def _cut(self, place: int) -> None:
        entries = self._rungs[place].entries
        halves = [_Rung(entries[: RUNG // 2]), _Rung(entries[RUNG // 2 :])]
        self._rungs[place : place + 1] = halves
        self._tops[place : place + 1] = [half.entries[-1] for half in halves]
