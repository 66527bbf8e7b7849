"""Named one-shot timers on the event loop; each comes back as a `TimerDue` in the inbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from acd.ports import Clock
from acd.queues.events import TimerDue


class LoopTimers:
    """ports.Timers. `post` takes the event when a timer is due."""

    def __init__(self, clock: Clock, post: Callable[[TimerDue], object]) -> None:
        self._clock = clock
        self._post = post
        self._handles: dict[str, asyncio.TimerHandle] = {}

    def set(self, name: str, due_at: float) -> None:
        """Fire at `due_at` (seconds since 1970 of our clock), at once if that is past. Replaces one of that name."""
        self.cancel(name)
        delay_s = max(0.0, due_at - self._clock.now())
        self._handles[name] = asyncio.get_running_loop().call_later(delay_s, self._fire, name, due_at)

    def cancel(self, name: str) -> None:
        """Forget the timer, if there is one."""
        handle = self._handles.pop(name, None)
        if handle is not None:
            handle.cancel()

    def close(self) -> None:
        """Forget all."""
        for name in list(self._handles):
            self.cancel(name)

    def __len__(self) -> int:
        return len(self._handles)

    def _fire(self, name: str, due_at: float) -> None:
        self._handles.pop(name, None)
        # The loop may wake a hair early; the brain must never see a deadline that has not come.
        self._post(TimerDue(max(self._clock.now(), due_at), name))
