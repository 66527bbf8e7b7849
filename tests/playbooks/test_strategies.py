"""Who among those who are free: strategies at work, earlier steps, the soft cap, calls held for one agent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from acd.ivr.core import Core
from acd.queues import events as ev
from acd.queues.model import AgentId, CallId, OfferResult, Plan, Prefer, SurveyKind
from tests.playbooks.playbook import START, Playbook, start
from tests.playbooks.words import (
    SALES,
    SUPPORT,
    Step,
    after,
    agent,
    enters,
    event,
    leaves,
    login,
    logout,
    notes_queue,
    offer_ends,
    plan,
    queue,
    rings,
    says_bye,
    served,
    talk_ends,
    timer,
)

REFUSED = OfferResult.REFUSED
QUICK = {"wrap_up_s": 0, "survey": SurveyKind.NONE}


def shop(strategy: str, *levels: int, **more: object) -> Playbook:
    """Agents 1001, 1002... with these levels of `sales`, logged in one second after the other."""
    agents = [agent(str(1001 + place), sales=level) for place, level in enumerate(levels)]
    play = start(plan(agents, [queue("sales", "sales >= 1", SALES, strategy=strategy, **QUICK, **more)]))
    for one in agents:
        play >> login(one.id) >> after(1)
    return play


def serve(play: Playbook, call: str, agent_id: str, talk_s: float = 10.0) -> None:
    """The call rings at this agent, is talked on and over."""
    offer = f"{call}.1"
    for step in (enters(call), *served(offer)):
        play >> step
        if step.text == f"{call} enters":
            play << rings(call, agent_id)
    play >> after(talk_s) >> talk_ends(offer)
    assert play << says_bye(call) >> leaves(call)


def test_fewest_calls_counts_todays_answered_calls():
    play = shop("fewest_calls", 5, 5)
    serve(play, "c1", "1001")
    serve(play, "c2", "1002")
    serve(play, "c3", "1001")
    assert play >> logout("1002") >> login("1002")  # the last of the idle now, and still the one with fewer calls
    serve(play, "c4", "1002")


def test_least_talk_time_counts_todays_talk():
    play = shop("least_talk_time", 5, 5)
    serve(play, "c1", "1001", talk_s=100)
    serve(play, "c2", "1002", talk_s=10)
    serve(play, "c3", "1002", talk_s=50)
    serve(play, "c4", "1002", talk_s=50)
    serve(play, "c5", "1001")


def test_a_new_day_begins_at_nought():
    play = shop("fewest_calls", 5, 5)
    serve(play, "c1", "1001")
    assert play >> logout("1002") >> login("1002") >> event("midnight", lambda at: ev.DayBegan(at, at))
    serve(play, "c2", "1001")


def test_round_robin_goes_on_after_the_last_offered_even_when_that_one_refused():
    play = shop("round_robin", 5, 5, 5)
    serve(play, "c1", "1001")
    assert play >> enters("c2") << rings("c2", "1002") >> offer_ends("c2.1", REFUSED) << rings("c2", "1003")
    assert play >> enters("c3") << rings("c3", "1001") >> enters("c4") << rings("c4", "1002")


@pytest.mark.parametrize(("strategy", "first"), [("most_skilled", "1003"), ("least_skilled", "1001")])
def test_skill_decides(strategy, first):
    assert shop(strategy, 2, 5, 9) >> enters("c1") << rings("c1", first)


def test_skills_that_an_open_step_names_count_as_well():
    agents = [agent("1001", sales=5), agent("1002", sales=4, support=3)]
    lines = [queue("sales", "sales >= 1", SALES, relax={10: "support >= 1"}, strategy="most_skilled")]
    play = start(plan(agents, lines))
    assert play >> login("1001") >> login("1002") >> enters("c1") << rings("c1", "1001")
    assert play >> login("1001") >> enters("c2", ago=20) << rings("c2", "1002")


def test_top_down_takes_the_first_of_the_configuration():
    play = shop("top_down", 5, 5, 5)
    serve(play, "c1", "1001")
    serve(play, "c2", "1001")
    assert play >> enters("c3") << rings("c3", "1001") >> enters("c4") << rings("c4", "1002")


def test_random_rings_whom_the_draw_names_and_draws_only_where_there_is_a_choice():
    drawn: list[int] = []

    def draw(number: int) -> int:
        drawn.append(number)
        return number - 1

    agents = [agent("1001", sales=5), agent("1002", sales=5), agent("1003", sales=5)]
    lines = [queue("sales", "sales >= 1", SALES, strategy="random")]

    def core(plan: Plan) -> Core:
        return Core(plan, draw=draw)

    play = start(plan(agents, lines), core)
    assert play >> login("1001") >> login("1002") >> login("1003") >> enters("c1") << rings("c1", "1003")
    assert play >> enters("c2") << rings("c2", "1002") >> enters("c3") << rings("c3", "1001")
    assert drawn == [3, 2]


def test_everybody_who_may_take_it_is_named_in_order_under_ring_all():
    play = shop("ring_all", 5, 5, 5)
    assert play >> logout("1001") >> login("1001")
    engine = play.core.engine
    engine._calls.entered(ev.CallEntered(play.now, CallId("c1"), "main", SALES, "7916", "Иван", play.now))
    engine.matcher.sync(play.now)
    choice = next(engine.matcher.choices(play.now))
    assert [one.spec.id for one in choice.agents] == ["1002", "1003", "1001"]


# -- earlier steps first ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("prefer", "first"), [(Prefer.STEP, "1002"), (Prefer.ANY, "1001")])
def test_an_earlier_steps_agents_come_first_where_the_queue_prefers_so(prefer, first):
    agents = [agent("1001", support=5), agent("1002", sales=5)]
    lines = [queue("sales", "sales >= 1", SALES, relax={10: "support >= 1"}, prefer=prefer)]
    play = start(plan(agents, lines)) >> login("1001") >> after(1) >> login("1002")
    assert play >> enters("c1", ago=20) << rings("c1", first)
    second = {"1001": "1002", "1002": "1001"}[first]
    assert play >> enters("c2", ago=20) << rings("c2", second)


# -- the soft cap -------------------------------------------------------------------------------------------


def test_who_has_answered_enough_today_comes_last_and_still_comes():
    agents = [replace(agent("1001", sales=9), soft_cap_calls=1), agent("1002", sales=1)]
    lines = [queue("sales", "sales >= 1", SALES, strategy="top_down", **QUICK)]
    play = start(plan(agents, lines)) >> login("1001") >> login("1002")
    serve(play, "c1", "1001")
    serve(play, "c2", "1002")
    assert play >> enters("c3") << rings("c3", "1002") >> enters("c4") << rings("c4", "1001")


def test_nought_is_no_cap():
    agents = [replace(agent("1001", sales=9), soft_cap_calls=0), agent("1002", sales=1)]
    lines = [queue("sales", "sales >= 1", SALES, strategy="top_down", **QUICK)]
    play = start(plan(agents, lines)) >> login("1001") >> login("1002")
    serve(play, "c1", "1001")
    serve(play, "c2", "1001")


# -- held for one agent -------------------------------------------------------------------------------------


def held_for(play: Playbook, call: str, agent_id: str, seconds: float | None) -> Step:
    """Somebody decides that the waiting call is for this agent, for so long."""

    def hold(at: float) -> ev.Event:
        shop = play.core.engine._shop
        waiting = shop.calls[CallId(call)]
        waiting.only, waiting.only_until = AgentId(agent_id), None if seconds is None else at + seconds
        shop.changed(waiting)
        return ev.AgentReady(at, AgentId("1009"))  # nobody: nothing else happens

    return event(f"{call} is held for {agent_id}", hold)


def two_who_sell() -> Playbook:
    return start(plan([agent("1001", sales=5), agent("1002", sales=5)]))


def test_a_held_call_waits_for_its_agent_beside_others_who_are_free():
    play = two_who_sell()
    assert play >> enters("c1") >> held_for(play, "c1", "1002", 60) << timer("only:c1", in_s=60)
    assert play >> login("1001") >> enters("c2") << rings("c2", "1001") >> login("1002") << rings("c1", "1002")


def test_when_the_hold_ends_anybody_may_have_it():
    play = two_who_sell()
    assert play >> enters("c1") >> held_for(play, "c1", "1002", 60) >> login("1001")
    assert play >> after(59.9) >> after(0.2) << rings("c1", "1001")


def test_a_hold_without_an_end_has_no_timer_and_goes_by_the_agent_alone():
    agents = [agent("1001", sales=5), agent("1002", support=5)]
    lines = [queue("sales", "sales >= 1", SALES), queue("support", "support >= 1", SUPPORT)]
    play = start(plan(agents, lines))
    assert play >> enters("c1", SALES) << notes_queue("c1") >> held_for(play, "c1", "1002", None)
    assert play >> login("1001") >> after(500) >> login("1002") << rings("c1", "1002")
    assert "only:c1" not in play.timers()


def test_a_hold_for_an_agent_nobody_knows_is_none():
    play = two_who_sell()
    assert play >> enters("c1") >> held_for(play, "c1", "1099", None) >> login("1001") << rings("c1", "1001")


def test_a_held_call_that_is_answered_needs_no_waking():
    play = two_who_sell()
    assert play >> enters("c1") >> held_for(play, "c1", "1002", 60) >> login("1002") << rings("c1", "1002")
    for step in served("c1.1"):
        play >> step
    assert play
    assert "only:c1" not in play.timers()


# -- positions ----------------------------------------------------------------------------------------------


def test_a_place_in_the_line_is_known_without_walking_it():
    lines = [
        queue("sales", "sales >= 1", SALES),
        queue("support", "support >= 1", SUPPORT, priority=2, ageing_per_min=0),
    ]
    play = start(plan([agent("1001", sales=5)], lines))
    assert play >> enters("c1") >> after(60) >> enters("c2") >> enters("s1", SUPPORT) >> enters("c3", ago=30)
    matcher = play.core.engine.matcher
    assert [call.id for call in matcher.line(play.now)] == ["s1", "c1", "c3", "c2"]
    assert [call.id for call in matcher.line(play.now + 180)] == ["c1", "c3", "c2", "s1"]
    assert [call.id for call in matcher.line(play.now, lines[0].name)] == ["c1", "c3", "c2"]
    assert matcher.position(CallId("s1"), play.now + 180) == 4
    assert matcher.position(CallId("s1"), play.now + 180, lines[1].name) == 1
    assert matcher.position(CallId("gone"), play.now) is None
    assert play.now > START
