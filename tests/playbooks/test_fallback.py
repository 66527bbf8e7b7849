"""Callers in Asterisk's own hands: who talks there, who came home, and the records of those who have left meanwhile."""

from __future__ import annotations

import pytest

from acd.queues import events as ev
from acd.queues.found import Elsewhere, Left, NotedCall
from acd.queues.model import AgentId, CallId, OfferId, Outcome, Side, SurveyResult
from tests.playbooks.playbook import START, Playbook, start
from tests.playbooks.words import (
    NODE,
    SALES,
    Step,
    after,
    agent,
    agent_is,
    agent_leg_gone,
    asks,
    away,
    connected,
    enters,
    event,
    fact,
    found,
    leaves,
    login,
    no,
    node_lost,
    node_read,
    plan,
    queue,
    restored,
    rings,
    says_bye,
    talk_ends,
    withdraws,
)

ALL = ("1001", "1002")
ANNA = AgentId("1001")


def shop(*logged_in: str, **queue_facts) -> Playbook:
    play = start(plan([agent(one, sales=5) for one in ALL], [queue("sales", "sales >= 1", SALES, **queue_facts)]))
    for one in logged_in:
        assert play >> login(one) >> after(1)
    return play


def in_fallback(call: str, agent_id: str = "", since: float | None = None, **more: object):
    """A caller found in the fallback queue, talking with this agent."""
    elsewhere = Elsewhere(START - 5, since, AgentId(agent_id) if agent_id else None)
    if agent_id:
        more |= {"bridged": True, "handed_over": True, "agent_id": agent_id, "offer_id": f"{call}.t7"}
    return found(call, "fallback", elsewhere=elsewhere, talking_since=since, **more)


def taken(call: str, agent_id: str) -> Step:
    def make(at: float) -> ev.CallTaken:
        return ev.CallTaken(at, CallId(call), OfferId(f"{call}.t7"), AgentId(agent_id))

    return event(f"the fallback queue gives {call} to {agent_id}", make)


def served(call: str, agent_id: str, ago: float) -> Step:
    return event(
        f"{agent_id} has served {call} in the fallback queue",
        lambda at: ev.CallServed(at, CallId(call), AgentId(agent_id), at - ago),
    )


def noted(call: str, **more: object) -> Step:
    """The dialplan's note of a call that ended unheard, five seconds after the playbook's beginning."""
    facts = {"did": SALES, "number": "79160000001", "entered_at": START - 60, "verb": "fallback", **more}
    seen = NotedCall(call_id=CallId(call), **{"ended_at": START + 5, **facts})  # type: ignore[arg-type]
    return event(f"{call} was noted", lambda at: ev.CallsNoted(at, NODE, (seen,)))


# -- who talks there ----------------------------------------------------------------------------------------


def test_a_conversation_of_the_fallback_queue_is_one_of_its_agent() -> None:
    play = shop("1001", wrap_up_s=10)
    assert (
        play
        >> node_read(in_fallback("c1", "1001", START - 3), reachable=ALL)
        << agent_is("1001", "talking", call_id="c1")
    )
    assert play >> enters("c2") << no(rings("c2", "1001"))
    assert play >> after(7) >> agent_leg_gone("c1.t7") << agent_is("1001", "wrap_up")
    record = play.record("c1")
    assert (record.agent, record.fallback, record.answered_at, record.talk_s) == (ANNA, True, START - 3, 11.0)


def test_an_agent_who_picks_up_while_we_look_is_talking_too() -> None:
    play = shop("1001", "1002")
    assert play >> node_read(in_fallback("c1"), reachable=ALL, own=(("1001", "PJSIP/1001-7"),))
    assert play >> enters("c2") << rings("c2", "1002")
    assert play >> taken("c1", "1001") << agent_is("1001", "talking", call_id="c1")
    assert play.record("c1").agent == ANNA


def test_an_agent_who_talks_there_is_rung_for_nobody_else() -> None:
    play = shop("1001")
    assert play >> node_read(in_fallback("c1"), reachable=ALL) >> enters("c2") << rings("c2", "1001")
    assert play >> taken("c1", "1001") << withdraws("c2.1") << fact("c2", "offer_ended", result="withdrawn")
    assert play >> after(1) >> node_read(in_fallback("c1", "1001", START), found("c2", "hold"), reachable=ALL)
    assert [leg.agent for leg in play.record("c1").legs] == [ANNA]


def test_an_offer_of_the_last_daemon_is_not_withdrawn_from_a_caller_who_is_elsewhere() -> None:
    """The agent whose phone rang for c1 has taken c2 meanwhile, and somebody else c1: no order may break that up."""
    before = shop("1001")
    assert before >> enters("c1") << rings("c1", "1001")
    play = shop("1001", "1002")
    seen = in_fallback("c2", "1001", START - 4), in_fallback("c1", "1002", START - 3)
    assert play >> restored(before.record("c1")) >> after(5) >> node_read(*seen, reachable=ALL) << no(withdraws("c1.1"))
    assert [play.record(one).agent for one in ("c1", "c2")] == ["1002", "1001"]
    assert [offer.result for offer in play.record("c1").offers] == ["withdrawn"]
    assert play >> enters("c3") << no(rings("c3", "1001")) << no(rings("c3", "1002"))


def test_the_survey_follows_a_conversation_of_the_fallback_queue() -> None:
    play = shop("1001")
    assert play >> node_read(in_fallback("c1", "1001", START - 3), reachable=ALL) >> after(4)
    assert play >> agent_leg_gone("c1.t7") >> served("c1", "1001", 7) << asks("c1", 1)


def test_who_was_served_there_unheard_is_not_put_in_line_again() -> None:
    """The daemon comes back between the agent's hang-up and the dialplan's."""
    play = shop("1001")
    just_now = Elsewhere(START - 40, START - 30, ANNA, START - 2)
    assert play >> node_read(found("c1", "after", elsewhere=just_now), reachable=ALL) << asks("c1", 1)
    assert play >> after(1) >> leaves("c1")
    record = play.record("c1")
    assert (record.agent, record.talk_s, record.outcome) == (ANNA, 28.0, Outcome.ANSWERED)


def test_a_second_conversation_there_is_a_second_leg() -> None:
    """An agent sent the caller on, with no daemon to see it."""
    play = shop("1001", "1002")
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> after(20) >> node_lost()
    assert play >> after(30) >> node_read(in_fallback("c1", "1002", START + 40), reachable=ALL)
    assert [(leg.agent, leg.talk_s) for leg in play.record("c1").legs] == [(ANNA, 38.0), (AgentId("1002"), None)]
    assert play >> after(1) << no(agent_is("1001", "talking"))


# -- who has left meanwhile ---------------------------------------------------------------------------------


def test_a_call_that_nobody_heard_of_gets_its_record() -> None:
    play = shop("1001")
    elsewhere = Elsewhere(START - 60, START - 40, ANNA, START - 10)
    assert play >> after(30) >> noted("c1", elsewhere=elsewhere, over_at=START - 10) << no(agent_is("1001", "talking"))
    record = play.record("c1")
    assert (record.number, record.did, record.queue) == ("79160000001", SALES, "sales")
    assert (record.wait_s, record.talk_s, record.agent) == (20.0, 30.0, ANNA)
    assert (record.outcome, record.ended_by, record.ended_at) == (Outcome.ANSWERED, Side.AGENT, START + 5)
    assert record.fallback and record.reconciled
    assert play >> login("1001") << no(rings("c1", "1001"))


@pytest.mark.parametrize(
    ("left", "outcome", "by"),
    [
        (Left.CALLER, Outcome.ABANDONED, Side.CALLER),
        (Left.ENOUGH, Outcome.TIMED_OUT, Side.SYSTEM),
        (Left.CUT, Outcome.LOST, Side.SYSTEM),
    ],
)
def test_a_call_that_nobody_took_is_told_by_who_ended_it(left: Left, outcome: Outcome, by: Side) -> None:
    play = shop()
    assert play >> after(30) >> noted("c1", elsewhere=Elsewhere(START - 60), left=left)
    record = play.record("c1")
    assert (record.outcome, record.ended_by, record.wait_s) == (outcome, by, 65.0)


def test_a_note_is_read_once() -> None:
    play = shop()
    assert play >> after(30) >> noted("c1") << fact("c1", "ended") >> noted("c1") << no(fact("c1", "ended"))


def test_a_call_that_waited_under_us_keeps_its_record() -> None:
    play = shop()
    assert play >> enters("c1") >> node_lost() >> after(30)
    elsewhere = Elsewhere(START + 10, START + 12, ANNA, START + 20)
    assert (
        play
        >> noted("c1", elsewhere=elsewhere, over_at=START + 20, ended_at=START + 25, left=Left.SYSTEM)
        << fact("c1", "fallback")
        << fact("c1", "ended", outcome="answered")
        << no(fact("c1", "entered"))
    )
    record = play.record("c1")
    assert (record.agent, record.wait_s, record.talk_s, record.ended_at) == (ANNA, 12.0, 8.0, START + 25)
    assert play >> node_read(reachable=ALL) << no(fact("c1", "ended"))


def test_a_conversation_of_ours_that_ended_unheard_is_as_long_as_it_was() -> None:
    play = shop("1001", wrap_up_s=0)
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> node_lost() >> after(60)
    assert play >> noted("c1", verb="connect", ended_at=START + 41) << agent_is("1001", "ready")
    record = play.record("c1")
    assert (record.talk_s, record.ended_by) == (40.0, Side.CALLER)


def test_a_call_answered_unheard_is_answered() -> None:
    """The phone rang when we died; when it was answered is not known, so the ringing counts as talk."""
    play = shop("1001")
    assert play >> enters("c1") << rings("c1", "1001") >> node_lost() >> after(60)
    note = noted("c1", verb="after", offer_id="c1.1", dialled_at=START + 1, over_at=START + 31, ended_at=START + 36)
    assert play >> note << fact("c1", "connected", agent="1001") << no(agent_is("1001", "talking"))
    record = play.record("c1")
    assert (record.agent, record.outcome, record.talk_s) == (ANNA, Outcome.ANSWERED, 30.0)
    assert [offer.result for offer in record.offers] == ["answered"]


def test_a_call_answered_after_we_took_the_offer_back_on_a_dead_link_is_answered() -> None:
    play = shop("1001")
    assert (
        play
        >> enters("c1")
        << rings("c1", "1001")
        >> node_lost()
        >> event("stop", ev.Stopping)
        << fact("c1", "offer_ended", result="withdrawn")
        >> after(60)
    )
    assert [offer.result for offer in play.record("c1").offers] == ["withdrawn"]
    note = noted("c1", verb="after", offer_id="c1.1", offered_to=ANNA, dialled_at=START + 1, over_at=START + 31)
    assert play >> note << fact("c1", "connected", agent="1001", offer_id="c1.1") << no(agent_is("1001", "talking"))
    assert (play.record("c1").agent, play.record("c1").outcome) == (ANNA, Outcome.ANSWERED)


def test_a_call_answered_at_an_offer_we_had_no_time_to_keep_is_answered() -> None:
    play = shop("1001")
    assert play >> enters("c1") << rings("c1", "1001") >> node_lost() >> after(60)
    note = noted(
        "c1", verb="after", offer_id="c1.2", offered_to=AgentId("1002"), dialled_at=START + 1, over_at=START + 3
    )
    assert play >> note << fact("c1", "connected", agent="1002", offer_id="c1.2")
    assert (play.record("c1").agent, play.record("c1").outcome) == ("1002", Outcome.ANSWERED)


def test_a_conversation_that_was_heard_of_is_not_told_again_by_the_note() -> None:
    play = shop("1001", wrap_up_s=0)
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> after(10)
    assert play >> talk_ends("c1.1") << asks("c1", 1, "acd/nps-question") >> node_lost() >> after(60)
    note = noted("c1", verb="after", offer_id="c1.1", offered_to=ANNA, dialled_at=START + 1, over_at=START + 11)
    assert play >> note << no(fact("c1", "connected")) << fact("c1", "ended", outcome="answered")
    assert len(play.record("c1").legs) == 1


def test_who_was_served_unheard_is_asked_and_not_put_in_line_again() -> None:
    """The daemon died while the phone rang; the next one finds the caller after the conversation."""
    play = shop("1001", "1002", wrap_up_s=10)
    assert play >> enters("c1") << rings("c1", "1001") >> node_lost() >> after(20)
    over = {"offer_id": "c1.1", "agent_id": "1001", "dialled_at": START + 2, "over_at": START + 20}
    assert (
        play
        >> node_read(found("c1", "after", **over), reachable=ALL)
        << fact("c1", "connected", agent="1001")
        << fact("c1", "talk_ended", agent="1001", by="agent")
        << agent_is("1001", "wrap_up")
        << asks("c1", 1, "acd/nps-question")
        << no(rings("c1", "1002"))
    )


def test_who_was_served_at_an_offer_we_had_no_time_to_keep_is_asked() -> None:
    play = shop("1001", "1002")
    assert play >> enters("c1") << rings("c1", "1001") >> node_lost() >> after(20)
    over = {"offer_id": "c1.2", "agent_id": "1002", "dialled_at": START + 2, "over_at": START + 20}
    assert play >> node_read(found("c1", "after", **over), reachable=ALL) << asks("c1", 1, "acd/nps-question")
    record = play.record("c1")
    assert (record.agent, [offer.result for offer in record.offers]) == ("1002", ["withdrawn"])


def test_a_call_whose_end_nobody_saw_was_cut() -> None:
    play = shop()
    assert play >> after(30) >> noted("c1", elsewhere=Elsewhere(START - 50, START - 40, ANNA), ended_at=None)
    assert play.record("c1").outcome is Outcome.LOST


def test_a_call_to_no_number_of_ours_is_closed() -> None:
    play = shop()
    assert play >> after(30) >> noted("c1", did="000") << no(says_bye("c1"))
    assert play.record("c1").outcome is Outcome.CLOSED


def test_moments_that_cannot_be_are_put_in_order() -> None:
    play = shop()
    mad = Elsewhere(START + 900, START - 900, ANNA, START - 2000)
    assert play >> after(30) >> noted("c1", elsewhere=mad, over_at=START - 2000)
    record = play.record("c1")
    assert record.answered_at == START - 60 and record.talk_s == 0.0 and record.ended_at == START + 5


def test_who_left_without_a_daemon_has_the_old_place_at_the_next_call() -> None:
    play = shop("1001", resume_place_s=300)
    assert play >> after(30) >> noted("c1", entered_at=START - 60)
    assert play >> enters("c2", number="79160000001") << rings("c2", "1001", joined_at=START - 60)


# -- surveys ------------------------------------------------------------------------------------------------


def asked() -> Playbook:
    play = shop("1001")
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> talk_ends("c1.1") << asks("c1", 1)
    return play


@pytest.mark.parametrize(
    ("digits", "left", "result", "score"),
    [
        ("10", Left.SYSTEM, SurveyResult.ANSWERED, 10),
        ("9", Left.CALLER, SurveyResult.ANSWERED, 9),
        ("*", Left.SYSTEM, SurveyResult.INVALID, None),
        ("", Left.SYSTEM, SurveyResult.NO_ANSWER, None),
        ("", Left.CALLER, SurveyResult.HUNG_UP, None),
    ],
)
def test_what_was_pressed_unheard_counts(digits: str, left: Left, result: SurveyResult, score: int | None) -> None:
    play = asked()
    assert play >> node_lost() >> after(30)
    assert play >> noted("c1", verb="after", doing=1, digits=digits, left=left, ended_at=START + 20)
    record = play.record("c1")
    assert (record.survey_result, record.survey_score) == (result, score)
    assert record.outcome is Outcome.ANSWERED and record.events[-1].fact == "ended"


def another_daemon(play: Playbook) -> Playbook:
    """One that knows what was written down."""
    after_it = shop("1001")
    record = play.record("c1")
    assert after_it >> after(9) >> event("the records are loaded", lambda at: ev.Restored(at, (record,)))
    return after_it


def test_a_question_that_is_being_asked_is_taken_over() -> None:
    play = another_daemon(asked())
    assert play >> node_read(found("c1", "collect", doing=1), reachable=ALL) << no(asks("c1", 2))
    pressed = event("the caller presses 7", lambda at: ev.VerbDone(at, CallId("c1"), 1, "ok", "7"))
    assert play >> pressed << fact("c1", "survey_ended", score=7) << says_bye("c1")


def test_an_answer_that_nobody_heard_is_taken_over() -> None:
    play = another_daemon(asked())
    assert play >> node_read(found("c1", "after", doing=1, digits="15"), reachable=ALL) << asks("c1", 2)
    play = another_daemon(asked())
    seen = found("c1", "after", doing=2, digits="15")
    assert play >> node_read(seen, reachable=ALL) << fact("c1", "survey_ended", result="invalid") << says_bye("c1")


def test_a_caller_in_the_fallback_queue_is_marked_once() -> None:
    play = shop()
    assert play >> enters("c1") >> away("c1") << fact("c1", "fallback")
    assert play >> node_read(in_fallback("c1"), reachable=ALL) << no(fact("c1", "fallback"))
