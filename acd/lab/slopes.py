"""Does a figure grow over time? A straight line by least squares, and how sure it is. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

HOUR_S: Final = 3600.0
CONFIDENCE: Final = 1.96  # standard errors: 95 % for samples as many as ours


@dataclass(frozen=True, slots=True)
class Slope:
    """By how much a figure changes in an hour: the slope, how far it may be off either way (95 %), and the mean."""

    per_hour: float
    error: float
    mean: float

    def nil(self, share_per_hour: float, least: float) -> bool:
        """Whether it does not grow: zero or less is within the error, or the growth is too small to matter.

        Too small is less than `share_per_hour` of the mean, or than `least`, in an hour.
        """
        return self.per_hour - self.error <= 0.0 or self.per_hour <= max(share_per_hour * self.mean, least)


def slope(times_s: Sequence[float], values: Sequence[float]) -> Slope:
    """The line through samples taken at these times. ValueError with fewer than three, or all at one time.

    Samples that follow each other closely are alike: they count as fewer, by the residuals' correlation with the ones
    before (n (1 - r) / (1 + r), Bayley and Hammersley 1946), or the error would look far too small.
    """
    count = len(values)
    if count < 3 or len(times_s) != count:
        raise ValueError("a slope needs three samples at least")
    hours = [at / HOUR_S for at in times_s]
    mean_t, mean_v = sum(hours) / count, sum(values) / count
    spread = sum((t - mean_t) ** 2 for t in hours)
    if spread == 0.0:
        raise ValueError("a slope needs samples at different times")
    per_hour = sum((t - mean_t) * (v - mean_v) for t, v in zip(hours, values, strict=True)) / spread
    residuals = [v - mean_v - per_hour * (t - mean_t) for t, v in zip(hours, values, strict=True)]
    squares = sum(r * r for r in residuals)
    alike = sum(a * b for a, b in pairwise(residuals)) / squares if squares else 0.0
    worth = (1 - max(alike, 0.0)) / (1 + max(alike, 0.0))
    freedom = max(1.0, count * worth - 2)
    return Slope(per_hour, CONFIDENCE * math.sqrt(squares / (freedom * spread * worth)), mean_v)
