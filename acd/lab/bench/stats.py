"""Figures of samples: percentiles of a round, medians over rounds, ratios between systems."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which `share` (0 to 1) of them lie, by linear interpolation (Hyndman and Fan 1996, type 7).

    None without values.
    """
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def median(values: Iterable[float | None]) -> float | None:
    """The median of those that are there; None when none is."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """Ours over theirs; None when either is missing or theirs is 0."""
    if ours is None or not theirs:
        return None
    return ours / theirs


def rounded(value: float | None, digits: int = 2) -> float | None:
    """For the file: no more digits than mean anything."""
    return None if value is None else round(value, digits)
