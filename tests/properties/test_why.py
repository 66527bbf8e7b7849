"""What `why` says of a call and an agent is what the matcher does: nothing in the way if and only if an offer comes.

The brain of `test_matcher` is driven by anything; whatever its plan and its state, every pair has one reason.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from acd.queues import commands as cmd
from acd.queues import events as ev
from acd.queues import why
from acd.queues.engine import Engine
from acd.queues.model import Call, CallPhase, Plan
from acd.queues.obstacles import Obstacle, between
from tests.properties.test_matcher import HAPPENINGS, START, Happens, Twin, one_by_one, plans

Pairs = set[tuple[str, str]]


def clear(engine: Engine, at: float) -> Pairs:
    """Calls and agents between whom nothing stands."""
    return {
        (call.id, agent.spec.id)
        for call in engine.calls.values()
        for agent in engine.desk.agents.values()
        if between(engine, call, agent, at).kind is Obstacle.NONE
    }


def poke(engine: Engine, at: float) -> Pairs:
    """An event that changes nothing and has the whole line matched anew; the offers that came of it."""
    for call in engine.shop.waiting.values():
        engine.shop.changed(call)
    engine.shop.alarms.set("poke:", at)
    came = engine.handle(ev.TimerDue(at, "poke:"))
    return {(one.call_id, leg.agent_id) for one in came if isinstance(one, cmd.Ring) for leg in one.legs}


@settings(max_examples=150, deadline=None)
@given(plans(), st.lists(HAPPENINGS, min_size=5, max_size=50))
def test_nothing_stands_in_the_way_if_and_only_if_an_offer_comes(plan: Plan, happenings: list[Happens]) -> None:
    twin = Twin(Engine, [plan])
    engine, at = twin.engine, START
    for happens in one_by_one(happenings):
        if happens.what == "time passes":
            at += happens.much
        else:
            engine.stopping = True  # the event sinks in, and nobody is offered anything yet
            engine.handle(twin.event(happens, at))
            assert not clear(engine, at)
            engine.stopping = False
        free = clear(engine, at)
        offers = poke(engine, at)
        assert offers <= free and bool(offers) == bool(free)
        assert not clear(engine, at), "what is left has an obstacle"


@settings(max_examples=100, deadline=None)
@given(plans(), st.lists(HAPPENINGS, min_size=10, max_size=50))
def test_the_two_answers_agree_about_every_pair(plan: Plan, happenings: list[Happens]) -> None:
    twin = Twin(Engine, [plan])
    engine, at = twin.engine, START
    for happens in one_by_one(happenings):
        if happens.what == "time passes":
            at += happens.much
        else:
            engine.handle(twin.event(happens, at))
    of_calls = {call.id: why.explain(engine, call, at) for call in engine.calls.values()}
    for answer in of_calls.values():
        assert sum(answer.obstacles.values()) == len(answer.candidates) == len(plan.agents)
        assert all(one.reason and one.obstacle in set(Obstacle) for one in answer.candidates)
    for agent in engine.desk.agents.values():
        mine = why.explain_agent(engine, agent, at)
        assert mine.summary and mine.waiting == len(mine.calls) == len([*filter(_waits, engine.calls.values())])
        for place, one in enumerate(mine.calls, 1):
            seen = of_calls[one.call_id]
            (theirs,) = [who for who in seen.candidates if who.agent_id == agent.spec.id]
            assert (one.position, one.reason, one.eligible) == (seen.position, theirs.reason, theirs.eligible)
            assert one.position == place


def _waits(call: Call) -> bool:
    return call.phase is CallPhase.WAITING
