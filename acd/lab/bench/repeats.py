"""What was said over UDP and not answered yet is said again: after 0.5 s, 1 s, 2 s, as RFC 3261 has it, five times."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

T1_S = 0.5
T2_S = 4.0
MOST = 5


@dataclass(slots=True)
class _Said:
    host: str
    data: bytes
    due_at: float
    pause_s: float
    times: int = 1


class Repeats:
    """One look over all of them ten times a second instead of a timer for each. `repeated` counts."""

    def __init__(self, send: Callable[[str, bytes], None], clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is in seconds, from wherever."""
        self._send = send
        self._clock = clock
        self._said: dict[str, _Said] = {}
        self.repeated = 0

    def say(self, host: str, key: str, data: bytes) -> None:
        """Send now and again until `forget(key)`."""
        self._said[key] = _Said(host, data, self._clock() + T1_S, T1_S)
        self._send(host, data)

    def forget(self, key: str) -> None:
        """It was answered."""
        self._said.pop(key, None)

    def clear(self) -> None:
        """All of it."""
        self._said.clear()

    def sweep(self) -> None:
        """Repeat what is due; give up what was said often enough."""
        now = self._clock()
        for key, said in [item for item in self._said.items() if item[1].due_at <= now]:
            if said.times >= MOST:
                del self._said[key]
                continue
            said.times += 1
            said.pause_s = min(2 * said.pause_s, T2_S)
            said.due_at = now + said.pause_s
            self.repeated += 1
            self._send(said.host, said.data)
