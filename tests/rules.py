"""What must hold after every event, whatever happened: the invariants of the brain, checked from outside.

Used by the playbooks after each of their events and by the property machine after each of its steps.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from acd.ivr.core import Core
from acd.queues import matching, owners
from acd.queues.engine import Engine
from acd.queues.journey import fold
from acd.queues.limits import deadline
from acd.queues.model import Agent, AgentState, Call, CallPhase
from acd.queues.states import agent_state

IN_OFFER = (CallPhase.OFFERED, CallPhase.CONNECTING)


def check(core: Core, at: float) -> None:
    """AssertionError naming the first rule that is broken at `at`."""
    offers_and_agents_agree(core)
    nobody_waits_beside_a_ready_agent(core, at)
    the_index_is_the_truth(core, at)
    every_record_is_its_journey(core)
    the_books_hold_exactly_the_live_calls(core)


def offers_and_agents_agree(core: Core) -> None:
    """At most one live offer per agent, several per call only while phones ring, and both ends know of each other."""
    engine = core.engine
    for call in engine.calls.values():
        ids = [call.offer_id, *call.beside] if call.offer_id else []
        assert (call.phase in IN_OFFER) <= bool(ids), f"{call.id} is offered without an offer"
        assert call.offer_id is not None or not call.beside, f"{call.id} has offers beside none"
        assert len(set(ids)) == len(ids), f"{call.id} has an offer twice"
        assert len(ids) < 2 or call.phase is CallPhase.OFFERED, f"{call.id} is {call.phase} and rings elsewhere"
        for offer_id in ids:
            offer = engine.offers.get(offer_id)
            assert offer is not None and offer.call_id == call.id, f"{call.id} goes by {offer_id}, which is not its own"
            if call.phase in IN_OFFER:
                assert engine.desk.agents[offer.agent_id].offer_id == offer.id, f"{offer.id}: its agent knows not of it"
        together = ids if len(ids) > 1 else []
        confirmed = [engine.desk.agents[engine.offers[one].agent_id].spec.confirm for one in together]
        assert not any(confirmed), f"{call.id} rings beside a phone that is to confirm"
    for agent in engine.desk.agents.values():
        if agent.offer_id is not None:
            offer = engine.offers.get(agent.offer_id)
            assert offer is not None, f"{agent.spec.id} holds a dead offer {agent.offer_id}"
            assert offer.agent_id == agent.spec.id
            assert engine.calls[offer.call_id].phase in IN_OFFER, f"{offer.id}: its call is not being offered"
        if agent.call_id is not None:
            talked = engine.calls.get(agent.call_id)
            assert talked is not None, f"{agent.spec.id} talks to a call that is gone"
            assert talked.phase is CallPhase.TALKING, f"{agent.spec.id} talks to {talked.id}, which is {talked.phase}"
    for offer in engine.offers.values():
        call = engine.calls.get(offer.call_id)
        assert call is not None, f"{offer.id} outlived its call"
        assert offer.id in (call.offer_id, *call.beside), f"{offer.id}: its call goes by {call.offer_id}"
    talking = [agent.call_id for agent in engine.desk.agents.values() if agent.call_id is not None]
    assert len(set(talking)) == len(talking), "two agents talk to one caller"


def nobody_waits_beside_a_ready_agent(core: Core, at: float) -> None:
    """Unless a named step says why: away, in a back-off, refused a moment ago, hanging up, held for somebody else, or
    the daemon begins or stops."""
    engine = core.engine
    if engine.closed is not None:
        return
    ready = [agent for agent in engine.desk.agents.values() if agent_state(agent, at) is AgentState.READY]
    for call in engine.calls.values():
        if call.phase is not CallPhase.WAITING or call.queue not in engine.plan.queues:
            continue
        if not call.at_home or call.not_before > at or call.hung_up is not None:
            continue
        could = [
            agent.spec.id
            for agent in ready
            if matching.qualified(call, agent, engine.plan, at) and may_be_asked(engine, call, agent, at)
        ]
        assert not could, f"{call.id} waits beside {could}"


def the_index_is_the_truth(core: Core, at: float) -> None:
    """Whoever is ready is known to be, and the line is what sorting the waiting calls gives."""
    engine = core.engine
    readiness = engine.matcher.readiness
    ready = sum(1 << readiness.numbers[agent_id] for agent_id in engine.desk.ready)
    assert readiness.ready == ready, "the index knows others to be ready"
    in_order = [call.id for call in matching.line(engine.calls.values(), engine.plan, at)]
    assert [call.id for call in engine.matcher.line(at)] == in_order


def may_be_asked(engine: Engine, call: Call, agent: Agent, at: float) -> bool:
    """Whether the agent never refused this call, or long enough ago: the shorter time does when nobody else is left."""
    if agent.spec.id not in call.refused_by:
        return True
    others = [
        other
        for other in engine.desk.agents.values()
        if other.logged_in
        and other.pause_reason is None
        and other.reachable
        and not (other.unanswered and other.rest_until > at)
        and other.spec.id not in call.refused_by
        and matching.qualified(call, other, engine.plan, at)
    ]
    return (call.refused_until if others else call.refused_by)[agent.spec.id] <= at


def every_record_is_its_journey(core: Core) -> None:
    """The record in the book is what its own facts fold to, and its facts are numbered without a gap."""
    for record in core.book.live():
        assert fold(record.events) == record
        assert [event.seq for event in record.events] == list(range(1, len(record.events) + 1))


def the_books_hold_exactly_the_live_calls(core: Core) -> None:
    """Every call inside has an open record, and every open record a call: nobody is lost."""
    assert {record.id for record in core.book.live()} == set(core.engine.calls)


def every_state_has_its_timers(core: Core, at: float, timers: Container[str]) -> None:
    """What the table of owners says of timers is so; what has none is owned by a channel, or a person."""
    engine = core.engine
    for call in engine.calls.values():
        if call.phase is CallPhase.WAITING and (call.queue not in engine.plan.queues or not call.at_home):
            continue
        queue = engine.shop.queue_of(call)
        overdue = call.phase is CallPhase.WAITING and queue is not None and deadline(call, queue) <= at
        _assert_set(owners.CALLS[call.phase].timers, call.id, timers if not overdue else {f"limit:{call.id}"})
        if call.phase is CallPhase.WAITING:
            assert call.not_before <= at or f"retry:{call.id}" in timers
            assert call.only_until is None or call.only_until <= at or f"only:{call.id}" in timers
            for agent_id, again_at in call.refused_by.items():
                assert again_at <= at or f"refused:{call.id}:{agent_id}" in timers
    for offer in engine.offers.values():
        if engine.calls[offer.call_id].phase is CallPhase.OFFERED:
            _assert_set(owners.OFFERS[0].timers, offer.id, timers)
    for agent in engine.desk.agents.values():
        state = agent_state(agent, at)
        if state is AgentState.WRAP_UP or agent.rest_until > at:
            kinds = owners.AGENTS[AgentState.WRAP_UP if state is AgentState.WRAP_UP else AgentState.BUSY].timers
            _assert_set(kinds, agent.spec.id, timers)


def _assert_set(kinds: Iterable[str], of: str, timers: Container[str]) -> None:
    for kind in kinds:
        assert f"{kind}:{of}" in timers, f"{of} has no timer {kind}"


def outcomes_add_up(received: Iterable[str], core: Core) -> None:
    """received = those with exactly one outcome + those still inside."""
    for call_id in received:
        record = core.book.get(call_id)  # type: ignore[arg-type]
        assert record is not None, f"{call_id} left no record"
        ends = [event for event in record.events if event.fact == "ended"]
        if call_id in core.engine.calls:
            assert not ends and record.outcome is None, f"{call_id} is inside and has an outcome"
        else:
            assert len(ends) == 1 and record.outcome is not None, f"{call_id} has {len(ends)} outcomes"
