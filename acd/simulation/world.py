"""The world around the brain in virtual time: one heap of what will happen, and the real core deciding on each.

The core is the daemon's own (`acd.ivr.core.Core`): its orders to ring, to let go and to wake it come here instead of
Asterisk, and what comes of them goes back as events. What was overtaken meanwhile needs no care: the brain ignores late
news of an offer that is over, as it does on a real phone line. Nothing here waits, and nothing asks the time.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from acd.ivr.core import Core
from acd.queues import commands as cmd
from acd.queues import events as ev
from acd.queues.desk import MISSED
from acd.queues.estimate import estimate_s
from acd.queues.journey import CallRecord, Fact
from acd.queues.model import AgentId, AgentState, CallId, OfferResult, QueueSpec
from acd.queues.possible import some_call
from acd.simulation.people import Caller, Manners, Shift

NODE = "simulation"


@dataclass(frozen=True, slots=True)
class Guess:
    """What a caller who had to wait would have been told on joining: seconds, None when nobody was on duty."""

    call_id: CallId
    at: float
    wait_s: float | None


class World:
    """Runs callers and agents against one core. `ended` are the records, `guesses` what was foretold of their waits."""

    def __init__(self, core: Core, manners: Manners, chance: Random) -> None:
        self.core = core
        self.now = 0.0
        self.calls = 0
        self.events = 0
        self.ended: list[CallRecord] = []
        self.guesses: dict[CallId, Guess] = {}
        self.changes: list[cmd.AgentChanged] = []
        self._manners = manners
        self._chance = chance
        self._heap: list[tuple[float, int, ev.Event, bool]] = []
        self._pushed = 0
        self._talk_s: dict[CallId, float] = {}

    def staff(self, shifts: Iterable[Shift]) -> None:
        """These agents will come and go."""
        for shift in shifts:
            self._later(ev.AgentLogin(shift.begins_at, shift.agent))
            if math.isfinite(shift.ends_at):
                self._later(ev.AgentLogout(shift.ends_at, shift.agent))

    def run(self, arriving: Iterable[Caller]) -> None:
        """Let the callers come, who must be in the order of their times, and go on until nothing more happens."""
        for caller in arriving:
            self._until(caller.at)
            self.calls += 1
            self._enter(CallId(f"{self.calls}"), caller)
        self._until(math.inf)

    def who_may_serve(self, queue: QueueSpec) -> list[AgentId]:
        """The agents of the queue: by its requirement or by any relaxation of it."""
        wanted = (queue.require, *(step.require for step in queue.relax))
        agents = self.core.engine.plan.agents.values()
        return [agent.id for agent in agents if any(some_call(one, agent.skills) for one in wanted)]

    def _until(self, at: float) -> None:
        """All that happens before `at`."""
        while self._heap and self._heap[0][0] <= at:
            _, _, event, unless_answered = heapq.heappop(self._heap)
            if unless_answered and self._is_answered(event):
                continue
            self._tell(event)

    def _enter(self, call_id: CallId, caller: Caller) -> None:
        self._talk_s[call_id] = caller.talk_s
        if math.isfinite(caller.patience_s):
            self._later(ev.CallerLeft(caller.at + caller.patience_s, call_id), unless_answered=True)
        self._tell(ev.CallEntered(caller.at, call_id, NODE, caller.did, "", "", caller.at))
        shop = self.core.engine.shop
        call = shop.waiting.get(call_id)
        queue = shop.queue_of(call) if call is not None else None
        if call is not None and queue is not None:
            self.guesses[call_id] = Guess(call_id, self.now, estimate_s(call, queue, shop, self.now))

    def _is_answered(self, event: ev.Event) -> bool:
        assert isinstance(event, ev.CallerLeft)
        call = self.core.engine.calls.get(event.call_id)
        return call is None or call.answered_at is not None

    def _later(self, event: ev.Event, unless_answered: bool = False) -> None:
        self._pushed += 1
        heapq.heappush(self._heap, (event.at, self._pushed, event, unless_answered))

    def _tell(self, event: ev.Event) -> None:
        self.now = event.at
        self.events += 1
        for command in self.core.handle(event):
            self._carry_out(command)

    def _carry_out(self, command: cmd.Command) -> None:
        match command:
            case cmd.SetTimer(name, due_at):
                self._later(ev.TimerDue(due_at, name))  # one that is cancelled or set anew is told apart by the brain
            case cmd.Ring():
                self._rings(command)
            case cmd.Journal(event=fact):
                self._learn(fact.call_id, fact.fact)
            case cmd.AgentChanged():
                self._agent(command)
            case cmd.Bye(call_id=call_id) | cmd.Collect(call_id=call_id):
                self._later(ev.CallerLeft(self.now, call_id))
            case _:
                pass  # hold, withdraw, marks and mirrors change nothing that people here would do

    def _rings(self, ring: cmd.Ring) -> None:
        """Of several who would answer the first has the call; the brain passes over what the others would have done."""
        answers_in_s = self._manners.answer_s
        for leg in ring.legs:
            if answers_in_s >= ring.ring_timeout_s or self._chance.random() < self._manners.no_answer:
                self._later(ev.OfferEnded(self.now + ring.ring_timeout_s, leg.offer_id, OfferResult.NO_ANSWER))
            else:
                self._later(ev.Connected(self.now + answers_in_s, leg.offer_id))

    def _learn(self, call_id: CallId, fact: Fact) -> None:
        if fact is Fact.CONNECTED:
            self._later(ev.CallerLeft(self.now + self._talk_s[call_id], call_id))
        elif fact is Fact.ENDED:
            record = self.core.book.get(call_id)
            assert record is not None
            self.ended.append(record)
            del self._talk_s[call_id]

    def _agent(self, change: cmd.AgentChanged) -> None:
        self.changes.append(change)
        if change.state is AgentState.PAUSED and change.reason == MISSED:
            self._later(ev.AgentReady(self.now + self._manners.back_after_s, change.agent_id))
