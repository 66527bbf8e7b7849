"""What becomes of agent and call when an offer fails, seen by letting the brain live through it in virtual time.

Once with a lone agent, to whom the same call comes back as soon as it may, and once with a second one who is free.
Nothing here knows the rules: change the brain, and what is found changes.
"""

from __future__ import annotations

from dataclasses import dataclass

from acd.ivr.core import Core
from acd.queues import commands as cmd
from acd.queues import events as ev
from acd.queues.model import AgentId, AgentSpec, AgentState, CallId, OfferId, OfferResult, Plan, QueueName, QueueSpec
from acd.queues.requirements import parse
from acd.queues.states import agent_state

ANNA, BORIS = AgentId("anna"), AgentId("boris")
DID = "1"
HOUR_S = 3600.0


FAILURES = (
    OfferResult.REFUSED,
    OfferResult.BUSY,
    OfferResult.NO_ANSWER,
    OfferResult.UNREACHABLE,
    OfferResult.ERROR,
)
IN_A_ROW = 3


@dataclass(frozen=True, slots=True)
class Consequence:
    """After an offer that ended so.

    `elsewhere_s` and `again_s`: seconds until the call rings at the free one, or again at the lone one; None: not
    within an hour, if nothing else happens. `state` is the agent's then, READY as well when the next offer is made at
    once, and `in_the_end` after `IN_A_ROW` of these, or as many as there are.
    """

    result: OfferResult
    state: AgentState
    elsewhere_s: float | None
    again_s: float | None
    missed: bool
    in_the_end: AgentState


def consequence(result: OfferResult) -> Consequence:
    """Let offers end so, and see."""
    pair = _World(ANNA, BORIS)
    pair.fail(result)
    elsewhere_s = pair.at if pair.until_offered() else None
    world = _World(ANNA)
    state = world.fail(result)
    missed = world.core.book.figures.agent(ANNA).missed > 0
    again_s = world.at if world.until_offered() else None
    in_the_end = state
    for _ in range(IN_A_ROW - 1):
        if world.until_offered():
            in_the_end = world.fail(result)
    return Consequence(result, state, elsewhere_s, again_s, missed, in_the_end)


class _World:
    """A brain, time that jumps from timer to timer, and a call that rings at the first of these agents at 0."""

    def __init__(self, *who: AgentId) -> None:
        queue = QueueSpec(QueueName("q"), parse("anyone"), frozenset({DID}))
        agents = [AgentSpec(agent_id, agent_id, f"PJSIP/{agent_id}", {}) for agent_id in who]
        self.core = Core(Plan({queue.name: queue}, {agent.id: agent for agent in agents}))
        self.at = 0.0
        self.offered: OfferId | None = None
        self._timers: dict[str, float] = {}
        for agent_id in who:
            self.tell(ev.AgentLogin(self.at, agent_id))
        self.tell(ev.CallEntered(self.at, CallId("c"), "main", DID, "", "", self.at))

    def fail(self, result: OfferResult) -> AgentState:
        """The offer that is made ends so; the agent's state then."""
        offer, self.offered = self.offered, None
        assert offer is not None
        self.tell(ev.OfferEnded(self.at, offer, result))
        state = agent_state(self.core.engine.desk.agents[ANNA], self.at)
        return AgentState.READY if self.offered is not None else state

    def until_offered(self) -> bool:
        """Wait for the next offer; False when there is none within the hour."""
        while self.offered is None and self._wait():
            pass
        return self.offered is not None

    def tell(self, event: ev.Event) -> None:
        for command in self.core.handle(event):
            match command:
                case cmd.Ring(offer_id=offer_id):
                    self.offered = offer_id
                case cmd.SetTimer(name, due_at):
                    self._timers[name] = due_at
                case cmd.CancelTimer(name):
                    self._timers.pop(name, None)

    def _wait(self) -> bool:
        """Until the next timer; False when there is none within the hour."""
        due_at, name = min(((due_at, name) for name, due_at in self._timers.items()), default=(HOUR_S, ""))
        if due_at >= HOUR_S:
            return False
        del self._timers[name]
        self.at = max(self.at, due_at)
        self.tell(ev.TimerDue(self.at, name))
        return True
