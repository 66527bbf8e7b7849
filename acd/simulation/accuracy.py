"""How good the estimates were: what was foretold on joining against the waits that came.

Whoever gave up has no wait to compare with, and to leave them out would favour short waits: those with long ones are
the likeliest to give up. So everybody who was answered stands for 1/S(w) callers, S(w) being the share of callers whose
patience lasts for a wait of w, as measured on this very day (inverse probability of censoring weights with the
Kaplan-Meier estimate; J. M. Robins and A. Rotnitzky, 1992; E. L. Kaplan and P. Meier, JASA 53, 1958). When nobody gives
up, all weigh the same.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from acd.queues.journey import CallRecord
from acd.queues.model import CallId, Outcome
from acd.simulation.world import Guess


@dataclass(frozen=True, slots=True)
class Estimates:
    """Of those who had to wait: `calls` were answered and are compared.

    `bias_s` is the mean of estimate - wait, `error_s` the mean of its size, `relative` that error by the mean wait.
    """

    calls: int
    mean_wait_s: float
    mean_estimate_s: float
    bias_s: float
    error_s: float
    relative: float


def accuracy(guesses: Mapping[CallId, Guess], ended: Collection[CallRecord]) -> Estimates | None:
    """How the estimates of these calls' waits did; None when nobody of them had to wait and was answered."""
    patience = _Patience(ended)
    rows: list[tuple[float, float, float]] = []  # weight, estimate, wait
    for record in ended:
        guess = guesses.get(record.id)
        if guess is None or guess.wait_s is None or record.answered_at is None or record.queue != guess.queue:
            continue
        wait_s = record.answered_at - guess.at
        rows.append((1.0 / patience.lasts(wait_s), guess.wait_s, wait_s))
    total = math.fsum(weight for weight, _, _ in rows)
    if not rows:
        return None
    wait_s = math.fsum(weight * came for weight, _, came in rows) / total
    estimate_s = math.fsum(weight * told for weight, told, _ in rows) / total
    error_s = math.fsum(weight * abs(told - came) for weight, told, came in rows) / total
    relative = error_s / wait_s if wait_s > 0 else 0.0
    return Estimates(len(rows), wait_s, estimate_s, estimate_s - wait_s, error_s, relative)


class _Patience:
    """The share of callers whose patience lasts as long as a given wait."""

    def __init__(self, ended: Collection[CallRecord]) -> None:
        waits = sorted((record.wait_s, record.outcome is Outcome.ABANDONED) for record in ended if record.wait_s)
        self._moments: list[float] = []
        self._lasting: list[float] = [1.0]  # up to and with the first moment, up to the second...
        for number, (wait_s, gave_up) in enumerate(waits):
            if gave_up:
                self._moments.append(wait_s)
                self._lasting.append(self._lasting[-1] * (1.0 - 1.0 / (len(waits) - number)))

    def lasts(self, wait_s: float) -> float:
        """Above 0 for the wait of anybody who was answered."""
        return self._lasting[bisect_left(self._moments, wait_s)]
