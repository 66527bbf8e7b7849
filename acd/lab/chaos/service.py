"""When the hotline was in service, from looks at it and from what was thrown in; how soon it was back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from acd.lab.chaos.schedule import BLOWS, Kind

NOTICED_WITHIN_S: Final = 12.0  # a mute link is found within three pings, three seconds apart
HARMLESS: Final = frozenset({Kind.LOCK, Kind.RELOAD})
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Look:
    """One look: could calls be served at `at` (seconds since 1970)? `why` not."""

    at: float
    up: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Blow:
    """A stroke of the lane of blows as it came; moments in seconds since 1970."""

    kind: Kind
    began: float
    over: float


class Service:
    """The looks in order of time, and the blows."""

    def __init__(self, looks: Sequence[Look], blows: Iterable[Blow]) -> None:
        self._looks = looks
        self._blows = sorted((blow for blow in blows if blow.kind in BLOWS), key=lambda blow: blow.began)
        self.outages: tuple[Span, ...] = _merged([*self._seen_down(), *(self._span(blow) for blow in self._blows)])

    def calm(self, since: float, until: float, margin_s: float = 0.5) -> bool:
        """Whether nothing was out of service from `since` to `until`, and a little before and after."""
        return all(over < since - margin_s or began > until + margin_s for began, over in self.outages)

    def back_after_s(self, blow: Blow) -> float | None:
        """Seconds from when the blow was over until calls could be served; None: the next blow fell before.

        Of a link that was reset or went mute: from the blow itself; 0 when it was not noticed.
        """
        from_s = blow.began if blow.kind in (Kind.RESET, Kind.MUTE) else blow.over
        back = self._back(blow)
        others = (other.began for other in self._blows if other.began > blow.began)
        following = next(others, float("inf"))
        return None if back is None or back > following else max(0.0, back - from_s)

    def blows(self) -> Sequence[Blow]:
        """In order of time."""
        return self._blows

    def _back(self, blow: Blow) -> float | None:
        """When calls could be served again."""
        from_s = blow.over
        if blow.kind in (Kind.RESET, Kind.MUTE):
            until = blow.began + NOTICED_WITHIN_S
            down = next((look.at for look in self._looks if blow.began <= look.at <= until and not look.up), None)
            if down is None:
                return blow.began
            from_s = down
        return next((look.at for look in self._looks if look.at >= from_s and look.up), None)

    def _span(self, blow: Blow) -> Span:
        """A locked database is no reason not to serve calls, nor is another configuration."""
        if blow.kind in HARMLESS:
            return blow.began, blow.began
        back = self._back(blow)
        return blow.began, max(blow.over, back if back is not None else float("inf"))

    def _seen_down(self) -> Iterable[Span]:
        last_up = self._looks[0].at if self._looks else 0.0
        down = False
        for look in self._looks:
            if look.up and down:
                yield last_up, look.at
            down = not look.up
            if look.up:
                last_up = look.at
        if down:
            yield last_up, float("inf")


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for began, over in sorted(spans):
        if merged and began <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(over, merged[-1][1]))
        else:
            merged.append((began, over))
    return tuple(merged)
