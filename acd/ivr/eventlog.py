"""The lines of an event log: what a core was made of, then every event it heard, as JSON.

    {"acd_event_log": 1, "run": "...", "part": 1, "first": 1, "plan": "...", "recipe": {...}}
    {"n": 1, "event": "AgentLogin", "data": {"at": 1700000000.0, "agent_id": "1001"}, "commands": "..."}

`n` counts the events of one run of the daemon, so a missing one is seen. `commands` is a digest of what the core
answered: whoever replays the events can prove that the answer is the same. A run is cut into parts; every part begins
with the header. What is read may come from anywhere and is checked; Unreadable says what is wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, get_args

from acd.errors import Unreadable
from acd.ivr.core import Recipe
from acd.queues import plain
from acd.queues.commands import Command
from acd.queues.events import Event

FORMAT: Final = 1
FAILED: Final = "failed"
"""Instead of a digest: the core made a mistake in this event, and no command was carried out."""

_KINDS: Final[dict[str, type]] = {kind.__name__: kind for kind in get_args(Event)}


@dataclass(frozen=True, slots=True)
class Header:
    """How a part begins. `run` is the same in all parts of a run, `first` the number of the part's first event."""

    run: str
    part: int
    first: int
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class Heard:
    """One event, the `n`th of its run, and the digest of the commands that came of it."""

    n: int
    event: Event
    commands: str


def digest(commands: Sequence[Command] | None) -> str:
    """A short proof of these very commands in this order; None: the core failed."""
    if commands is None:
        return FAILED
    return _hash(repr(commands)) if commands else ""


def header_line(header: Header) -> str:
    """The part's first line."""
    recipe = plain.write(header.recipe)
    return _json(
        {
            "acd_event_log": FORMAT,
            "run": header.run,
            "part": header.part,
            "first": header.first,
            "plan": _hash(json.dumps(recipe["plan"])),
            "recipe": recipe,
        }
    )


def event_line(n: int, event: Event, commands: Sequence[Command] | None) -> str:
    """The line of one event."""
    return _json({"n": n, "event": type(event).__name__, "data": plain.write(event), "commands": digest(commands)})


def read_header(line: str) -> Header:
    """The header that a part's first line holds."""
    data = _object(line)
    if data.get("acd_event_log") != FORMAT:
        raise Unreadable(f"no event log of format {FORMAT}: the first line must say `acd_event_log`")
    recipe = plain.read(Recipe, data.get("recipe"))
    return Header(_text(data, "run"), _count(data, "part"), _count(data, "first"), recipe)


def read_event(line: str) -> Heard:
    """The event that a line holds."""
    data = _object(line)
    kind = _KINDS.get(_text(data, "event"))
    if kind is None:
        raise Unreadable(f"there is no event {data['event']!r:.60}")
    return Heard(_count(data, "n"), plain.read(kind, data.get("data")), _text(data, "commands"))


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"), allow_nan=False) + "\n"


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="backslashreplace"), digest_size=8).hexdigest()


def _object(line: str) -> dict[str, Any]:
    try:
        data = json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Unreadable("this is no JSON") from None
    if not isinstance(data, dict):
        raise Unreadable("this is no JSON object")
    return data


def _no_number(_text: str) -> NoReturn:
    raise ValueError


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str):
        raise Unreadable(f"`{key}` is missing, or no text")
    return value


def _count(data: dict[str, Any], key: str) -> int:
    value = data.get(key)
    if type(value) is not int or value < 1:
        raise Unreadable(f"`{key}` is missing, or no number from 1 on")
    return value
