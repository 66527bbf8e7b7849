"""Links lost, Asterisks restarted, daemons killed: what the brain makes of the picture it reads afterwards."""

from __future__ import annotations

import pytest

from acd.queues import events as ev
from acd.queues.journey import CallRecord
from acd.queues.model import AgentId, CallId, OfferId, OfferResult, Outcome
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
    held,
    holds,
    leaves,
    login,
    mirrors,
    no,
    node_lost,
    node_read,
    offer_ends,
    picks_up,
    plan,
    queue,
    restored,
    rings,
    rings_all,
    says_bye,
    sent_on,
    talk_ends,
    timer,
    timer_due,
    withdraws,
)

AGENTS = [agent("1001", sales=5), agent("1002", sales=5), agent("1003", sales=5)]
ALL = ("1001", "1002", "1003")


def shop(*logged_in: str, **queue_facts) -> Playbook:
    play = start(plan(AGENTS, [queue("sales", "sales >= 1", SALES, **queue_facts)]))
    for one in logged_in:
        assert play >> login(one) >> after(1)
    return play


def half_way(*steps: Step, call: str = "c1") -> CallRecord:
    """What another daemon had written down of the call, rung at 1001, when it died after these steps."""
    before = shop("1001")
    assert before >> enters(call) << rings(call, "1001")
    for step in steps:
        assert before >> step
    return before.record(call)


# -- the link is gone and comes back ------------------------------------------------------------------------


def test_a_lost_link_keeps_the_places_and_offers_nothing():
    play = shop()
    assert play >> enters("c1") >> after(5) >> enters("c2") >> node_lost() >> login("1001") >> after(10)
    assert (
        play
        >> node_read(found("c2", "hold"), found("c1", "hold"), reachable=ALL)
        << rings("c1", "1001", joined_at=START)
        << no(fact("c1", "reconciled"))
    )


def test_a_ringing_offer_outlives_the_lost_link_when_its_phone_still_rings():
    play = shop("1001", "1002")
    assert play >> enters("c1") << rings("c1", "1001") >> node_lost() >> after(5)
    assert play >> node_read(found("c1", "connect", offer_id="c1.1", agent_id="1001"), reachable=ALL)
    assert play >> connected("c1.1") << agent_is("1001", "talking")


def test_a_ring_timer_that_fires_without_a_link_waits_for_the_picture():
    play = shop("1001")
    assert play >> enters("c1") << rings("c1", "1001") >> node_lost() >> after(120)
    assert play >> node_read(found("c1", "connect", offer_id="c1.1", agent_id="1001"), reachable=ALL)
    assert play >> after(5) << withdraws("c1.1") << rings("c1", "1001")


def test_an_offer_that_asterisk_knows_nothing_of_is_dropped_and_made_anew():
    play = shop("1001")
    assert play >> enters("c1") << rings("c1", "1001") >> node_lost() >> after(5)
    assert (
        play
        >> node_read(found("c1", "hold", offer_id="c1.1", agent_id="1001"), reachable=ALL)
        << fact("c1", "offer_ended", result="withdrawn")
        << rings("c1", "1001", offer_id="c1.2")
    )


def test_a_bridge_that_was_missed_is_seen_in_the_picture():
    play = shop("1001")
    assert play >> enters("c1") << rings("c1", "1001") >> node_lost() >> after(3)
    assert (
        play
        >> node_read(found("c1", "connect", offer_id="c1.1", agent_id="1001", bridged=True), reachable=ALL)
        << agent_is("1001", "talking", call_id="c1")
        << fact("c1", "connected")
        >> after(5)
        >> leaves("c1")
        << fact("c1", "ended", outcome="answered")
    )


def test_a_conversation_that_no_record_knows_is_as_long_as_its_mark_says():
    play = shop("1001")
    seen = found("c1", "connect", offer_id="c1.1", agent_id="1001", bridged=True, talking_since=START - 4)
    assert play >> node_read(seen, reachable=ALL) << fact("c1", "connected")
    assert play >> after(5) >> leaves("c1")
    record = play.record("c1")
    assert (record.answered_at, record.talk_s) == (START - 4, play.now - (START - 4))


def test_a_mark_of_the_future_is_now():
    play = shop("1001")
    seen = found("c1", "connect", offer_id="c1.1", agent_id="1001", bridged=True, talking_since=START + 3600)
    assert play >> node_read(seen, reachable=ALL) >> after(5) >> leaves("c1")
    assert play.record("c1").talk_s == 5.0


def test_a_conversation_never_notices_a_lost_link():
    play = shop("1001")
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> after(5) >> node_lost() >> after(5)
    assert play >> node_read(found("c1", "connect", offer_id="c1.1", agent_id="1001", bridged=True), reachable=ALL)
    assert play >> after(5) >> leaves("c1")
    assert play.record("c1").talk_s == 15.0


def test_a_conversation_whose_end_was_missed_frees_its_agent():
    play = shop("1001")
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> node_lost() >> after(5)
    assert (
        play
        >> node_read(found("c1", "after", offer_id="c1.1", agent_id="1001"), reachable=ALL)
        << agent_is("1001", "wrap_up")
        << fact("c1", "survey_asked")
        << asks("c1", 1)
    )


def test_calls_that_are_gone_are_closed_and_marked():
    play = shop("1001")
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> enters("c2") >> node_lost() >> after(5)
    assert (
        play
        >> node_read(reachable=ALL)
        << fact("c1", "reconciled")
        << fact("c1", "ended", outcome="answered")
        << fact("c2", "ended", outcome="lost")
        << agent_is("1001", "wrap_up")
    )
    assert play.record("c2").reconciled
    assert play.timers() == {"wrap:1001"}


def test_a_hangup_told_by_a_look_is_marked():
    play = shop()
    assert play >> enters("c1") >> after(5)
    gone = event("a look shows c1 gone", lambda at: ev.CallerLeft(at, CallId("c1"), reconciled=True))
    assert play >> gone << fact("c1", "reconciled") << fact("c1", "ended", outcome="abandoned")


def test_a_caller_who_came_while_nobody_listened_gets_the_place_of_the_entry():
    play = shop()
    assert play >> enters("c1") >> node_lost() >> after(60)
    stranger = found("c2", "hold", entered_at=START - 30)
    assert play >> node_read(found("c1", "hold"), stranger, reachable=ALL) << fact("c2", "reconciled")
    assert play >> login("1001") << rings("c2", "1001", joined_at=START - 30)


def test_found_callers_without_a_queue_are_said_goodbye():
    play = shop("1001")
    assert play >> node_read(found("c1", "hold", did="000"), reachable=ALL) << says_bye("c1")
    assert play >> node_lost() >> node_read(found("c1", "hold", did="000"), reachable=ALL) << says_bye("c1")
    assert play >> leaves("c1") << fact("c1", "ended", outcome="closed")


def test_the_queue_on_the_channel_comes_before_the_number():
    play = start(plan(AGENTS, [queue("sales", "sales >= 1", SALES), queue("other", "sales >= 1", "1")]))
    assert play >> node_read(found("c1", "hold", queue="other"), reachable=ALL) << fact("c1", "queued", queue="other")


def test_phones_and_own_calls_are_as_the_picture_shows():
    play = shop("1001", "1002", "1003")
    assert (
        play
        >> node_read(reachable=("1001", "1002"), own=(("1002", "PJSIP/1002-7"),))
        << agent_is("1002", "busy")
        << agent_is("1003", "unreachable")
        >> after(1)
        >> node_read(reachable=ALL)
        << agent_is("1002", "ready")
        << agent_is("1003", "ready")
    )


def test_the_fallback_queue_is_filled_again_after_a_lost_link_and_not_at_every_look():
    play = shop("1001")
    assert play >> node_read(reachable=ALL) << mirrors("1001", member=True) << mirrors("1002", member=False)
    assert play >> node_read(reachable=ALL) << no(mirrors("1001"))
    assert play >> node_lost() >> node_read(reachable=ALL) << mirrors("1001", member=True, paused=False)
    assert play >> node_read(reachable=ALL, restarted=True) << mirrors("1001", member=True)


def test_a_picture_is_not_believed_about_a_call_that_changed_while_it_was_taken():
    play = shop("1001")
    assert play >> enters("old") << rings("old", "1001") >> connected("old.1") >> after(1)
    asked_at = play.now
    assert play >> after(1) >> enters("new") >> talk_ends("old.1") << asks("old", 1) >> after(1)
    stale = event(
        "a picture begun two seconds ago",
        lambda at: ev.NodeRead(
            at,
            NODE,
            False,
            (found("old", "connect", offer_id="old.1", agent_id="1001", bridged=True),),
            frozenset(ALL),
            (),
            asked_at,
        ),
    )
    assert play >> stale << no(fact("new", "ended")) << no(fact("old", "connected"))


# -- Asterisk was restarted ---------------------------------------------------------------------------------


def test_a_restarted_asterisk_has_lost_every_call_and_the_next_is_served():
    play = shop("1001", "1002")
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1")
    assert play >> enters("c2") << rings("c2", "1002") >> enters("c3") >> node_lost() >> after(5)
    assert (
        play
        >> node_read(reachable=ALL, restarted=True)
        << fact("c1", "ended", outcome="lost")
        << fact("c2", "offer_ended", result="caller_left")
        << fact("c2", "ended", outcome="lost")
        << fact("c3", "ended", outcome="lost")
        << agent_is("1002", "ready")
        >> enters("c4")
        << rings("c4", "1002")
    )


def test_a_conversation_that_was_over_when_asterisk_went_down_is_answered():
    play = shop("1001")
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> talk_ends("c1.1") << asks("c1", 1)
    assert play >> node_read(reachable=ALL, restarted=True) << fact("c1", "ended", outcome="answered")


def test_calls_that_a_restart_cut_while_no_daemon_ran_are_lost_and_ended_with_it():
    before = shop("1001", "1002", "1003")
    assert before >> enters("talked") << rings("talked", "1001") >> connected("talked.1")
    assert before >> enters("rang") << rings("rang", "1002") >> enters("over") << rings("over", "1003")
    assert before >> connected("over.1") >> after(2) >> talk_ends("over.1") << asks("over", 1)
    play = shop("1001")
    assert play >> after(60) >> restored(*(before.record(call) for call in ("talked", "rang", "over")))
    assert (
        play
        >> node_read(reachable=ALL, runs_s=50)
        << fact("talked", "ended", outcome="lost", by="system")
        << fact("rang", "ended", outcome="lost", by="system")
        << fact("over", "ended", outcome="answered")
    )
    record = play.record("talked")
    assert record.ended_at == record.talk_ended_at == play.now - 50
    assert record.reconciled
    assert play >> timer_due("wrap:1001") << agent_is("1001", "ready")


def test_calls_that_ended_unheard_in_an_asterisk_that_ran_all_the_while_were_not_cut_by_it():
    before = shop("1001")
    assert before >> enters("c1") << rings("c1", "1001") >> connected("c1.1")
    play = shop("1001")
    assert play >> after(60) >> restored(before.record("c1"))
    assert play >> node_read(reachable=ALL, runs_s=3600) << fact("c1", "ended", outcome="answered")
    assert play.record("c1").ended_at == play.now


def test_a_restart_ends_no_call_before_the_last_thing_that_was_heard_of_it():
    before = shop("1001")
    assert before >> enters("c1") << rings("c1", "1001") >> after(20) >> connected("c1.1")
    play = shop("1001")
    assert play >> after(60) >> restored(before.record("c1"))
    assert play >> node_read(reachable=ALL, runs_s=59) << fact("c1", "ended", outcome="lost")
    assert play.record("c1").ended_at == play.record("c1").answered_at


# -- the fallback queue -------------------------------------------------------------------------------------


def test_a_caller_in_the_fallback_queue_is_not_touched_until_home():
    play = shop()
    assert play >> enters("c1") >> away("c1") << fact("c1", "fallback") >> login("1001") >> after(5)
    assert play >> held("c1") << rings("c1", "1001", joined_at=START)


def test_a_caller_found_in_the_fallback_queue_waits_for_the_dialplan():
    play = shop("1001")
    assert play >> node_read(found("c1", "fallback"), reachable=ALL) >> after(2) >> held("c1") << rings("c1", "1001")


def test_a_caller_served_by_the_fallback_queue_is_answered_and_not_cut_off():
    play = shop("1001", "1002")
    stale = {"offer_id": "c1.1", "agent_id": "1001"}
    assert play >> node_read(found("c1", "fallback", bridged=True, **stale), reachable=ALL) << fact("c1", "connected")
    assert play >> after(30) >> leaves("c1") << fact("c1", "ended", outcome="answered")
    assert play.record("c1").agent is None


def test_a_caller_whom_the_fallback_queue_gives_back_waits_again():
    play = shop()
    assert play >> node_read(found("c1", "fallback", bridged=True), reachable=ALL) >> after(9) >> held("c1")
    assert play >> login("1001") << rings("c1", "1001")


def test_an_order_to_dial_takes_a_caller_out_of_the_fallback_queue():
    play = shop("1001")
    assert play >> enters("c1") << rings("c1", "1001") >> away("c1") << no(fact("c1", "fallback"))
    assert play >> connected("c1.1") << agent_is("1001", "talking")


# -- another daemon's calls ---------------------------------------------------------------------------------


def test_after_a_kill_the_waiting_keep_their_places_and_count_from_their_entry():
    before = shop()
    assert before >> enters("c1", ago=20)
    play = shop("1001")
    assert play >> restored(before.record("c1")) >> after(5)
    assert (
        play
        >> node_read(found("c1", "hold", entered_at=START - 20), reachable=ALL)
        << rings("c1", "1001", joined_at=START - 20)
        << no(fact("c1", "entered"))
    )


def test_after_a_kill_a_caller_who_was_sent_on_and_rings_again_is_taken_over_too():
    before = shop("1001", "1002", wrap_up_s=60)
    assert before >> enters("c1") << rings("c1", "1001") >> connected("c1.1")
    assert before >> sent_on("c1", "1002") << rings("c1", "1002")
    play = shop()
    seen = found("c1", "connect", offer_id="c1.2", agent_id="1002")
    assert play >> restored(before.record("c1")) << agent_is("1002", "offered") >> node_read(seen, reachable=ALL)
    assert play >> connected("c1.2") << agent_is("1002", "talking", call_id="c1")


def test_after_a_kill_several_ringing_offers_are_taken_over():
    before = shop("1001", "1002", strategy="ring_all")
    assert before >> enters("c1") << rings_all("c1", "1001", "1002")
    play = shop(strategy="ring_all")
    two = found("c1", "connect", offer_id="c1.1", agent_id="1001", beside=((OfferId("c1.2"), AgentId("1002")),))
    assert play >> restored(before.record("c1")) << agent_is("1001", "offered") << agent_is("1002", "offered")
    assert play >> after(1) >> node_read(two, reachable=ALL) >> connected("c1.2") << agent_is("1002", "talking")
    assert [offer.result for offer in play.record("c1").offers] == ["elsewhere", "answered"]


def test_after_a_kill_a_ringing_offer_is_taken_over_and_recorded_once():
    record = half_way()
    play = shop("1002")
    seen = found("c1", "connect", offer_id="c1.1", agent_id="1001")
    assert play >> restored(record) >> after(3) >> node_read(seen, reachable=ALL) << no(fact("c1", "offered"))
    assert play >> picks_up("c1.1") >> connected("c1.1") << agent_is("1001", "talking", call_id="c1")
    assert [(offer.offer_id, offer.result) for offer in play.record("c1").offers] == [("c1.1", "answered")]


def test_after_a_kill_a_ringing_offer_that_is_over_is_closed_in_the_record():
    record = half_way()
    play = shop("1002")
    assert play >> restored(record) >> node_read(found("c1", "hold"), reachable=ALL) << rings("c1", "1002")
    assert [(offer.offer_id, offer.result) for offer in play.record("c1").offers] == [
        ("c1.1", "withdrawn"),
        ("c1.2", None),
    ]


def test_a_call_that_was_served_and_is_offered_again_when_the_daemon_dies_is_still_being_offered():
    before = shop("1001")
    assert before >> enters("c1") << rings("c1", "1001") >> picks_up("c1.1") >> connected("c1.1")
    assert before >> agent_leg_gone("c1.1") >> held("c1") >> login("1002") << rings("c1", "1002")
    seen = found("c1", "connect", offer_id="c1.2", agent_id="1002")
    play = shop("1001", "1002")
    assert play >> restored(before.record("c1")) << agent_is("1002", "offered")
    assert (
        play >> node_read(seen, reachable=ALL) >> picks_up("c1.2") >> connected("c1.2") << agent_is("1002", "talking")
    )


def test_after_a_kill_a_conversation_goes_on_with_the_same_agent():
    record = half_way(picks_up("c1.1"), connected("c1.1"))
    play = shop("1001", "1002")
    assert play >> restored(record) << agent_is("1001", "talking", call_id="c1")
    assert play >> after(20)
    seen = found("c1", "connect", offer_id="c1.1", agent_id="1001", bridged=True)
    assert play >> node_read(seen, reachable=ALL) >> enters("c2") << rings("c2", "1002")
    assert play >> after(10) >> leaves("c1") << agent_is("1001", "wrap_up")


def test_after_a_kill_calls_that_ended_meanwhile_are_closed_and_marked():
    ringing = half_way()
    talking = half_way(picks_up("c1.1"), connected("c1.1"))
    for record, outcome in ((ringing, Outcome.LOST), (talking, Outcome.ANSWERED)):
        play = shop("1001")
        assert play >> restored(record) >> after(5) >> node_read(reachable=ALL)
        done = play.record("c1")
        assert (done.outcome, done.reconciled) == (outcome, True)
        assert all(offer.result is not None for offer in done.offers)
        assert play.core.engine.desk.agents["1001"].offer_id is None


def test_two_records_that_claim_one_agent_do_not_stop_the_boot():
    other = half_way(picks_up("c1.1"), connected("c1.1"))
    twin = half_way(call="c2")
    play = shop()
    assert play >> restored(other, twin) << agent_is("1001", "talking", call_id="c1")
    assert play >> node_read(found("c2", "hold"), reachable=ALL) << fact("c1", "ended")


def test_an_offer_of_an_unknown_daemon_is_adopted_and_its_number_not_used_again():
    play = shop("1001")
    seen = found("c1", "connect", offer_id="c1.7", agent_id="1001")
    assert play >> node_read(seen, reachable=ALL) << timer("ring:c1.7", in_s=25) << agent_is("1001", "offered")
    assert play >> offer_ends("c1.7", OfferResult.BUSY) >> after(5) << rings("c1", "1001", offer_id="c1.8")


def test_an_unknown_agents_ringing_phone_is_left_to_the_dialplan():
    play = shop("1001")
    assert play >> node_read(found("c1", "connect", offer_id="c1.1", agent_id="9"), reachable=ALL) >> after(5)
    assert play >> held("c1") << rings("c1", "1001")
    talked = found("c2", "connect", offer_id="c2.1", agent_id="9", bridged=True)
    assert play >> node_read(talked, found("c1", "connect", offer_id="c1.2", agent_id="1001"), reachable=ALL)
    assert play >> leaves("c2") << fact("c2", "ended", outcome="answered")


def test_an_unserved_caller_about_to_be_hung_up_on_is_put_back_on_hold():
    play = shop("1001")
    assert play >> node_read(found("c1", "after"), reachable=ALL) << holds("c1") << rings("c1", "1001")


@pytest.mark.parametrize("verb", ["say", "collect", "record", "bye"])
def test_a_caller_in_another_verb_is_left_there_until_held(verb):
    play = shop("1001")
    assert play >> node_read(found("c1", verb), reachable=ALL) >> after(3) >> held("c1") << rings("c1", "1001")
