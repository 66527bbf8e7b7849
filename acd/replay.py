"""`acd replay`: an event log through the same core again, every decision told, every answer held against the recorded.

A run of the daemon may lie in several parts (FILE.2, FILE.1, FILE); they are read in their order, line by line, so a
long log needs no more memory than the daemon did.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from acd.chance import draws
from acd.errors import EventLogError, Unreadable
from acd.ivr.core import Core
from acd.ivr.eventlog import Header, Heard, digest, read_event, read_header
from acd.queues import plain
from acd.queues.commands import Command, Journal
from acd.queues.decisions import Decision, told

LINE_LIMIT: Final = 64_000_000
"""Characters of one line: the longest is the day's records, told at boot."""
MOST_PARTS: Final = 101


class Differs(Exception):
    """The log and the core disagree here; the text says how."""


@dataclass(frozen=True, slots=True)
class _Line:
    path: Path
    number: int
    text: str

    @property
    def whole(self) -> bool:
        """Whether it has its end: a killed daemon may leave half a line."""
        return self.text.endswith("\n")

    def __str__(self) -> str:
        return f"{self.path}:{self.number}"


def run(path: Path, as_json: bool, tell: Callable[[str], object], remark: Callable[[str], object]) -> bool:
    """Replay, with a line for each decision and a remark at the end; False when the log and the core disagree."""
    replay = Replay(path)
    shown = _json if as_json else _line
    try:
        for decision in replay.decisions():
            tell(shown(decision))
    except Differs as difference:
        remark(f"differs at {difference}")
        return False
    end = "; the last line is cut short" if replay.cut else ""
    remark(f"{replay.events} events, {replay.decided} decisions, every answer as recorded{end}")
    return True


def _line(decision: Decision) -> str:
    at = datetime.fromtimestamp(decision.at, UTC).isoformat(timespec="milliseconds")
    ranked = ", ".join(f"{one.agent} {one.reason}" for one in decision.candidates)
    more = decision.ready - len(decision.candidates)
    others = ", ".join(f"{kept} {count}" for kept, count in decision.others.items())
    return (
        f"{at} {decision.call_id} -> {', '.join(decision.chosen)} by {decision.rule} of {decision.ready} ready"
        f" ({ranked}{f' and {more} more' if more > 0 else ''}{f'; not: {others}' if others else ''})"
    )


def _json(decision: Decision) -> str:
    return json.dumps(plain.write(decision), ensure_ascii=False)


class Replay:
    """One run, replayed as `decisions` is read. `cut`: the last line is half, as a killed daemon leaves it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._core: Core | None = None
        self._run = ""
        self.events = 0
        self.decided = 0
        self.cut = False

    def decisions(self) -> Iterator[Decision]:
        """Replay it. Raises Differs at the first disagreement, EventLogError when it cannot be read."""
        for part in _parts(self._path):
            lines = _lines(part)
            first = next(lines, _Line(part, 1, ""))
            self._begin(_header(first), first)
            for line in lines:
                if not line.whole:
                    self.cut = True
                    break
                for decision in self._hear(_event(line), line):
                    self.decided += 1
                    yield decision

    def _begin(self, header: Header, line: _Line) -> None:
        if self._core is None:
            if header.part != 1:
                raise EventLogError(f"{line}: the log of this run begins in an earlier file, which is gone")
            self._core = Core.of(header.recipe, draws)
            self._run = header.run
        elif header.run != self._run:
            raise EventLogError(f"{line}: this file belongs to another run of the daemon than the one before it")
        self.cut = False
        self._expect(header.first, line)

    def _expect(self, n: int, line: _Line) -> None:
        wanted = self.events + 1
        if n < wanted:
            raise EventLogError(f"{line}: event {n} comes after event {self.events}")
        if n > wanted:
            raise Differs(f"{line}: the events from {wanted} to {n - 1} are missing; the daemon could not write them")

    def _hear(self, heard: Heard, line: _Line) -> list[Decision]:
        self._expect(heard.n, line)
        self.events = heard.n
        commands = self._handle(heard)
        answer = digest(commands)
        if answer != heard.commands:
            shown = "a mistake" if commands is None else "; ".join(map(repr, commands)) or "no commands"
            raise Differs(
                f"{line}: event {heard.n}, {type(heard.event).__name__}: recorded {heard.commands or 'no commands'}, "
                f"replayed {answer or 'no commands'}: {shown:.2000}"
            )
        facts = [command.event for command in commands or () if isinstance(command, Journal)]
        return [decision for fact in facts if (decision := told(fact)) is not None]

    def _handle(self, heard: Heard) -> list[Command] | None:
        """As the daemon does: a mistake of the core in one event does not stop the rest."""
        assert self._core is not None
        try:
            return self._core.handle(heard.event)
        except Exception:
            return None


def _parts(path: Path) -> list[Path]:
    """The files of the run that ends in `path`, oldest first; each header says which part it is."""
    if not path.is_file():
        raise EventLogError(f"{path}: there is no such file")
    number = path.suffix[1:] if path.suffix[1:].isdecimal() else ""
    base, newest = (path.with_suffix(""), int(number)) if number and len(number) < 4 else (path, 0)
    part = _header(next(_lines(path), _Line(path, 1, ""))).part
    if part > MOST_PARTS:
        raise EventLogError(f"{path}:1: part {part} of its run; the log begins in an earlier file, which is gone")
    older = [base.with_name(f"{base.name}.{n}") for n in range(newest + 1, newest + part)]
    return [*(one for one in reversed(older) if one.is_file()), path]


def _lines(path: Path) -> Iterator[_Line]:
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            number = 0
            while text := file.readline(LINE_LIMIT + 1):
                number += 1
                if len(text) > LINE_LIMIT:
                    raise EventLogError(f"{path}:{number}: longer than {LINE_LIMIT} characters")
                yield _Line(path, number, text)
    except UnicodeDecodeError:
        raise EventLogError(f"{path}:{number + 1}: this is no text") from None
    except OSError as error:
        raise EventLogError(f"{path}: {error.strerror or error}") from None


def _header(line: _Line) -> Header:
    try:
        return read_header(line.text)
    except Unreadable as error:
        raise EventLogError(f"{line}: {error}") from None


def _event(line: _Line) -> Heard:
    try:
        return read_event(line.text)
    except Unreadable as error:
        raise EventLogError(f"{line}: {error}") from None
