"""What a supervisor orders about a waiting call, and what a call brings with it from its number."""

from __future__ import annotations

import pytest

from acd.errors import NotAllowed, UnknownAgent, UnknownCall, UnknownQueue
from acd.ivr.core import Core
from acd.queues import events as ev
from acd.queues.journey import own_priority
from acd.queues.model import About, OfferResult, Side
from tests.playbooks.playbook import Playbook, start
from tests.playbooks.words import (
    SALES,
    SUPPORT,
    Step,
    after,
    agent,
    agent_is,
    asks,
    away,
    enters,
    fact,
    found,
    hangs_up,
    held,
    holds,
    leaves,
    login,
    moved,
    no,
    node_lost,
    node_read,
    notes_queue,
    offer_ends,
    picks_up,
    plan,
    prioritised,
    pulled,
    queue,
    rings,
    served,
    stops,
    talk_ends,
    timer,
    timer_due,
    withdraws,
)

ANNA = agent("1001", sales=5)
BORIS = agent("1002", support=5)
TWO_QUEUES = [
    queue("sales", "sales >= 1", SALES),
    queue("support", "support >= 1", SUPPORT, relax={60.0: "sales >= 1"}),
]


def shop(**known: object) -> Playbook:
    """Анна sells, Борис supports; both are logged out."""
    return start(plan([ANNA, BORIS], TWO_QUEUES, **known))  # type: ignore[arg-type]


def refused(play: Playbook, step: Step) -> Exception | None:
    return play.core.engine.refusal(step.event(play.now))


# -- what a call brings -------------------------------------------------------------------------------------


def test_a_known_caller_and_a_known_number_bring_their_points():
    known = {"numbers": {SALES: About(2)}, "callers": {"+79160000001": About(3)}}
    play = shop(**known)
    assert (
        play
        >> enters("old", number="+79160000009", ago=60)
        << fact("old", "entered", priority=2)
        >> enters("known", number="+79160000001")
        << fact("known", "entered", priority=5)
        >> login("1001")
        << rings("known", "1001")
    )
    assert own_priority(play.record("known")) == 5


def test_a_call_nobody_knows_has_no_points_to_speak_of():
    play = shop()
    assert play >> enters("c1") << fact("c1", "entered", priority=None)
    assert own_priority(play.record("c1")) is None


def test_who_speaks_english_gets_those_who_ask_for_it():
    agents = [agent("1001", sales=5), agent("1002", sales=5, en=5)]
    queues = [queue("sales", "sales and (language == 'ru' or en >= 5)", SALES, SUPPORT)]
    play = start(plan(agents, queues, attributes={"language": "ru"}, numbers={SUPPORT: About(0, {"language": "en"})}))
    assert (
        play
        >> login("1001")
        >> enters("english", SUPPORT)
        >> enters("russian", SALES)
        << rings("russian", "1001")
        >> login("1002")
        << rings("english", "1002")
    )


def test_the_callers_word_goes_before_the_numbers_and_that_before_the_hotlines():
    play = start(
        plan(
            [ANNA],
            attributes={"language": "ru", "town": "Москва"},
            numbers={SALES: About(0, {"language": "en"})},
            callers={"+79160000001": About(0, {"language": "de"})},
        )
    )
    assert (
        play >> enters("plain", "+" + SALES) >> enters("german", number="+79160000001") >> enters("hidden", number="")
    )
    attributes = {call.id: dict(call.attributes) for call in play.core.engine.calls.values()}
    assert attributes["plain"] == {"language": "en", "town": "Москва", "did": SALES, "number": "79160000001"}
    assert attributes["german"]["language"] == "de"
    assert "number" not in attributes["hidden"]


# -- priority -----------------------------------------------------------------------------------------------


def test_more_points_go_before_age():
    assert (
        shop()
        >> enters("old", ago=120)
        >> enters("vip")
        >> prioritised("vip", 5)
        << fact("vip", "priority", priority=5, by="olga")
        >> login("1001")
        << rings("vip", "1001")
    )


def test_points_take_the_place_of_those_the_call_had():
    play = shop(callers={"79160000001": About(30)})
    assert play >> enters("c1") >> prioritised("c1", -1) >> prioritised("c1", 2)
    assert play.core.engine.calls["c1"].priority == 2
    assert own_priority(play.record("c1")) == 2


def test_a_ringing_call_can_be_given_points_for_the_case_that_it_comes_back():
    assert (
        shop()
        >> login("1001")
        >> enters("c1")
        << rings("c1", "1001")
        >> prioritised("c1", 9)
        << fact("c1", "priority")
        >> enters("c2", ago=400)
        >> offer_ends("c1.1", OfferResult.NO_ANSWER)
        << rings("c1", "1001")
    )


# -- move ---------------------------------------------------------------------------------------------------


def test_a_moved_call_keeps_its_place_and_is_offered_in_its_new_queue():
    play = shop()
    assert play >> login("1002") >> enters("c1") >> enters("other", SUPPORT, ago=1) << rings("other", "1002")
    joined_at = play.core.engine.calls["c1"].joined_at
    assert (
        play
        >> after(10)
        >> moved("c1", "support")
        << fact("c1", "moved", queue="support", by="olga")
        << fact("c1", "queued", queue="support", joined_at=joined_at)
        << notes_queue("c1", "support")
        >> enters("late", SUPPORT)
        >> leaves("other")
        << rings("c1", "1002", queue="support", joined_at=joined_at)
    )
    record = play.record("c1")
    assert (record.queue, record.queued_at) == ("support", joined_at)


def test_the_steps_of_the_new_queue_count_from_the_old_join_time():
    play = shop()
    assert play >> login("1001") >> enters("first") << rings("first", "1001") >> enters("c1") >> after(15)
    assert play >> moved("c1", "support") << timer("relax:c1:0", in_s=45)
    assert play >> leaves("first") >> after(44.9) >> after(0.1) << rings("c1", "1001")


def test_the_steps_of_the_old_queue_are_over():
    play = shop()
    assert play >> enters("c1", SUPPORT) << timer("relax:c1:0", in_s=60) >> moved("c1", "sales")
    assert play.timers() == {"limit:c1"}


def test_a_move_to_where_it_is_changes_nothing():
    assert shop() >> enters("c1") >> moved("c1", "sales") << no(fact("c1", "moved")) << no(fact("c1", "queued"))


def test_other_music_is_played_at_once():
    queues = [queue("sales", "sales", SALES, music="jazz"), queue("support", "support", SUPPORT)]
    assert start(plan([ANNA, BORIS], queues)) >> enters("c1") >> moved("c1", "support") << holds("c1", "support")


def test_moving_a_ringing_call_stops_the_phone():
    play = shop()
    assert (
        play
        >> login("1001")
        >> login("1002")
        >> enters("c1")
        << rings("c1", "1001")
        >> moved("c1", "support")
        << withdraws("c1.1")
        << rings("c1", "1002")
        << fact("c1", "offer_ended", agent="1001", result="withdrawn")
        << agent_is("1001", "ready")
    )
    assert play.core.engine.desk.agents["1001"].missed_in_row == 0


# -- pull ---------------------------------------------------------------------------------------------------


def test_a_pulled_call_rings_at_this_agent_before_others_and_whatever_the_skills():
    assert (
        shop()
        >> enters("first", ago=60)
        >> enters("c1")
        >> login("1002")
        >> pulled("c1", "1002")
        << fact("c1", "pulled", agent="1002", by="olga")
        << rings("c1", "1002", queue="sales")
        << no(fact("first", "offered"))
    )


@pytest.mark.parametrize("result", [OfferResult.NO_ANSWER, OfferResult.REFUSED, OfferResult.BUSY])
def test_a_pulled_call_that_is_not_taken_is_back_at_its_place(result):
    play = shop()
    assert play >> login("1002") >> enters("c1") >> enters("c2") >> pulled("c1", "1002") << rings("c1", "1002")
    joined_at = play.core.engine.calls["c1"].joined_at
    assert (
        play
        >> offer_ends("c1.1", result)
        >> held("c1")
        >> after(60)
        >> login("1001")
        << rings("c1", "1001", joined_at=joined_at)
    )


def test_a_call_that_rings_elsewhere_is_taken_from_there():
    assert (
        shop()
        >> login("1001")
        >> login("1002")
        >> enters("c1")
        << rings("c1", "1001")
        >> enters("c2")
        >> pulled("c1", "1002")
        << withdraws("c1.1")
        << rings("c1", "1002")
        << rings("c2", "1001")
    )


def test_a_pull_to_the_phone_that_rings_changes_nothing():
    assert (
        shop()
        >> login("1001")
        >> enters("c1")
        << rings("c1", "1001")
        >> pulled("c1", "1001")
        << no(fact("c1", "pulled"))
    )


def test_a_pulled_call_is_served_like_any_other():
    play = shop()
    assert play >> login("1002") >> enters("c1") >> pulled("c1", "1002") << rings("c1", "1002")
    for step in served("c1.1"):
        assert play >> step
    assert play >> talk_ends("c1.1") << asks("c1", 1) << agent_is("1002", "wrap_up")
    assert play.record("c1").agent == "1002"


# -- refusals -----------------------------------------------------------------------------------------------

ORDERS = [prioritised("c1", 5), moved("c1", "support"), pulled("c1", "1002")]


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_strangers_and_ended_calls(order):
    play = shop()
    assert play >> login("1002")
    assert isinstance(refused(play, order), UnknownCall)
    assert play >> enters("c1") >> leaves("c1")
    assert isinstance(refused(play, order), NotAllowed)
    assert play >> order  # and if it comes all the same, it does nothing


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_a_call_that_has_an_agent_is_theirs(order):
    play = shop()
    assert play >> login("1001") >> login("1002") >> enters("c1") << rings("c1", "1001") >> picks_up("c1.1")
    assert "picked it up" in str(refused(play, order))
    for step in served("c1.1"):
        assert play >> step
    assert "talked on" in str(refused(play, order))
    assert play >> talk_ends("c1.1") << asks("c1", 1) >> order << no(fact("c1", "moved")) << no(fact("c1", "pulled"))
    assert isinstance(refused(play, order), NotAllowed)


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_a_caller_who_hangs_up_and_a_daemon_that_stops(order):
    play = shop()
    assert play >> login("1002") >> enters("c1") >> hangs_up("c1", Side.CALLER)
    assert "hanging up" in str(refused(play, order))
    play = shop()
    assert play >> login("1002") >> enters("c1") >> stops() >> order
    assert "stopping" in str(refused(play, order))


@pytest.mark.parametrize("gone", [node_lost(), away("c1")], ids=str)
def test_a_call_that_cannot_be_steered_keeps_its_place_and_may_be_given_points(gone):
    play = shop()
    assert play >> login("1002") >> enters("c1") >> gone
    assert [isinstance(refused(play, order), NotAllowed) for order in ORDERS] == [False, True, True]


def test_unknown_queues_and_agents_and_those_who_are_not_ready():
    play = shop()
    assert play >> enters("c1")
    assert isinstance(refused(play, moved("c1", "salse")), UnknownQueue)
    assert isinstance(refused(play, pulled("c1", "9999")), UnknownAgent)
    assert str(refused(play, pulled("c1", "1002"))).startswith("agent 1002 is offline")
    assert play >> login("1002") >> enters("c2", SUPPORT) << rings("c2", "1002")
    assert str(refused(play, pulled("c1", "1002"))).startswith("agent 1002 is offered")


# -- restarts -----------------------------------------------------------------------------------------------


def test_points_given_by_a_supervisor_outlive_the_daemon_and_the_rest_comes_from_the_plan_again():
    before = shop(callers={"79160000001": About(30)})
    assert before >> enters("c1") >> prioritised("c1", 7) >> enters("c2")
    records = tuple(before.record(call) for call in ("c1", "c2"))
    play = shop(callers={"79160000001": About(1, {"language": "en"})})
    restored = Step("the records are read", lambda at: ev.Restored(at, records))
    assert play >> restored >> node_read(found("c1", "hold"), found("c2", "hold"), reachable=("1001", "1002"))
    calls = play.core.engine.calls
    assert (calls["c1"].priority, calls["c2"].priority) == (7, 30), "an order; what it came with"
    assert calls["c2"].attributes["language"] == "en"


def test_a_call_found_in_asterisk_is_introduced_like_one_that_comes():
    play = shop(callers={"79160000001": About(30, {"language": "en"})})
    assert play >> node_read(found("c1", "hold"))
    call = play.core.engine.calls["c1"]
    assert (call.priority, call.attributes["language"]) == (30, "en")


def test_the_same_events_give_the_same_commands():
    play = shop()
    assert play >> login("1002") >> enters("c1") >> prioritised("c1", 1) >> pulled("c1", "1002") << rings("c1", "1002")
    assert play >> moved("c1", "support") << withdraws("c1.1") << rings("c1", "1002") >> timer_due("nothing")
    core = Core(play.core.engine.plan)
    assert [command for event in play.log for command in core.handle(event)] == play.commands
