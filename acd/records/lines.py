"""The lines of the spool: one entry each, with a number and a checksum.

    5d3a91c0 17 ["f","main-1700000000.12",3,1700000000.5,"offered",{"offer_id":"o1","agent":"1001"}]
    0c11f2aa 18 ["e",{"agent":{"at":1700000000.5,"agent_id":"1001","state":"offered",...}}]
    9b01d2e4 18 ["m"]

A fact is written without its record, which is folded from the facts; every other entry as the plain data of its
fields. Numbers count the entries of one run of the daemon from 1. A fact numbered 0 is kept for its call's sake only:
the database has it. The mark says that everything with a smaller number has reached the database. The checksum
is over all that follows it, so that a line the power cut in two is known as such.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Final, get_type_hints

from acd.errors import Unreadable
from acd.ports import Entry
from acd.queues import plain
from acd.queues.journey import Fact, JourneyEvent
from acd.queues.model import CallId

KEPT: Final = 0
OTHER: Final = b' ["e",'
"""Is in every line that holds no fact."""
LINE_BYTES: Final = 16_384
"""No line is longer: a fact has a few hundred bytes."""

_CRC_DIGITS: Final = 8
_MARKS: Final = re.compile(rb"^[0-9a-f]{8} \d+ \[\"m\"\]$", re.MULTILINE)
_HINTS: Final = get_type_hints(Entry)
_OTHERS: Final = tuple(field.name for field in fields(Entry) if field.name not in ("journey", "record"))

# ASCII, so that no text can end a line or fail to be written
_json: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


@dataclass(frozen=True, slots=True)
class Line:
    """What one line says: a fact, or an entry of another kind. `n` is KEPT for what the database has."""

    n: int
    fact: JourneyEvent | None = None
    other: Entry | None = None


def entry_line(n: int, entry: Entry) -> bytes:
    """The entry's line. TypeError or ValueError when it holds what JSON does not know."""
    if entry.journey is not None:
        return fact_line(n, entry.journey)
    return _line(n, ["e", {kind: plain.write(value) for kind, value in others_of(entry)}])


def others_of(entry: Entry) -> Iterator[tuple[str, Any]]:
    """What the entry holds beside a fact, by the name of its field."""
    for name in _OTHERS:
        value = getattr(entry, name)
        if value is not None:
            yield name, value


def fact_line(n: int, event: JourneyEvent) -> bytes:
    """The fact's line; TypeError or ValueError as above."""
    return _line(n, ["f", event.call_id, event.seq, event.at, event.fact, dict(event.data)])


def kept_lines(facts: Iterable[JourneyEvent], others: Iterable[Entry]) -> bytes:
    """Lines that are remembered, and never written to the database again."""
    return b"".join([*(fact_line(KEPT, fact) for fact in facts), *(entry_line(KEPT, other) for other in others)])


def mark_line(n: int) -> bytes:
    """All entries with a smaller number are in the database."""
    return _line(n, ["m"])


def number(line: bytes) -> int | None:
    """The line's number; None when it is damaged."""
    text = line[_CRC_DIGITS + 1 :]
    try:
        if int(line[:_CRC_DIGITS], 16) != zlib.crc32(text):
            return None
        return int(text.partition(b" ")[0])
    except ValueError:
        return None


def read(line: bytes) -> Line | None:
    """What an undamaged line says; None when it is a mark, or of a later version of this program."""
    n, _, text = line[_CRC_DIGITS + 1 :].partition(b" ")
    try:
        match json.loads(text):
            case ["f", str(call_id), int(seq), int(at) | float(at), str(fact), dict(data)]:
                return Line(int(n), fact=JourneyEvent(CallId(call_id), seq, at, Fact(fact), data))
            case ["e", dict(values)]:
                return Line(int(n), other=_entry(values))
    except (ValueError, KeyError, Unreadable):
        pass
    return None


def last_mark(data: bytes) -> int | None:
    """The number of the last undamaged mark in these lines, None without one."""
    found = [number(match.group()) for match in _MARKS.finditer(data)]
    return next((n for n in reversed(found) if n is not None), None)


def _entry(values: dict[str, Any]) -> Entry:
    return Entry(**{name: plain.read(_HINTS[name], value) for name, value in values.items()})


def _line(n: int, what: list[Any]) -> bytes:
    text = f"{n} {_json(what)}".encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)
