"""What is thrown in, when, and at whom: from the seed alone. Pure.

There are two lanes. In the one stand the blows to the daemon, its link, its database and Asterisk, one after the other;
now and then the next falls before the last is healed. In the other stand the telephones' and the callers' own troubles,
which fall whenever they like.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What can be thrown in; the comment says what `for_s` is and what `size` is."""

    KILL = "kill"  # SIGKILL of the daemon; seconds until it is started again
    TERM = "term"  # SIGTERM; seconds between its end and the next start
    STALL = "stall"  # SIGSTOP; seconds until SIGCONT
    RESET = "reset"  # the manager link is reset
    MUTE = "mute"  # the manager link is half-open from now on
    SLOW = "slow"  # nothing passes on the manager link; seconds, then all at once
    LOCK = "lock"  # somebody else writes to the database; seconds
    RELOAD = "reload"  # another configuration is reloaded; seconds, then the old one again; size: which other one
    ASTERISK = "asterisk"  # Asterisk is restarted; size 1: by SIGKILL, 0: politely
    UNPLUG = "unplug"  # a telephone is deaf; seconds
    UNREGISTER = "unregister"  # a telephone is not registered; seconds
    REREGISTER = "reregister"  # a telephone that rings registers anew
    REFUSALS = "refusals"  # many refuse or are busy; seconds
    NO_ANSWERS = "no answers"  # many let it ring; seconds
    HANG_UPS = "hang-ups"  # `size` callers hang up at once, whatever they are at
    RUSH = "rush"  # `size` callers more, all at once
    BREAK = "break"  # an agent is paused by order; seconds
    HAMMER = "hammer"  # `size` API clients give orders as fast as they are answered; seconds


BLOWS: Final = (
    Kind.KILL,
    Kind.TERM,
    Kind.STALL,
    Kind.RESET,
    Kind.MUTE,
    Kind.SLOW,
    Kind.LOCK,
    Kind.RELOAD,
    Kind.ASTERISK,
)
"""The lane of the blows; the other kinds are the other lane's."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """One thing thrown in, `at_s` seconds after the beginning. By `chance` the victims are drawn."""

    at_s: float
    kind: Kind
    for_s: float = 0.0
    size: int = 0
    chance: int = 0

    def __str__(self) -> str:
        lasts = f" for {self.for_s:.1f} s" if self.for_s else ""
        many = f" x {self.size}" if self.size > 1 else ""
        return f"{self.at_s:6.1f} s  {self.kind}{many}{lasts}"


@dataclass(frozen=True, slots=True)
class _Span:
    """Evenly spread from `least` to `most`; one in `rare` is `long` instead (0: never)."""

    least: float
    most: float
    rare: int = 0
    long: tuple[float, float] = (0.0, 0.0)

    def draw(self, rng: random.Random) -> float:
        rarely = self.rare > 0 and rng.randrange(self.rare) == 0
        least, most = self.long if rarely else (self.least, self.most)
        return round(rng.uniform(least, most), 1)


_LASTS: Final = {
    Kind.KILL: _Span(0, 8, rare=6, long=(14, 20)),  # the fallback takes over after eight
    Kind.TERM: _Span(0, 4),
    Kind.STALL: _Span(0.5, 7, rare=6, long=(10, 14)),
    Kind.SLOW: _Span(0.5, 5),
    Kind.LOCK: _Span(2, 10),
    Kind.RELOAD: _Span(1, 6),
    Kind.UNPLUG: _Span(1, 6),
    Kind.UNREGISTER: _Span(0.5, 6),
    Kind.REFUSALS: _Span(2, 6),
    Kind.NO_ANSWERS: _Span(2, 5),
    Kind.BREAK: _Span(4, 12),
    Kind.HAMMER: _Span(2, 6),
}
_SIZES: Final = {
    Kind.ASTERISK: (0, 1),
    Kind.RELOAD: (1, 3),
    Kind.HANG_UPS: (1, 6),
    Kind.RUSH: (4, 12),
    Kind.HAMMER: (2, 6),
}
_BLOW_GAP_S: Final = _Span(0.2, 4, rare=3, long=(6, 12))  # into the wounds of the one before, or after a rest
_OTHER_GAP_S: Final = _Span(0.3, 4)
_FIRST_S: Final = 3.0
_ASTERISK_EVERY_S: Final = 150.0  # one or two in five minutes
_BLOWS: Final = [Kind.KILL, *(kind for kind in BLOWS if kind is not Kind.ASTERISK)]  # a kill comes twice as often
_OTHERS: Final = [kind for kind in Kind if kind not in BLOWS]


def schedule(seed: int, seconds: float) -> tuple[Stroke, ...]:
    """What is thrown in within the first `seconds`, in order of time. Every kind comes before one comes again."""
    rng = random.Random(f"chaos/{seed}")
    restarts = _restarts(rng, seconds)
    strokes = _lane(rng, _BLOWS, _BLOW_GAP_S, seconds, restarts)
    strokes += _lane(rng, _OTHERS, _OTHER_GAP_S, seconds, [])
    return tuple(sorted(strokes, key=lambda stroke: (stroke.at_s, stroke.kind)))


def _restarts(rng: random.Random, seconds: float) -> list[float]:
    """When Asterisk is restarted: once in each stretch, not in its first third."""
    stretches = max(1, round(seconds / _ASTERISK_EVERY_S))
    length_s = seconds / stretches
    return [round((number + rng.uniform(0.35, 0.85)) * length_s, 1) for number in range(stretches)]


def _lane(
    rng: random.Random, kinds: Sequence[Kind], gap_s: _Span, seconds: float, restarts: list[float]
) -> list[Stroke]:
    """One after the other, each when the one before is over; kinds as in a shuffled pack, dealt again and again."""
    strokes: list[Stroke] = []
    pack: list[Kind] = []
    due = list(restarts)
    at_s = _FIRST_S
    while True:
        at_s = round(at_s + gap_s.draw(rng), 1)
        if due and at_s >= due[0]:
            del due[0]
            kind = Kind.ASTERISK
        else:
            if not pack:
                pack = rng.sample(kinds, len(kinds))
            kind = pack.pop()
        stroke = _stroke(rng, kind, at_s)
        if at_s + stroke.for_s > seconds:
            return strokes
        strokes.append(stroke)
        at_s += stroke.for_s


def _stroke(rng: random.Random, kind: Kind, at_s: float) -> Stroke:
    for_s = _LASTS[kind].draw(rng) if kind in _LASTS else 0.0
    size = rng.randint(*_SIZES[kind]) if kind in _SIZES else 0
    return Stroke(at_s, kind, for_s, size, rng.getrandbits(32))
