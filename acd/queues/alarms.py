"""The brain's own list of the timers it has set, so that none outlives its reason and none is lost.

A timer is a command out and an event in. It may come a hair early (event loops round), late, after it was cancelled,
or twice: only one that is set and due counts, one that is early is set again, any other is nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from acd.queues.commands import CancelTimer, Command, SetTimer


class Alarms:
    """Timers by name -> due time (seconds since 1970). `emit` takes the commands."""

    def __init__(self, emit: Callable[[Command], None]) -> None:
        self._emit = emit
        self._due_at: dict[str, float] = {}

    def set(self, name: str, due_at: float) -> None:
        """Have `TimerDue(name)` sent at `due_at`; a timer of that name is replaced, one that is due then stays."""
        if self._due_at.get(name) == due_at:
            return
        self._due_at[name] = due_at
        self._emit(SetTimer(name, due_at))

    def cancel(self, name: str) -> None:
        """Forget the timer, if it is set."""
        if self._due_at.pop(name, None) is not None:
            self._emit(CancelTimer(name))

    def came(self, name: str, at: float) -> bool:
        """Whether this timer is really due at `at`; it is then spent."""
        due_at = self._due_at.get(name)
        if due_at is None:
            return False
        if due_at > at:
            self._emit(SetTimer(name, due_at))
            return False
        del self._due_at[name]
        return True
