"""A supervisor's word about one waiting call: other points, another queue, or this agent now.

An order goes before what the line would have done, and costs the caller nothing: the join time stays, whatever comes of
it. A phone that rings for the call elsewhere is stopped first; one that has been picked up has the call, and the order
is refused. Every order is a fact of the journey, with the name of the token that gave it.
"""

from __future__ import annotations

from acd.errors import AcdError, NotAllowed, UnknownAgent, UnknownCall, UnknownQueue
from acd.queues import asked, decisions
from acd.queues.calls import Calls
from acd.queues.journey import Fact
from acd.queues.model import Agent, AgentId, AgentState, Call, CallPhase, OfferResult, QueueName
from acd.queues.offers import Offers
from acd.queues.shop import Shop
from acd.queues.states import agent_state

PULL = "pull"
"""In the place of a strategy's name in the decision: somebody chose."""

Order = asked.CallPriority | asked.CallMoved | asked.CallPulled

_TOO_LATE = {
    CallPhase.CONNECTING: "an agent has picked it up already",
    CallPhase.TALKING: "it is being talked on already",
    CallPhase.AFTER: "it does not wait any more",
    CallPhase.ENDED: "it has ended",
}


class Orders:
    """Carries out what `refusal` does not refuse."""

    def __init__(self, shop: Shop, calls: Calls, offers: Offers) -> None:
        self._shop = shop
        self._calls = calls
        self._offers = offers

    def refusal(self, order: Order, closed: str | None) -> AcdError | None:
        """Why the order cannot be taken now; None when it can. Nothing is begun while the line is `closed`."""
        if closed is not None:
            return NotAllowed(closed)
        call = self._shop.calls.get(order.call_id)
        if call is None:
            known = self._shop.book.get(order.call_id) is not None
            return _too_late(CallPhase.ENDED) if known else UnknownCall(f"there is no live call {order.call_id!r}")
        if call.phase in _TOO_LATE:
            return _too_late(call.phase)
        if call.hung_up is not None:
            return NotAllowed("the caller is hanging up")
        match order:
            case asked.CallMoved(queue=queue) if queue not in self._shop.plan.queues:
                return UnknownQueue(f"there is no queue {queue!r}")
            case asked.CallPulled(agent_id=agent_id) if self._shop.desk.get(agent_id) is None:
                return UnknownAgent(f"there is no agent {agent_id!r}")
            case asked.CallMoved() | asked.CallPulled() if not call.at_home:
                return NotAllowed("the call cannot be steered at the moment; its place is kept")
            case asked.CallPulled(agent_id=agent_id):
                return self._no_pull(call, self._shop.desk.agents[agent_id], order.at)
        return None

    def _no_pull(self, call: Call, agent: Agent, at: float) -> AcdError | None:
        state = agent_state(agent, at)
        if state is AgentState.READY or agent.spec.id in self._rings_at(call):
            return None
        return NotAllowed(f"agent {agent.spec.id} is {state}; only one who is ready can be given a call")

    def carry_out(self, order: Order, closed: str | None) -> None:
        """Do it; nothing when it is refused."""
        if self.refusal(order, closed) is not None:
            return
        call = self._shop.calls[order.call_id]
        match order:
            case asked.CallPriority(priority=priority):
                call.priority = priority
                self._shop.note(call, order.at, Fact.PRIORITY, priority=priority, by=order.by)
                self._shop.changed(call)
            case asked.CallMoved(queue=queue):
                self._move(call, queue, order)
            case asked.CallPulled(agent_id=agent_id):
                self._pull(call, agent_id, order)

    def _move(self, call: Call, queue: QueueName, order: asked.CallMoved) -> None:
        if queue == call.queue:
            return
        self._stop_ringing(call, order.at)
        self._shop.note(call, order.at, Fact.MOVED, queue=queue, by=order.by)
        self._calls.join(call, self._shop.plan.queues[queue], order.at)

    def _pull(self, call: Call, agent_id: AgentId, order: asked.CallPulled) -> None:
        ringing = self._rings_at(call)
        if ringing == {agent_id}:
            return
        self._shop.note(call, order.at, Fact.PULLED, agent=agent_id, by=order.by)
        if agent_id in ringing:
            for other in sorted(ringing - {agent_id}):
                self._offers.withdraw_from(self._shop.desk.agents[other], order.at)
            return
        self._stop_ringing(call, order.at)
        why = decisions.data(PULL, 1, [(agent_id, f"pulled by {order.by}")], {}, [agent_id])
        self._offers.make(call, (self._shop.desk.agents[agent_id],), order.at, why)

    def _rings_at(self, call: Call) -> set[AgentId]:
        return {offer.agent_id for offer in self._shop.offers_of(call)}

    def _stop_ringing(self, call: Call, at: float) -> None:
        if self._shop.offers_of(call):
            self._offers.withdraw(call, OfferResult.WITHDRAWN, at)


def _too_late(phase: CallPhase) -> NotAllowed:
    return NotAllowed(f"only a waiting call can be given orders: {_TOO_LATE[phase]}")
