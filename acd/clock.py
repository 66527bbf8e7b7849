"""Time that never steps: the wall clock once, at the start, and the monotonic clock from then on.

Waits, wrap-ups and ring timeouts are therefore right when somebody sets the clock, or summer time begins. Moments that
are shown or stored are in the same seconds since 1970.
"""

from __future__ import annotations

import time


class SteadyClock:
    """ports.Clock."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def now(self) -> float:
        """Seconds since 1970 by the clock of this daemon's start."""
        return time.monotonic() + self._offset_s
