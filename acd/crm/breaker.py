"""A CRM that does not answer is left alone for a while: each question costs a connection and a second's patience."""

from __future__ import annotations

from typing import Final

FAILURES: Final = 5
"""So many in a row, and it counts as down."""
REST_S: Final = 10.0
"""Then it is asked once in so long, by one call, until it answers."""


class Breaker:
    """Counts failures in a row. Knows no clock: seconds come in, of any that only grows."""

    def __init__(self) -> None:
        self._failures = 0
        self._next_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether it counts as down."""
        return self._failures >= FAILURES

    def admits(self, now_s: float) -> bool:
        """Whether it may be asked now; while it is down, whoever is let through is the only one for `REST_S`."""
        if not self.is_open:
            return True
        if now_s < self._next_at:
            return False
        self._next_at = now_s + REST_S
        return True

    def failed(self, now_s: float) -> bool:
        """It did not answer; True when it counts as down from now on."""
        self._failures += 1
        if self._failures >= FAILURES:
            self._next_at = now_s + REST_S
        return self._failures == FAILURES

    def answered(self) -> bool:
        """It did; True when it had counted as down."""
        was_open, self._failures = self.is_open, 0
        return was_open
