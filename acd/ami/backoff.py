"""How long to wait before the next attempt: short for a network blip, long for a login that is refused."""

from __future__ import annotations

from acd.ami.values import AmiSettings

QUICK_REFUSALS = 3
"""Attempts after which a refused login is tried only every `refused_retry_max_s`."""


class Backoff:
    """Counts failures; every method returns or resets a delay in seconds. Knows no clock."""

    def __init__(self, settings: AmiSettings) -> None:
        self._settings = settings
        self._delay_s = settings.reconnect_min_s
        self._refusals = 0

    def after_failure(self) -> float:
        """Nobody answered, or the link broke: doubles up to `reconnect_max_s`."""
        delay_s = self._delay_s
        self._delay_s = min(2 * delay_s, self._settings.reconnect_max_s)
        return delay_s

    def after_refusal(self) -> float:
        """Login refused, rights missing, or of no use to us: a person must act, hurry does not help."""
        self._refusals += 1
        if self._refusals >= QUICK_REFUSALS:
            return self._settings.refused_retry_max_s
        return self._settings.refused_retry_s

    def lived(self, seconds: float) -> None:
        """A link came up, was of use and held that long; one that breaks at once does not earn a quick return.

        The user was accepted and has the rights: earlier refusals no longer count.
        """
        self._refusals = 0
        if seconds >= self._settings.reconnect_max_s:
            self._delay_s = self._settings.reconnect_min_s
