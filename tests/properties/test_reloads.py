"""After another plan came, decisions are those of a daemon that had been started with it, or is started now.

Callers come while nobody is free; then the plan is another one, and the agents come. Three daemons are held against
each other: one that was told of the plan, one that has had it all along, and one that was started at that moment, which
has the records and Asterisk to go by.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from acd.ivr.core import Core
from acd.queues import commands as cmd
from acd.queues import events as ev
from acd.queues.found import FoundCall
from acd.queues.model import About, AgentId, CallId, Plan
from tests import rules
from tests.properties.test_matcher import plans

START = 1_700_000_000.0
NODE = "main"
NUMBERS = ("79160000001", "79160000002", "79160000003")
KNOWN = st.dictionaries(
    st.sampled_from(NUMBERS),
    st.builds(About, st.sampled_from([0.0, 2.0, 7.5]), st.sampled_from([{}, {"language": "ru"}, {"language": "en"}])),
)
CALLS = st.lists(
    st.tuples(st.sampled_from("12"), st.sampled_from(NUMBERS), st.sampled_from([0.0, 0.5, 4.0, 9.0])), max_size=8
)


def heard(core: Core, event: ev.Event) -> list[cmd.Command]:
    came = core.handle(event)
    rules.check(core, event.at)
    return came


def entries(calls: list[tuple[str, str, float]]) -> list[ev.CallEntered]:
    at, found = START + 10, []
    for number, (did, who, pause_s) in enumerate(calls):
        at += pause_s
        found.append(ev.CallEntered(at, CallId(f"c{number}"), NODE, did, who, "", at))
    return found


def filled(plan: Plan, came: list[ev.CallEntered]) -> Core:
    """A daemon with this plan, all agents at lunch, and these callers in the line."""
    core = Core(plan)
    for agent_id in plan.agents:
        heard(core, ev.AgentLogin(START, agent_id))
        heard(core, ev.AgentPause(START, agent_id, "lunch"))
    for event in came:
        assert not [one for one in heard(core, event) if isinstance(one, cmd.Ring)]
    return core


def started_now(plan: Plan, before: Core, at: float) -> Core:
    """A daemon that finds what the one before has left."""
    core = Core(plan)
    heard(core, ev.Restored(at, tuple(before.book.live())))
    seen = tuple(
        FoundCall(record.id, record.did, record.number, "", record.entered_at, "hold", record.queue or "")
        for record in before.book.live()
    )
    heard(core, ev.NodeRead(at, NODE, False, seen, frozenset(plan.agents)))
    return core


def offers(core: Core, agents: list[AgentId], at: float) -> list[tuple[str, tuple[str, ...]]]:
    """Who is rung for whom, when these agents come back from lunch one after the other."""
    rung = []
    for number, agent_id in enumerate(agents):
        moment = at + number
        for event in (
            ev.PhoneReachable(moment, agent_id, reachable=True),
            ev.AgentLogin(moment, agent_id),
            ev.AgentReady(moment, agent_id),
        ):
            rung += [one for one in heard(core, event) if isinstance(one, cmd.Ring)]
    return [(ring.call_id, tuple(leg.agent_id for leg in ring.legs)) for ring in rung]


@settings(max_examples=60, deadline=None)
@given(plans(), plans(), KNOWN, KNOWN, CALLS, st.randoms(use_true_random=False))
def test_another_plan_leads_to_what_it_would_have_led_to(
    first: Plan, second: Plan, known: dict[str, About], known_now: dict[str, About], calls: list, chance
) -> None:
    first, second = replace(first, callers=known), replace(second, callers=known_now)
    came = entries(calls)
    at = (came[-1].at if came else START + 10) + 1
    told, always = filled(first, came), filled(second, came)
    again = started_now(second, filled(second, came), at)
    heard(told, ev.Reconfigured(at, second))
    lines = [[call.id for call in core.engine.matcher.line(at)] for core in (told, always, again)]
    assert lines[0] == lines[1] == lines[2]
    attributes = [[core.engine.calls[call].attributes for call in lines[0]] for core in (told, always, again)]
    assert attributes[0] == attributes[1] == attributes[2]
    agents = list(second.agents)
    chance.shuffle(agents)
    rung = offers(told, agents, at)
    assert rung == offers(always, agents, at) == offers(again, agents, at)
