"""The agent who knows the caller: who last served a number is waited for, for a bounded time.

A call of a queue with `sticky_s` is held for that agent while he is on duty (logged in, not paused, the phone there)
and qualified: busy with somebody else, in wrap-up. The hold ends when its time is over, with the first offer that comes
to nothing, and at once when the agent goes off duty.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from acd.queues import matching
from acd.queues.model import IN_LINE, Agent, AgentId, Call, CallId, CallPhase, QueueSpec
from acd.queues.shop import Shop

REMEMBERED = 100_000  # numbers, the latest served; some 15 MB when full


@dataclass(frozen=True, slots=True)
class _Hold:
    """A call that waits for an agent; `offers_made` is how many offers it had had by then."""

    call: Call
    agent: Agent
    until: float
    offers_made: int

    @property
    def ours(self) -> bool:
        """Whether nobody else has decided about the call since."""
        return self.call.only == self.agent.spec.id and self.call.only_until == self.until

    def holds(self, at: float) -> bool:
        """Whether there is still something to wait for."""
        if self.until <= at or not self.ours:
            return False
        if self.call.phase is CallPhase.WAITING:
            return self.call.offers_made == self.offers_made and _on_duty(self.agent)
        return self.call.phase in IN_LINE


class Sticky:
    """Who served whom last, and the calls held for them."""

    def __init__(self, shop: Shop, limit: int = REMEMBERED) -> None:
        self._shop = shop
        self._limit = limit
        self._served_by: OrderedDict[str, AgentId] = OrderedDict()  # number -> agent, last served last
        self._held: dict[CallId, _Hold] = {}

    def remember(self, served_by: Iterable[tuple[str, AgentId]]) -> None:
        """What the records know, latest first; what is known here is newer."""
        for number, agent_id in served_by:
            if number and number not in self._served_by and len(self._served_by) < self._limit:
                self._served_by[number] = agent_id
                self._served_by.move_to_end(number, last=False)

    def served(self, call: Call, agent_id: AgentId) -> None:
        """The agent talks to the caller."""
        if not call.number:
            return
        self._served_by[call.number] = agent_id
        self._served_by.move_to_end(call.number)
        if len(self._served_by) > self._limit:
            self._served_by.popitem(last=False)

    def hold(self, call: Call, queue: QueueSpec, at: float) -> None:
        """Hold a call that has just joined the queue, if there is somebody to hold it for."""
        agent_id = self._served_by.get(call.number) if queue.sticky_s and call.number else None
        agent = self._shop.desk.get(agent_id) if agent_id is not None and call.only is None else None
        if agent is None or not _on_duty(agent) or not matching.qualified(call, agent, self._shop.plan, at):
            return
        call.only, call.only_until = agent.spec.id, at + queue.sticky_s
        self._held[call.id] = _Hold(call, agent, call.only_until, call.offers_made)
        self._shop.changed(call)

    def settle(self, at: float) -> None:
        """Let go of the calls that need not be held any longer."""
        for hold in [hold for hold in self._held.values() if not hold.holds(at)]:
            self.release(hold.call)

    def recheck(self, at: float) -> None:
        """The plan is another one: nobody is held for an agent who could not have the call by it."""
        plan = self._shop.plan
        for hold in list(self._held.values()):
            call = hold.call
            waits = call.phase is CallPhase.WAITING and call.queue in plan.queues
            if waits and not matching.skilled(call, hold.agent, plan, at):
                self.release(call)

    def release(self, call: Call) -> None:
        """Anybody may have the call, if it was held here."""
        hold = self._held.pop(call.id, None)
        if hold is None or not hold.ours:
            return
        call.only = call.only_until = None
        self._shop.alarms.cancel(f"only:{call.id}")
        if call.phase is CallPhase.WAITING:
            self._shop.changed(call)


def _on_duty(agent: Agent) -> bool:
    return agent.logged_in and agent.pause_reason is None and agent.reachable
