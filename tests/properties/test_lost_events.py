"""One caller's way with any of its events lost: nobody is cut off, and a minute after the last step all is known.

The people do what they do whatever the hotline has heard of it; the daemon has its timers and its sweeps.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acd.queues import events as ev
from acd.queues.journey import Fact
from acd.queues.model import AgentId, CallId, OfferResult
from tests.properties.asterisk_model import Caller
from tests.properties.test_engine_machine import MINUTE_S, BrainMachine

CALL = CallId("call1")
LEAST_S, MOST_S = 1.0, 70.0
EVENTS = 16  # some more than a whole call has


class Lossy(BrainMachine):
    """A machine that loses the events of these numbers, counted from the caller's entry."""

    def __init__(self, lost: frozenset[int]) -> None:
        super().__init__()
        self.lost = lost
        self.sent = 0
        for name in "ab":
            self.tell(ev.AgentLogin(self.now, AgentId(name)))
        self.asterisk.linked = False
        self.asterisk_is_read()

    def deliver_all(self) -> None:
        while self.asterisk.events:
            event = self.asterisk.events.pop(0)
            self.sent += 1
            if self.sent in self.lost:
                self.blurred = True
            else:
                self.tell(event)

    def caller(self) -> Caller | None:
        return self.asterisk.callers.get(CALL)

    def until(self, fact: Callable[[Caller], bool]) -> bool:
        """Whether it came to that within a minute, the caller being still there."""
        for _ in range(int(MINUTE_S)):
            caller = self.caller()
            if caller is None or fact(caller):
                return caller is not None
            self.pass_time(1.0)
        return False

    def does(self, what: str) -> None:
        """One step of somebody's, if it can be done now."""
        caller, at = self.caller(), self.now
        if caller is None:
            return
        match what:
            case "answers" if self.until(lambda one: one.leg == "dialled"):
                self.asterisk.answer(caller, next(iter(caller.legs())), at)
                self.asterisk.bridge(caller, self.now)
            case "refuses" if self.until(lambda one: one.leg == "dialled"):
                self.asterisk.fail(caller, next(iter(caller.legs())), OfferResult.REFUSED, self.now)
            case "agent hangs up" if caller.leg == "bridged":
                self.asterisk.agent_hangs_up(caller, at)
            case "presses" if caller.verb == "collect":
                self.asterisk.press(caller, "9", at)
            case "hangs up":
                self.asterisk.hang_up(caller, at)
        self.events_follow()


STEPS = st.sampled_from(["answers", "answers", "refuses", "agent hangs up", "presses"])
DOINGS = st.lists(st.tuples(STEPS, st.floats(LEAST_S, MOST_S)), min_size=1, max_size=4)


@pytest.mark.fault(13)
@given(lost=st.frozensets(st.integers(1, EVENTS)), doings=DOINGS)
@settings(max_examples=60, deadline=None)
def test_any_events_may_be_lost(lost: frozenset[int], doings: list[tuple[str, float]]) -> None:
    run = Lossy(lost)
    run.asterisk.enter(CALL, "1", "79160000000", 0.0, run.now)
    run.events_follow()
    for what, then_s in doings:
        run.does(what)
        talked = (caller := run.caller()) is not None and caller.leg == "bridged"
        run.pass_time(then_s)
        caller = run.caller()
        assert not talked or (caller is not None and caller.leg == "bridged"), "cut off"
    run.minute()
    run.the_brain_knows_what_is()
    run.lost = frozenset(range(EVENTS * 100))  # whoever goes now is not heard
    run.does("hangs up")
    run.minute()
    engine = run.core.engine
    assert not engine.calls and not engine.offers
    assert not [agent for agent in engine.desk.agents.values() if agent.offer_id or agent.call_id]
    assert [fact.fact for fact in run.journal.get(CALL, [])].count(Fact.ENDED) == (1 if CALL in run.journal else 0)
