"""A conversation and its end, in whatever order Asterisk tells it, and the agent's wrap-up after it."""

from __future__ import annotations

from itertools import permutations

import pytest

from acd.ivr.core import Core
from acd.queues import asked
from acd.queues import events as ev
from acd.queues.model import CallId, OfferResult, Outcome, Side, SurveyKind
from tests.playbooks.playbook import Playbook, start
from tests.playbooks.words import (
    SALES,
    after,
    agent,
    agent_is,
    agent_leg_gone,
    asks,
    connected,
    enters,
    event,
    fact,
    hangs_up,
    held,
    leaves,
    login,
    logout,
    mirrors,
    no,
    own_call,
    own_call_ends,
    pause,
    picks_up,
    plan,
    presses,
    queue,
    reachable,
    ready,
    ringing,
    rings,
    says_bye,
    served,
    talk_ends,
    timer,
    timer_due,
)

AGENT, CALLER, SYSTEM = Side.AGENT, Side.CALLER, Side.SYSTEM


def talking(**queue_facts) -> Playbook:
    """c1 talks with 1001, since 10 s."""
    play = start(plan([agent("1001", sales=5)], [queue("sales", "sales >= 1", SALES, **queue_facts)]))
    assert play >> login("1001") >> enters("c1") << rings("c1", "1001")
    for step in served("c1.1"):
        assert play >> step
    assert play >> after(10)
    return play


def test_a_caller_who_hangs_up_while_talking():
    play = talking()
    assert (
        play
        >> hangs_up("c1", CALLER)
        << fact("c1", "talk_ended", by="caller", agent="1001")
        << agent_is("1001", "wrap_up")
        << timer("wrap:1001", in_s=15)
        >> agent_leg_gone("c1.1")
        >> leaves("c1")
        << fact("c1", "ended", outcome="answered", by="caller")
    )
    record = play.record("c1")
    assert (record.talk_s, record.survey_result) == (10.0, "not_offered")


def test_a_conversation_that_asterisks_end_cuts_is_lost():
    play = talking()
    assert (
        play
        >> hangs_up("c1", SYSTEM)
        << fact("c1", "talk_ended", by="system", agent="1001")
        << agent_is("1001", "wrap_up")
        >> agent_leg_gone("c1.1")
        >> talk_ends("c1.1")
        << no(fact("c1", "survey_asked"))
        >> leaves("c1")
        << fact("c1", "ended", outcome="lost", by="system")
    )


def test_a_call_that_asterisks_end_cuts_is_offered_to_nobody_any_more():
    play = start(plan([agent("1001", sales=5), agent("1002", sales=1)]))
    assert play >> login("1001") >> enters("c1") << rings("c1", "1001") >> ringing("c1.1")
    assert play >> hangs_up("c1", SYSTEM) >> login("1002") << no(rings("c1", "1002"))
    assert play >> leaves("c1") << fact("c1", "ended", outcome="lost", by="system")


def test_who_was_served_before_asterisks_end_stays_answered():
    play = talking()
    assert play >> hangs_up("c1", AGENT) >> talk_ends("c1.1") << asks("c1", 1, "acd/nps-question")
    assert play >> hangs_up("c1", SYSTEM) >> leaves("c1") << fact("c1", "ended", outcome="answered", by="system")


def test_an_agent_who_hangs_up_leaves_the_caller_to_the_survey():
    play = talking()
    assert (
        play
        >> hangs_up("c1", AGENT)
        << agent_is("1001", "wrap_up")
        >> agent_leg_gone("c1.1")
        >> talk_ends("c1.1")
        << fact("c1", "survey_asked")
        << asks("c1", 1, "acd/nps-question")
        >> after(2)
        >> presses("c1", "9", 1)
        << fact("c1", "survey_ended", result="answered", score=9)
        << says_bye("c1", "acd/nps-thanks")
        >> leaves("c1")
    )
    record = play.record("c1")
    assert (record.outcome, record.ended_by, record.talk_s) == (Outcome.ANSWERED, "agent", 10.0)
    assert (record.survey_result, record.survey_score) == ("answered", 9)


def test_a_caller_who_hung_up_is_not_asked_whatever_comes_late():
    play = talking()
    assert play >> hangs_up("c1", CALLER) >> talk_ends("c1.1") << no(fact("c1", "survey_asked")) >> leaves("c1")


ENDINGS = {
    "leg": agent_leg_gone("c1.1"),
    "agent": hangs_up("c1", AGENT),
    "talk": talk_ends("c1.1"),
    "left": leaves("c1"),
}


@pytest.mark.parametrize("order", list(permutations(ENDINGS)), ids="-".join)
def test_the_end_of_a_conversation_may_be_told_in_any_order_and_twice(order):
    play = talking(survey=SurveyKind.NONE)
    for name in order:
        play >> ENDINGS[name]
        if name == "talk" and order.index("talk") < order.index("left"):
            play << says_bye("c1")
        assert play >> ENDINGS[name]
    record = play.record("c1")
    assert (record.outcome, record.talk_s, record.agent) == (Outcome.ANSWERED, 10.0, "1001")
    assert [one.fact for one in record.events].count("talk_ended") == 1
    assert play.core.engine.desk.agents["1001"].call_id is None
    assert play.timers() == {"wrap:1001"}
    assert play >> after(15) << agent_is("1001", "ready")


def test_a_bridge_seen_before_the_pick_up_is_the_same_conversation():
    plain = talking()
    mixed = start(plan([agent("1001", sales=5)]))
    assert mixed >> login("1001") >> enters("c1") << rings("c1", "1001")
    assert mixed >> connected("c1.1") >> picks_up("c1.1") >> ringing("c1.1") >> connected("c1.1") >> after(10)
    for play in (plain, mixed):
        assert play >> hangs_up("c1", CALLER) >> leaves("c1")
    assert plain.record("c1").offers == mixed.record("c1").offers
    assert plain.record("c1").talk_s == mixed.record("c1").talk_s == 10.0


def test_wrap_up_ends_by_itself_and_the_next_call_comes():
    play = talking(wrap_up_s=30)
    assert play >> leaves("c1") << agent_is("1001", "wrap_up") >> enters("c2") >> after(29.9)
    assert play >> after(0.1) << rings("c2", "1001")


def test_ready_ends_a_wrap_up():
    play = talking()
    assert play >> leaves("c1") >> enters("c2") >> after(3) >> ready("1001") << rings("c2", "1001")
    assert "wrap:1001" not in play.timers()


def test_an_old_wrap_ups_timer_does_not_end_a_new_one():
    play = talking()
    assert play >> leaves("c1") >> ready("1001") >> enters("c2") << rings("c2", "1001")
    assert play >> connected("c2.1") >> leaves("c2") << agent_is("1001", "wrap_up")
    assert play >> timer_due("wrap:1001") << timer("wrap:1001", in_s=15) << no(agent_is("1001", "ready"))
    assert play >> after(15) << agent_is("1001", "ready")


def test_without_wrap_up_the_agent_is_ready_at_once():
    assert talking(wrap_up_s=0) >> leaves("c1") << agent_is("1001", "ready")


def test_a_pause_or_a_logout_while_talking_takes_effect_when_the_conversation_ends():
    assert (
        talking()
        >> pause("1001", "lunch")
        << no(agent_is("1001", "paused"))
        << mirrors("1001", paused=True)
        >> leaves("c1")
        << agent_is("1001", "paused", reason="lunch")
        >> ready("1001")
        << agent_is("1001", "ready")
        << mirrors("1001", paused=False)
    )
    assert talking() >> logout("1001") >> leaves("c1") << agent_is("1001", "offline") >> after(60)
    assert talking() >> pause("1001") >> ready("1001") >> leaves("c1") << agent_is("1001", "wrap_up")


def test_a_pause_or_a_logout_ends_a_wrap_up():
    play = talking()
    assert play >> leaves("c1") >> pause("1001") << agent_is("1001", "paused")
    assert play.timers() == set()
    play = talking()
    assert play >> leaves("c1") >> logout("1001") << agent_is("1001", "offline") << mirrors("1001", member=False)
    assert play >> login("1001") << agent_is("1001", "ready")


def test_orders_for_a_paused_or_absent_agent():
    play = start(plan([agent("1001", sales=5)]))
    assert play >> pause("1001") << no(agent_is("1001", "paused")) >> ready("1001") << no(agent_is("1001", "ready"))
    assert play >> login("1001") << agent_is("1001", "ready") >> login("1001") << no(agent_is("1001", "ready"))
    assert play >> pause("1001", "lunch") << agent_is("1001", "paused", reason="lunch")
    assert play >> pause("1001", "training") << agent_is("1001", "paused", reason="training")
    assert play >> logout("1001") << agent_is("1001", "offline", reason=None)
    assert play >> login("1001") << agent_is("1001", "ready")


def test_an_order_that_cannot_be_taken_is_refused_with_a_reason():
    engine = start_and_forget().engine

    def refusal(one):
        return getattr(engine.refusal(one), "code", None)

    assert refusal(ev.AgentLogin(1.0, "1001")) is None
    assert refusal(ev.AgentReady(1.0, "1001")) == "not_allowed"
    assert refusal(ev.AgentPause(1.0, "1001", "x")) == "not_allowed"
    assert refusal(ev.AgentLogin(1.0, "9")) == "unknown_agent"
    assert refusal(asked.Disposed(1.0, "c1", "sold", None, "")) == "unknown_call"
    engine.handle(ev.CallEntered(1.0, CallId("c1"), "main", SALES, "", "", 1.0))
    assert refusal(asked.Disposed(1.0, "c1", "sold", None, "")) == "not_allowed"


def start_and_forget() -> Core:
    return Core(plan([agent("1001", sales=5)]))


def test_ready_does_not_cost_a_ready_agent_the_place_among_the_idle():
    play = start(plan([agent("1001", sales=5), agent("1002", sales=5)]))
    assert play >> login("1001") >> after(1) >> login("1002") >> after(1) >> ready("1001")
    assert play >> enters("c1") << rings("c1", "1001")


def test_a_call_of_ones_own_while_talking_is_seen_after_it():
    assert (
        talking(wrap_up_s=0)
        >> own_call("1001")
        >> leaves("c1")
        << agent_is("1001", "busy")
        >> own_call_ends("1001")
        << agent_is("1001", "ready")
    )


def test_a_phone_that_goes_while_talking_is_seen_after_it():
    assert (
        talking(wrap_up_s=0)
        >> reachable("1001", False)
        >> leaves("c1")
        << agent_is("1001", "unreachable")
        >> reachable("1001")
        << agent_is("1001", "ready")
    )


def test_a_caller_whose_conversation_broke_goes_back_to_the_old_place():
    play = talking(wrap_up_s=0)
    joined_at = play.core.engine.calls["c1"].joined_at
    assert play >> pause("1001") >> agent_leg_gone("c1.1") >> held("c1")
    assert play >> enters("c2", ago=5) >> ready("1001") << rings("c1", "1001", joined_at=joined_at)
    assert play >> talk_ends("c1.1") >> connected("c1.2") >> after(5) >> leaves("c1") << rings("c2", "1001")
    record = play.record("c1")
    assert (record.outcome, record.talk_s, record.wait_s) == (Outcome.ANSWERED, 15.0, 0.0)


def test_a_hold_told_twice_or_late_does_not_disturb_a_conversation_or_a_survey():
    play = talking()
    assert play >> held("c1") << no(fact("c1", "talk_ended")) >> talk_ends("c1.1") << asks("c1", 1)
    assert play >> ready("1001") >> held("c1") >> presses("c1", "7", 1) << says_bye("c1")


def test_a_disposition_is_kept_with_a_live_and_with_an_ended_call():
    play = talking()
    says = event("1001 says what became of it", lambda at: asked.Disposed(at, CallId("c1"), "sold", 12.5, "gladly"))
    assert play >> says << fact("c1", "disposition", code="sold", amount=12.5)
    assert play >> leaves("c1") >> says << fact("c1", "disposition", note="gladly")
    record = play.record("c1")
    assert record.disposition == {"code": "sold", "amount": 12.5, "note": "gladly"}
    fresh = start(plan([agent("1001", sales=5)]))
    late = event("a late one", lambda at: asked.Disposed(at, CallId("c1"), "void", None, "", record))
    assert fresh >> late << fact("c1", "disposition", code="void")
    assert fresh.record("c1").seq == record.seq + 1
    unknown = event("of nothing", lambda at: asked.Disposed(at, CallId("c9"), "void", None, ""))
    assert fresh >> unknown << no(fact("c9", "disposition"))


def test_the_day_counts_what_the_records_say():
    play = talking(service_level_s=0)
    begun = event("a day begins", lambda at: ev.DayBegan(at, at - 3600))
    assert play >> begun >> leaves("c1") >> enters("c2") >> after(3) >> leaves("c2") >> after(12)
    figures = play.core.book.figures
    today = figures.queue("sales")
    assert (today.offered, today.answered, today.abandoned, today.service_level) == (2, 1, 1, 0.5)
    assert (figures.agent("1001").answered, figures.agent("1001").talk_s) == (1, 10.0)
    assert figures.agent("1001").missed == 0


def test_a_conversation_within_a_refused_offer_is_impossible():
    play = talking()
    assert play >> event("late", lambda at: ev.OfferEnded(at, "c1.1", OfferResult.REFUSED))
    assert play.core.engine.calls["c1"].phase == "talking"
