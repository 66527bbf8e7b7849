"""The agents' side of the brain: who is here, and what they may be offered.

Everything that changes an agent goes through here and marks the agent as touched, so that the visible state, the set
of the ready, the fallback queue's mirror and the timers of wrap-up and rest never disagree with the facts, and an
event costs what it changes, however many agents there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set

from acd.errors import AcdError, NotAllowed, UnknownAgent
from acd.queues.alarms import Alarms
from acd.queues.bits import Renumbering
from acd.queues.commands import AgentChanged, AgentKept, AssignPhones, Command
from acd.queues.duty import Duty
from acd.queues.handsets import Handsets, busy, told_of
from acd.queues.mirror import Mirror
from acd.queues.model import (
    Agent,
    AgentId,
    AgentSpec,
    AgentState,
    Backoff,
    Call,
    CallId,
    Offer,
    OfferResult,
    Plan,
    QueueSpec,
)
from acd.queues.standings import Standings, deadlines_of_now
from acd.queues.states import agent_state

MISSED = "missed"
MAX_DOUBLINGS = 20  # beyond any limit, and no number too large


class Desk:
    """All agents of the plan. `emit` takes the commands that follow from a change; `ready` are those to be offered."""

    def __init__(self, plan: Plan, alarms: Alarms, emit: Callable[[Command], None]) -> None:
        self._alarms = alarms
        self._emit = emit
        self.agents: dict[AgentId, Agent] = {spec.id: Agent(spec) for spec in plan.agents.values()}
        self.ready: dict[AgentId, Agent] = {}
        self.duty = Duty(self.agents)
        self._handsets = Handsets(plan.agents.values())
        self._leaving: dict[AgentId, Agent] = {}  # gone from the plan, and not yet from their last call
        self._touched: dict[AgentId, Agent] = dict(self.agents)
        self._resting: dict[AgentId, Agent] = {}
        self._on_duty: dict[AgentId, Agent] = {}
        self._shown: dict[AgentId, tuple[AgentState, str | None, CallId | None]] = {}
        self._standings = Standings(emit)
        self._mirror = Mirror(emit)

    @property
    def touched(self) -> Set[AgentId]:
        """Those whom the present event has changed."""
        return self._touched.keys()

    def get(self, agent_id: AgentId) -> Agent | None:
        """The agent, or None when the plan has no such id (any more)."""
        return self.agents.get(agent_id)

    def refusal(self, agent_id: AgentId, needs_login: bool) -> AcdError | None:
        """Why an order for this agent cannot be taken, or None when it can."""
        agent = self.agents.get(agent_id)
        if agent is None or agent_id in self._leaving:
            return UnknownAgent(f"there is no agent {agent_id!r}")
        if needs_login and not agent.logged_in:
            return NotAllowed(f"agent {agent_id} is logged out; log in first")
        return None

    # -- how they begin ---------------------------------------------------------------------------------------

    def begin(self, standings: Iterable[AgentKept], at: float) -> None:
        """As they stood when the last daemon ended, or as the plan says; nothing for whom something happened since."""
        known = {kept.agent_id: kept for kept in standings}
        for agent in self.agents.values():
            if not self._standings.as_begun(agent):
                continue
            kept = known.get(agent.spec.id)
            if kept is not None:
                self._restore(agent, kept, at)
            elif agent.spec.login_at_start and not agent.logged_in:
                self.login(agent, at)
            self._standings.began(agent)

    def _restore(self, agent: Agent, kept: AgentKept, at: float) -> None:
        was = deadlines_of_now(kept, at)
        agent.logged_in, agent.pause_reason = was.logged_in, was.pause_reason
        agent.missed_in_row, agent.failures_in_row = was.missed_in_row, was.failures_in_row
        self._end_wrap_up(agent)
        self._end_rest(agent)
        agent.idle_since, agent.wrap_until = was.idle_since, was.wrap_until
        if was.wrap_until is not None:
            self._alarms.set(f"wrap:{agent.spec.id}", was.wrap_until)
        if was.rest_until:
            agent.unanswered = was.unanswered
            self._rest(agent, was.rest_until)

    # -- another plan -----------------------------------------------------------------------------------------

    def reconfigure(self, plan: Plan, at: float) -> Renumbering:
        """These are the agents now. Who is no longer among them has been logged out, and finishes a conversation.

        First who is gone, then who has come: so one goes out of the fallback queue before another comes in.
        """
        before, self.agents = self.agents, {}
        changed = []
        for spec in plan.agents.values():
            agent = before.pop(spec.id, None)
            if agent is None or agent.spec is not spec or spec.id in self._leaving:
                agent = agent or Agent(spec, reachable=False, state_since=at)
                changed.append((agent, spec))
            self.agents[spec.id] = agent
        self.agents.update(before)
        self._touched = {**before, **self._touched}
        for agent, spec in changed:
            self._take_on(agent, spec, at)
        self._leaving = before
        return self.duty.renumber(self.agents, plan.agents)

    def _take_on(self, agent: Agent, spec: AgentSpec, at: float) -> None:
        """An agent whom the plan has anew, or otherwise than before; nothing for one who only looks so."""
        known = spec.id in self._shown and spec.id not in self._leaving
        if known and agent.spec == spec and not self._handsets.owe(spec.id):
            return
        before = agent.spec
        self._handsets.expect(agent, spec)
        if not known or told_of(before, agent.spec):
            self._touch(agent)
        if spec.login_at_start and not known:
            self.login(agent, at)

    def _change_over(self, at: float) -> None:
        """Whoever has finished the last call is gone; whoever can have the phone that is theirs now gets it."""
        gone = [agent for agent in self._leaving.values() if not busy(agent)]
        for agent in gone:
            self._forget(agent, at)
        phones = [(agent.spec.id, "") for agent in gone]
        for agent, moved in self._handsets.settle(self.agents):
            self._touch(agent)
            if moved:
                agent.reachable, agent.unseen = False, True
                phones.append((agent.spec.id, agent.spec.endpoint))
                self._mirror.leave_old_phone(agent)
        if phones:
            self._emit(AssignPhones(tuple(phones)))

    def _forget(self, agent: Agent, at: float) -> None:
        self._end_rest(agent)
        self._show(agent, at)
        self._mirror.forget(agent)
        self._standings.forget(agent, at)
        self._handsets.give_back(agent.spec.id)
        for known in (self.agents, self.ready, self._leaving, self._touched, self._on_duty, self._shown):
            known.pop(agent.spec.id, None)

    # -- what the agents do -----------------------------------------------------------------------------------

    def login(self, agent: Agent, at: float) -> None:
        """The agent asks for work; nothing changes for one who is logged in already."""
        self._standings.ordered(agent)
        if not agent.logged_in:
            agent.logged_in = True
            self._fresh(agent, at)

    def logout(self, agent: Agent) -> None:
        """The agent is no longer offered calls; a conversation goes on to its end."""
        agent.logged_in = False
        agent.pause_reason = None
        self._end_wrap_up(agent)

    def pause(self, agent: Agent, reason: str) -> None:
        """No calls until `take_calls`. A wrap-up ends with it: one reason to be away is enough."""
        agent.pause_reason = reason
        self._end_wrap_up(agent)

    def take_calls(self, agent: Agent, at: float) -> None:
        """The end of a pause or of a wrap-up; one who has neither keeps the place among the idle."""
        if agent.pause_reason is not None or agent.wrap_until is not None:
            self._fresh(agent, at)

    def _fresh(self, agent: Agent, at: float) -> None:
        agent.pause_reason = None
        agent.missed_in_row = 0
        agent.failures_in_row = 0
        agent.idle_since = at
        self._end_rest(agent)
        self._end_wrap_up(agent)

    # -- what their phones do ---------------------------------------------------------------------------------

    def phone_reachable(self, agent: Agent, reachable: bool, at: float) -> None:
        """The phone registered or went away. One that came back starts at the end of the idle line."""
        if reachable and agent.unanswered:
            agent.idle_since = at
            self._end_rest(agent)
        self.phone_seen(agent, reachable, at)

    def phone_seen(self, agent: Agent, reachable: bool, at: float) -> None:
        """What a look at Asterisk shows: a registration, which is no news of a phone that did not answer."""
        agent.unseen = False
        if reachable is agent.reachable:
            return
        if reachable:
            agent.idle_since = at
        agent.reachable = reachable
        self._touch(agent)

    def own_call_began(self, agent: Agent, channel: str) -> None:
        """A channel of the agent's own."""
        agent.own_channels.add(channel)
        self._touch(agent)

    def own_call_ended(self, agent: Agent, channel: str, at: float) -> None:
        """It ended; after the last one the agent starts at the end of the idle line."""
        if channel in agent.own_channels:
            self.own_calls_read(agent, agent.own_channels - {channel}, at)

    def own_calls_read(self, agent: Agent, channels: set[str], at: float) -> None:
        """All channels of the agent's own there are."""
        if channels == agent.own_channels:
            return
        if agent.own_channels and not channels:
            agent.idle_since = at
        agent.own_channels = channels
        self._touch(agent)

    # -- what the calls do to them ----------------------------------------------------------------------------

    def offered(self, agent: Agent, offer: Offer) -> None:
        """Reserve the agent: one live offer, ever."""
        if agent.offer_id is not None or agent.call_id is not None:
            raise AssertionError(f"agent {agent.spec.id} is reserved already")
        agent.offer_id = offer.id
        self.ready.pop(agent.spec.id, None)
        self.duty.note(agent, ready=False)
        self._touch(agent)

    def accepted(self, agent: Agent) -> None:
        """The agent picked up: ring-outs and failures in a row are forgiven."""
        agent.missed_in_row = 0
        agent.failures_in_row = 0

    def talking(self, agent: Agent, call: Call) -> None:
        """The agent is in a bridge with the caller."""
        agent.offer_id = None
        agent.call_id = call.id
        self._touch(agent)

    def talk_over(self, agent: Agent, queue: QueueSpec | None, at: float) -> None:
        """The conversation ended at `at`: wrap-up begins, for those who are here."""
        agent.call_id = None
        agent.idle_since = at
        wrap_up_s = queue.wrap_up_s if queue else 0.0
        if agent.logged_in and agent.pause_reason is None and wrap_up_s > 0:
            agent.wrap_until = at + wrap_up_s
            self._alarms.set(f"wrap:{agent.spec.id}", agent.wrap_until)
        self._touch(agent)

    def handed_over(self, agent: Agent) -> None:
        """The conversation goes on under another call: no wrap-up in between."""
        agent.call_id = None
        self._end_wrap_up(agent)

    def wrap_up_due(self, agent: Agent, at: float) -> None:
        """The wrap-up's time is over."""
        agent.wrap_until = None
        agent.idle_since = at
        self._touch(agent)

    def rest_due(self, agent: Agent) -> None:
        """The rest after a failed offer is over."""
        agent.rest_until = 0.0
        agent.unanswered = False
        self._touch(agent)

    def offer_over(
        self, agent: Agent, offer: Offer, result: OfferResult, missed_limit: int, backoff: Backoff, at: float
    ) -> None:
        """An offer ended without a conversation: each cause has its own consequence."""
        agent.offer_id = None
        agent.unanswered = False
        match result:
            case OfferResult.REFUSED:
                agent.idle_since = at
                agent.missed_in_row = agent.failures_in_row = 0  # somebody is there
            case OfferResult.BUSY:
                self._failed(agent, backoff.busy_agent_s, backoff, at)
            case OfferResult.NO_ANSWER:
                agent.idle_since = at
                agent.failures_in_row = 0
                agent.missed_in_row += 1
                if missed_limit and agent.missed_in_row >= missed_limit and agent.logged_in:
                    agent.pause_reason = agent.pause_reason or MISSED
            case OfferResult.UNREACHABLE if not offer.excused:
                agent.unanswered = True
                self._failed(agent, backoff.unreachable_agent_s, backoff, at)
            case OfferResult.UNREACHABLE:  # it has gone or come back meanwhile: its registration tells the rest
                agent.idle_since = at
            case OfferResult.ERROR:
                agent.idle_since = at
                self._failed(agent, backoff.error_agent_s, backoff, at)
            case _:
                pass  # not the agent's doing: no consequence
        self._touch(agent)

    # -- rest and wrap-up -------------------------------------------------------------------------------------

    def _failed(self, agent: Agent, base_s: float, backoff: Backoff, at: float) -> None:
        """Each failure in a row doubles the rest."""
        rest_s = min(base_s * 2.0 ** min(agent.failures_in_row, MAX_DOUBLINGS), backoff.agent_limit_s)
        agent.failures_in_row += 1
        self._rest(agent, at + rest_s)

    def _rest(self, agent: Agent, until: float) -> None:
        agent.rest_until = until
        self._resting[agent.spec.id] = agent
        self._alarms.set(f"rest:{agent.spec.id}", until)

    def _end_rest(self, agent: Agent) -> None:
        agent.rest_until = 0.0
        agent.unanswered = False
        self._resting.pop(agent.spec.id, None)
        self._alarms.cancel(f"rest:{agent.spec.id}")
        self._touch(agent)

    def _end_wrap_up(self, agent: Agent) -> None:
        agent.wrap_until = None
        self._alarms.cancel(f"wrap:{agent.spec.id}")
        self._touch(agent)

    # -- what follows -----------------------------------------------------------------------------------------

    def on_duty(self) -> Iterable[Agent]:
        """Who is here to take calls, now or soon: logged in, not paused, the phone reachable."""
        return self._on_duty.values()

    def settle(self, at: float) -> bool:
        """Bring `ready` and those on duty up to date with what was touched, and with rests that are over.

        Returns whether anybody went off duty.
        """
        before = len(self._on_duty)
        came = 0
        self._change_over(at)
        for agent in [agent for agent in self._resting.values() if agent.rest_until <= at]:
            del self._resting[agent.spec.id]
            self._touch(agent)
        for agent in self._touched.values():
            ready = agent_state(agent, at) is AgentState.READY
            self.duty.note(agent, ready)
            if ready:
                self.ready[agent.spec.id] = agent
            else:
                self.ready.pop(agent.spec.id, None)
            came += self._settle_duty(agent, at)
        return before + came > len(self._on_duty)

    def _settle_duty(self, agent: Agent, at: float) -> bool:
        """Whether the agent came on duty."""
        there = agent.reachable and not (agent.unanswered and agent.rest_until > at)
        if not (there and agent.logged_in and agent.pause_reason is None):
            self._on_duty.pop(agent.spec.id, None)
            return False
        new = agent.spec.id not in self._on_duty
        self._on_duty[agent.spec.id] = agent
        return new

    def publish(self, at: float) -> None:
        """Tell the world about every agent whose visible state or place in the fallback queue changed."""
        for agent in self._touched.values():
            self._show(agent, at)
            self._standings.keep(agent, at)
            self._mirror.keep(agent)
        self._touched.clear()
        self._mirror.settle()

    def mirror_again(self) -> None:
        """The fallback queue may have lost its members, or kept some too many."""
        self._mirror.again()
        self._touched.update(self.agents)

    def _touch(self, agent: Agent) -> None:
        self._touched[agent.spec.id] = agent

    def _show(self, agent: Agent, at: float) -> None:
        state = agent_state(agent, at)
        reason = agent.pause_reason if state is AgentState.PAUSED else None
        shown = (state, reason, agent.call_id)
        if self._shown.get(agent.spec.id) == shown:
            return
        self._shown[agent.spec.id] = shown
        agent.state_since = at
        self._emit(AgentChanged(at, agent.spec.id, state, reason, agent.call_id))
