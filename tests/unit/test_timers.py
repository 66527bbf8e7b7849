"""Timers on the event loop, and the clock that never steps."""

from __future__ import annotations

import time

import pytest

from acd.clock import SteadyClock
from acd.queues.events import TimerDue
from acd.timers import LoopTimers
from tests.deadlines import until


class Bell:
    def __init__(self) -> None:
        self.clock = SteadyClock()
        self.rung: list[TimerDue] = []
        self.timers = LoopTimers(self.clock, self.rung.append)

    def names(self) -> list[str]:
        return [due.name for due in self.rung]


async def test_timers_come_in_the_order_they_are_due_and_never_early() -> None:
    bell = Bell()
    now = bell.clock.now()
    bell.timers.set("late", now + 0.05)
    bell.timers.set("soon", now + 0.02)
    bell.timers.set("past", now - 100)
    await until(lambda: len(bell.rung) == 3)
    assert bell.names() == ["past", "soon", "late"]
    assert bell.rung[1].at >= now + 0.02 and bell.rung[2].at >= now + 0.05
    assert len(bell.timers) == 0


async def test_a_timer_set_again_comes_once() -> None:
    bell = Bell()
    bell.timers.set("one", bell.clock.now() + 0.01)
    bell.timers.set("one", bell.clock.now() + 0.03)
    bell.timers.set("end", bell.clock.now() + 0.06)
    await until(lambda: "end" in bell.names())
    assert bell.names() == ["one", "end"]


async def test_a_cancelled_timer_never_comes() -> None:
    bell = Bell()
    bell.timers.set("one", bell.clock.now() + 0.01)
    bell.timers.cancel("one")
    bell.timers.cancel("never set")
    bell.timers.set("end", bell.clock.now() + 0.03)
    await until(lambda: bell.rung)
    assert bell.names() == ["end"]


async def test_closing_cancels_all() -> None:
    bell = Bell()
    bell.timers.set("one", bell.clock.now() + 60)
    bell.timers.close()
    assert len(bell.timers) == 0


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
def test_the_clock_does_not_step_with_the_wall_clock(monkeypatch: pytest.MonkeyPatch, step_s: float) -> None:
    clock = SteadyClock()
    before = clock.now()
    real = time.time
    assert before == pytest.approx(real(), abs=0.1)
    monkeypatch.setattr(time, "time", lambda: real() + step_s)
    assert 0 <= clock.now() - before < 1
