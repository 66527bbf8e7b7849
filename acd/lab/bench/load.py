"""Calls at a steady rate, and what became of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from acd.lab.bench.ends import Ends, Seen
from acd.lab.bench.stats import percentile, rounded

DRAIN_S = 6.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One round. `failed`: calls that never talked to an agent; `repeated`: messages Asterisk left unanswered for half
    a second; `p50_ms` and `p95_ms`: from the caller's 200 to the agent's INVITE; `answer_p95_ms`: from INVITE to 200.
    """

    calls: int
    failed: int
    repeated: int
    p50_ms: float | None
    p95_ms: float | None
    answer_p95_ms: float | None
    rate_per_s: float

    def as_json(self) -> dict[str, float | int | None]:
        """The file's form."""
        return {
            "calls": self.calls,
            "failed": self.failed,
            "repeated": self.repeated,
            "p50_ms": rounded(self.p50_ms),
            "p95_ms": rounded(self.p95_ms),
            "answer_p95_ms": rounded(self.answer_p95_ms),
            "begun_per_s": rounded(self.rate_per_s, 1),
        }


def sample_of(calls: list[Seen], repeated: int, took_s: float) -> Sample:
    """The figures of these calls, which began within `took_s`."""
    offers_ms = [1000 * seen.offer_s for seen in calls if seen.offer_s is not None]
    answers_ms = [1000 * (seen.answered_at - seen.invited_at) for seen in calls if seen.answered_at is not None]
    return Sample(
        len(calls),
        sum(seen.failed for seen in calls),
        repeated,
        percentile(offers_ms, 0.5),
        percentile(offers_ms, 0.95),
        percentile(answers_ms, 0.95),
        len(calls) / max(took_s, 1e-9),
    )


async def steady(ends: Ends, dial: Callable[[int], Seen], rate_per_s: float, seconds: float) -> Sample:
    """Begin calls at this rate for so long, whatever becomes of them; then wait until all are over."""
    calls: list[Seen] = []
    began, repeated = time.monotonic(), ends.repeated
    for number in range(max(1, round(rate_per_s * seconds))):
        await asyncio.sleep(max(0.0, began + number / rate_per_s - time.monotonic()))
        calls.append(dial(number))
    took_s = time.monotonic() - began + 1 / rate_per_s
    await ends.quiet(DRAIN_S)
    return sample_of(calls, ends.repeated - repeated, took_s)
