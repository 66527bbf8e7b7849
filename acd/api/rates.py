"""How much one client may ask: a bucket of tokens for each, and a bound on the buckets.

A bucket holds `burst` requests and gains `per_s` a second (the token bucket of RFC 2697, with one colour). Who sends a
known bearer token is known by it, so nobody else's noise counts against them; everybody else by address.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

BURST_S: Final = 4.0  # a page that opens asks for several things at once
BUCKETS_KEPT: Final = 4096  # one who was not heard of for so long has a full bucket anyway, or there are too many


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float
    refusing: bool = False


class Rates:
    """Buckets by client. Moments are seconds of any clock that does not step."""

    def __init__(self, per_s: float, burst: float | None = None, kept: int = BUCKETS_KEPT) -> None:
        self._per_s = per_s
        self._burst = max(1.0, per_s * BURST_S if burst is None else burst)
        self._kept = kept
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, client: str, at: float) -> float:
        """Seconds until this client may ask again; 0: this request is within its rate, and counted."""
        bucket = self._filled(client, at)
        if bucket.left >= 1.0:
            bucket.left -= 1.0
            bucket.refusing = False
            return 0.0
        return (1.0 - bucket.left) / self._per_s

    def first_refusal(self, client: str) -> bool:
        """Whether this client was within its rate until now: the one refusal of many that is worth a line."""
        bucket = self._buckets.get(client)
        first = bucket is not None and not bucket.refusing
        if bucket is not None:
            bucket.refusing = True
        return first

    def _filled(self, client: str, at: float) -> _Bucket:
        bucket = self._buckets.get(client)
        if bucket is None:
            bucket = self._buckets[client] = _Bucket(self._burst, at)
            while len(self._buckets) > self._kept:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(client)
        bucket.left = min(self._burst, bucket.left + max(0.0, at - bucket.at) * self._per_s)
        bucket.at = at
        return bucket


class Seldom:
    """Lets through what would be said too often: once in `every_s` seconds, with how often it came meanwhile."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next_at = -math.inf
        self._came = 0

    def due(self, at: float) -> int:
        """How often it has come since it was last said, this time included; 0: not now."""
        self._came += 1
        if at < self._next_at:
            return 0
        came, self._came = self._came, 0
        self._next_at = at + self._every_s
        return came
