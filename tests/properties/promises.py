"""What waiting callers have been told, and that it grows only when agents have gone or more callers are ahead.

The causes are counted here anew, agent by agent and call by call, from the definitions.
"""

from __future__ import annotations

from dataclasses import dataclass

from acd.ivr.core import Core
from acd.queues import estimate, matching
from acd.queues.journey import Fact
from acd.queues.model import Agent, AgentId, Call, CallId, Side

ROUNDING_S = 1e-6


@dataclass(frozen=True)
class Promise:
    wait_s: float
    agents: int
    rivals: int
    wait: tuple[object, ...]  # which wait it is of: in another queue, or after a talk, it is another one
    only: AgentId | None  # for whom the call is kept


class Promises:
    """Tells everybody at every `keep`, as a busy API would; the two ways of telling must agree."""

    def __init__(self) -> None:
        self._told: dict[CallId, Promise] = {}

    def keep(self, core: Core, at: float) -> None:
        """AssertionError when somebody hears a longer wait without a cause."""
        shop = core.engine.shop
        waits = estimate.tell_all(shop, at)
        now: dict[CallId, Promise] = {}
        for call in shop.waiting.values():
            if call.queue not in shop.plan.queues:
                continue
            wait_s = estimate.tell_s(call, shop, at)
            at_once = waits.get(call.id)
            assert (wait_s is None) == (at_once is None), "one by one and all at once"
            assert wait_s is None or at_once is None or abs(wait_s - at_once) < ROUNDING_S, f"{wait_s} and {at_once}"
            mine = _agents(core, call)
            assert (wait_s is None) == (not mine), f"{call.id}: {wait_s} s with {len(mine)} agents"
            if wait_s is not None:
                assert wait_s >= 0
                now[call.id] = Promise(wait_s, len(mine), _rivals(core, call, at), _which(core, call), call.only)
        for call_id, promise in now.items():
            before = self._told.get(call_id)
            same = before is not None and before.wait == promise.wait
            if same and promise.wait_s > before.wait_s + ROUNDING_S:
                caused = promise.agents < before.agents or promise.rivals > before.rivals
                caused |= before.only not in (None, promise.only)  # the one it was kept for has gone
                assert caused, f"{call_id} was told {before} and now hears {promise}"
        # Who is being offered is told nothing, and what was said before still stands.
        self._told = {call_id: said for call_id, said in self._told.items() if call_id in shop.calls} | now
        for call in shop.waiting.values():
            if call.id not in now:
                self._told.pop(call.id, None)


def _which(core: Core, call: Call) -> tuple[object, ...]:
    record = core.book.get(call.id)
    assert record is not None
    began = [event.seq for event in record.events if event.fact in (Fact.QUEUED, Fact.CONNECTED)]
    return call.queue, began[-1] if began else 0


def _agents(core: Core, call: Call) -> list[Agent]:
    """On duty, and may take the call in some step."""
    shop, about = core.engine.shop, matching.attributes(call)
    queue = matching.queue_of(call, shop.plan)
    steps = [queue.require, *(step.require for step in queue.relax)]
    return [
        agent
        for agent in shop.desk.agents.values()
        if agent.logged_in and agent.pause_reason is None and agent.reachable
        if any(step.satisfied_by(agent.spec.skills, about) for step in steps)
    ]


def _rivals(core: Core, call: Call, at: float) -> int:
    """Those ahead in the line who may now have an agent who may come to be this call's."""
    shop = core.engine.shop
    mine = _agents(core, call)
    ahead = 0
    for other in matching.line(shop.calls.values(), shop.plan, at):
        if other.id == call.id:
            return ahead
        if other.hung_up is not Side.CALLER:
            ahead += any(matching.qualified(other, agent, shop.plan, at) for agent in mine)
    raise AssertionError(f"{call.id} waits and is not in the line")
