"""The configuration is read again while calls live: who follows which rules from then on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from acd.queues import commands as cmd
from acd.queues.model import About, AgentId, AgentSpec, Nobody, Outcome, Overflow, Plan, QueueSpec, Side, SurveyKind
from acd.queues.scripts import MessageScript, SurveyScript
from tests.playbooks.playbook import Playbook, start
from tests.playbooks.words import (
    SALES,
    SUPPORT,
    after,
    agent,
    agent_is,
    asks,
    assigns,
    away,
    connected,
    drops,
    enters,
    fact,
    hangs_up,
    held,
    holds,
    leaves,
    login,
    mirrors,
    no,
    node_lost,
    node_read,
    notes_queue,
    offer_ends,
    pause,
    picks_up,
    plan,
    presses,
    prioritised,
    queue,
    reachable,
    ready,
    reconfigured,
    records,
    rings,
    rings_all,
    says_bye,
    sent_on,
    served,
    stops,
    talk_ends,
    taped,
    timer,
    withdraws,
)

ANNA, BORIS, VERA = agent("1001", sales=5), agent("1002", sales=5, support=5), agent("1003", support=5)
THIRD = "74950000003"
GOODBYE = ("acd/all-busy", "acd/goodbye")


def sales(*dids: str, **more: object) -> QueueSpec:
    return queue("sales", "sales >= 1", *(dids or (SALES,)), **more)


def support(*dids: str, **more: object) -> QueueSpec:
    return queue("support", "support >= 1", *(dids or (SUPPORT,)), **more)


BOTH = [sales(), support()]
HOUSE = plan([ANNA, BORIS, VERA], BOTH)


def house(*logged_in: str, queues: list[QueueSpec] | None = None, agents: list[AgentSpec] | None = None) -> Playbook:
    play = start(plan(agents or [ANNA, BORIS, VERA], queues or BOTH))
    for one in logged_in:
        assert play >> login(one) >> after(1)
    return play


def known(play: Playbook) -> set[str]:
    return set(play.core.engine.desk.agents)


# -- nothing has changed ------------------------------------------------------------------------------------------


def test_the_same_plan_again_changes_nothing_at_all():
    play = house("1001", "1002")
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1")
    assert play >> enters("c2", SUPPORT) << rings("c2", "1002") >> enters("c3", ago=4) >> after(3)
    before = len(play.commands)
    assert play >> reconfigured(plan([ANNA, BORIS, VERA], [sales(), support()]))
    assert play.commands[before:] == []


def test_the_turn_of_round_robin_goes_on_where_it_was():
    turns = [sales(strategy="round_robin", wrap_up_s=0)]
    four = [agent(str(1001 + n), sales=5) for n in range(4)]
    play = house("1001", "1002", "1003", "1004", queues=turns, agents=four)
    assert play >> enters("c1") << rings("c1", "1001") >> enters("c2") << rings("c2", "1002")
    assert play >> leaves("c1") >> leaves("c2")
    assert play >> reconfigured(plan([four[0], four[3], four[2]], turns))
    assert play >> enters("c3") << rings("c3", "1004")


# -- who waits ----------------------------------------------------------------------------------------------------


def test_who_waits_follows_the_new_rules_at_once_at_the_old_place():
    play = house("1003")
    assert play >> enters("c1") >> after(5) >> enters("c2") >> after(5)
    wider = plan([ANNA, BORIS, VERA], [queue("sales", "sales >= 1 or support >= 1", SALES), support()])
    assert play >> reconfigured(wider) << rings("c1", "1003") << no(fact("c1", "queued"))


def test_steps_and_limits_count_from_when_they_always_did():
    play = house("1003")
    assert play >> enters("c1") << timer("limit:c1", 600) >> after(20)
    steps = queue("sales", "sales >= 1", SALES, relax={30: "support >= 1"}, max_wait_s=100)
    assert (
        play
        >> reconfigured(plan([ANNA, BORIS, VERA], [steps, support()]))
        << timer("relax:c1:0", 10)
        << timer("limit:c1", 80)
        >> after(10)
        << rings("c1", "1003")
    )


def test_old_steps_open_no_more():
    play = house("1003", queues=[queue("sales", "sales >= 1", SALES, relax={30: "support >= 1"}), support()])
    assert play >> enters("c1") << timer("relax:c1:0", 30) >> after(20)
    assert play >> reconfigured(HOUSE) >> after(100)
    assert play.timers() == {"limit:c1"}


def test_a_limit_that_became_shorter_between_pick_up_and_bridge_counts_when_the_caller_is_back_in_line():
    play = house("1001", queues=[sales(max_wait_s=600), support()])
    assert play >> enters("c1") << rings("c1", "1001") >> picks_up("c1.1")
    shorter = plan([ANNA, BORIS, VERA], [sales(max_wait_s=30), support()])
    assert play >> reconfigured(shorter) << timer("limit:c1", in_s=30) >> after(35)
    assert play >> talk_ends("c1.1") << holds("c1") << says_bye("c1", *GOODBYE) << fact("c1", "overflowed")


def test_who_has_waited_longer_than_is_allowed_now_goes_now():
    play = house(queues=[sales(), support()])
    assert play >> enters("c1") >> after(50)
    short = [sales(max_wait_s=30, overflow=Overflow(queue="support")), support()]  # type: ignore[arg-type]
    assert play >> reconfigured(plan([ANNA, BORIS, VERA], short)) << fact("c1", "overflowed", to="support")


def test_who_has_nobody_left_goes_when_that_is_what_the_queue_says_now():
    play = house()
    assert play >> enters("c1") >> after(5)
    closed = [sales(nobody=Nobody.OVERFLOW), support()]
    assert play >> reconfigured(plan([ANNA, BORIS, VERA], closed)) << says_bye("c1", "acd/closed", "acd/goodbye")


def test_what_is_known_of_callers_is_known_of_those_who_wait():
    english = queue("sales", 'sales >= 1 and language != "en" or support >= 1 and language == "en"', SALES)
    play = house("1003", queues=[english, support()])
    assert play >> enters("c1") >> enters("c2", number="79160000002")
    told = {"79160000002": About(3.0, {"language": "en"})}
    assert (
        play
        >> reconfigured(plan([ANNA, BORIS, VERA], [english, support()], callers=told))
        << rings("c2", "1003")
        << fact("c2", "priority", priority=3.0, by="the configuration")
    )


def test_points_that_somebody_ordered_stay():
    play = house()
    assert play >> enters("c1") >> prioritised("c1", 7)
    told = {"79160000001": About(3.0)}
    assert play >> reconfigured(plan([ANNA, BORIS, VERA], BOTH, callers=told)) << no(fact("c1", "priority"))
    assert play.core.engine.calls["c1"].priority == 7  # type: ignore[index]


def test_other_points_put_the_line_into_another_order():
    play = house()
    assert play >> enters("c1", ago=10) >> enters("c2", number="79160000002")
    told = {"79160000002": About(30.0)}
    assert play >> reconfigured(plan([ANNA, BORIS, VERA], BOTH, callers=told)) >> login("1001") << rings("c2", "1001")
    assert play >> login("1002") << rings("c1", "1002")


def test_a_number_that_moves_to_another_queue_is_answered_there_from_now_on():
    play = house()
    moved = plan([ANNA, BORIS, VERA], [sales(THIRD), support(SUPPORT, SALES)])
    assert play >> enters("c1") >> reconfigured(moved) >> enters("c2") << notes_queue("c2", "support")
    assert play.record("c1").queue == "sales"


# -- a queue is gone ----------------------------------------------------------------------------------------------


def test_who_waits_in_a_queue_that_is_gone_goes_where_it_let_its_calls_overflow_to():
    play = house("1003", queues=[sales(overflow=Overflow(queue="support")), support()])  # type: ignore[arg-type]
    assert play >> enters("c1", ago=30) >> after(1)
    assert (
        play
        >> reconfigured(plan([ANNA, BORIS, VERA], [support()]))
        << fact("c1", "overflowed", **{"from": "sales", "to": "support", "reason": "removed"})
        << rings("c1", "1003", joined_at=play.now - 31)
    )


def test_who_dialled_a_number_that_another_queue_has_now_goes_there():
    """A queue that is only called otherwise."""
    play = house("1003", queues=[sales(overflow=Overflow(voicemail=True)), support()])
    assert play >> enters("c1") >> after(1)
    renamed = plan([ANNA, BORIS, VERA], [queue("shop", "support >= 1", SALES), support()])
    assert play >> reconfigured(renamed) << fact("c1", "overflowed", to="shop", via="queue") << rings("c1", "1003")


def test_who_has_nowhere_to_go_hears_the_goodbye():
    play = house()
    assert play >> enters("c1") >> after(1)
    assert play >> reconfigured(plan([ANNA, BORIS, VERA], [support()])) << says_bye("c1", *GOODBYE) >> leaves("c1")
    assert play.record("c1").outcome is Outcome.OVERFLOWED


def test_the_way_out_of_a_way_out_that_is_gone_too():
    other = queue("other", "anyone", THIRD, overflow=Overflow(voicemail=True))
    play = house(queues=[sales(overflow=Overflow(queue="other")), support(), other])  # type: ignore[arg-type]
    assert play >> enters("c1") >> after(1)
    assert (
        play
        >> reconfigured(plan([ANNA, BORIS, VERA], [support()]))
        << records("c1", "acd/all-busy", "acd/leave-message")
        << fact("c1", "overflowed", to="voicemail")
        >> taped("c1", 5.0)
        << says_bye("c1")
    )


def test_a_phone_that_rings_for_a_queue_that_is_gone_rings_on():
    play = house("1001", queues=[sales(overflow=Overflow(queue="support")), support()])  # type: ignore[arg-type]
    assert play >> enters("c1") << rings("c1", "1001")
    assert play >> reconfigured(plan([ANNA, BORIS, VERA], [support()])) >> picks_up("c1.1") >> connected("c1.1")
    assert play >> talk_ends("c1.1") << asks("c1", 1) << agent_is("1001", "wrap_up")


def test_one_that_is_not_answered_sends_its_caller_on():
    play = house("1001", queues=[sales(overflow=Overflow(queue="support")), support()])  # type: ignore[arg-type]
    assert play >> enters("c1") << rings("c1", "1001")
    assert play >> reconfigured(plan([ANNA, BORIS, VERA], [support()])) >> after(1)
    assert play >> offer_ends("c1.1", "no_answer") << fact("c1", "overflowed", to="support")  # type: ignore[arg-type]
    assert play >> login("1003") << rings("c1", "1003")


def test_who_cannot_be_steered_goes_when_they_can():
    play = house("1003", queues=[sales(overflow=Overflow(queue="support")), support()])  # type: ignore[arg-type]
    assert play >> enters("c1") >> away("c1") >> reconfigured(plan([ANNA, BORIS, VERA], [support()])) >> after(20)
    assert play.record("c1").outcome is None
    assert play >> held("c1") << fact("c1", "overflowed", to="support") << rings("c1", "1003")


def test_a_queue_that_comes_back_meanwhile_keeps_them():
    play = house()
    assert play >> enters("c1") >> away("c1") >> reconfigured(plan([ANNA, BORIS, VERA], [support()])) >> after(20)
    assert play >> reconfigured(HOUSE) >> held("c1") << no(fact("c1", "overflowed"))
    assert play >> login("1001") << rings("c1", "1001")


def test_a_caller_who_is_sent_back_to_a_queue_that_is_gone_is_not_hung_up_on():
    play = house("1001", queues=[sales(overflow=Overflow(queue="support")), support()])  # type: ignore[arg-type]
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1")
    assert play >> reconfigured(plan([ANNA, BORIS, VERA], [support()])) >> after(5)
    assert play >> sent_on("c1", "nowhere") << fact("c1", "overflowed", to="support", reason="removed")
    assert play >> login("1003") << rings("c1", "1003")


# -- who talks ----------------------------------------------------------------------------------------------------


def test_a_conversation_goes_by_the_rules_it_began_with():
    play = house("1001", queues=[sales(wrap_up_s=40, survey=SurveyKind.NPS), support()])
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1")
    other = plan([ANNA, BORIS, VERA], [sales(wrap_up_s=0, survey=SurveyKind.NONE), support()])
    assert play >> reconfigured(other) >> after(5)
    assert play >> talk_ends("c1.1") << asks("c1", 1) << timer("wrap:1001", 40)


@pytest.mark.parametrize("queues", [[sales(wrap_up_s=0, survey=SurveyKind.NONE), support()], [support()]])
def test_the_next_conversation_goes_by_the_new_ones(queues):
    play = house("1001", "1002")
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1")
    assert play >> reconfigured(plan([ANNA, BORIS, VERA], queues))
    assert play >> sent_on("c1", SUPPORT) << rings("c1", "1002")
    assert play >> connected("c1.2") >> talk_ends("c1.2") << asks("c1", 1) << timer("wrap:1002", 15)
    assert play.record("c1").queue == "support"


def test_the_talk_of_a_queue_that_is_gone_ends_as_it_would_have():
    play = house("1001")
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1")
    assert play >> reconfigured(plan([ANNA, BORIS, VERA], [support()])) >> after(5)
    assert play >> talk_ends("c1.1") << asks("c1", 1) << agent_is("1001", "wrap_up")
    assert play >> presses("c1", "9", 1) << says_bye("c1") >> leaves("c1")
    assert (play.record("c1").outcome, play.record("c1").survey_score) == (Outcome.ANSWERED, 9)


def test_a_survey_goes_on_by_the_script_it_began_with():
    play = house("1001")
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> talk_ends("c1.1") << asks("c1", 1)
    assert (
        play
        >> reconfigured(HOUSE, script=SurveyScript(first_s=3.0, attempts=1))
        >> presses("c1", "*", 1)
        << asks("c1", 2)
    )
    asked = [one for one in play.commands if isinstance(one, cmd.Collect)]
    assert [one.first_s for one in asked] == [6.0, 6.0]


def test_the_next_survey_goes_by_the_new_script_and_the_new_silence():
    play = house("1001", queues=[sales(wrap_up_s=0)])
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> talk_ends("c1.1") << asks("c1", 1)
    assert play >> leaves("c1")
    new = reconfigured(plan([ANNA], [sales(wrap_up_s=0)]), script=SurveyScript(first_s=3.0), ask_again_after_days=0.0)
    assert play >> new >> after(1) >> enters("c2") << rings("c2", "1001") >> connected("c2.1")
    assert play >> talk_ends("c2.1") << asks("c2", 1)
    assert [one.first_s for one in play.commands if isinstance(one, cmd.Collect)] == [6.0, 3.0]


def test_the_next_message_may_be_as_long_as_is_said_now():
    full = [sales(nobody=Nobody.OVERFLOW, overflow=Overflow(voicemail=True))]
    play = house(queues=full)
    assert play >> enters("c1") << records("c1")
    assert play >> reconfigured(plan([ANNA], full), message=MessageScript(max_s=30.0))
    assert play >> enters("c2") << records("c2")
    assert [one.max_s for one in play.commands if isinstance(one, cmd.Record)] == [120.0, 30.0]


def test_what_was_answered_in_time_was_so_by_the_time_of_then():
    play = house("1001", "1002", queues=[sales(service_level_s=20), support()])
    figures = play.core.book.figures
    assert play >> enters("c1", ago=10) << rings("c1", "1001") >> connected("c1.1")
    assert play >> reconfigured(plan([ANNA, BORIS, VERA], [sales(service_level_s=5), support()]))
    assert figures.queue("sales").service_level == 1.0
    assert play >> talk_ends("c1.1") << asks("c1", 1) >> leaves("c1")
    assert figures.queue("sales").service_level == 1.0
    assert play >> enters("c2", ago=10) << rings("c2", "1002") >> connected("c2.1")
    assert figures.queue("sales").service_level == 0.5
    assert not figures._answered_by, "of an ended call nothing is kept"


# -- agents go ----------------------------------------------------------------------------------------------------


def without(*gone: AgentSpec, queues: list[QueueSpec] | None = None) -> Plan:
    return plan([one for one in (ANNA, BORIS, VERA) if one not in gone], queues or BOTH)


def test_an_agent_who_is_idle_is_gone():
    play = house("1001", "1002")
    assert (
        play
        >> reconfigured(without(ANNA))
        << agent_is("1001", "offline")
        << mirrors("1001", member=False)
        << assigns(("1001", ""))
        >> enters("c1")
        << rings("c1", "1002")
    )
    assert known(play) == {"1002", "1003"}


def test_a_phone_that_rings_at_an_agent_who_is_gone_is_silenced_and_the_caller_keeps_the_place():
    play = house("1001")
    assert play >> enters("c1", ago=20) << rings("c1", "1001") >> after(3)
    assert play >> reconfigured(without(ANNA)) << withdraws("c1.1") << assigns(("1001", ""))
    assert "1001" not in known(play)
    assert play >> login("1002") << rings("c1", "1002", joined_at=play.now - 23)


def test_of_several_phones_only_that_one_is_silenced():
    play = house("1001", "1002", queues=[sales(strategy="ring_all")])
    assert play >> enters("c1") << rings_all("c1", "1001", "1002")
    assert play >> reconfigured(without(ANNA, queues=[sales(strategy="ring_all")])) << drops("c1.1")
    assert play >> picks_up("c1.2") >> connected("c1.2") << agent_is("1002", "talking")


def test_an_agent_who_talks_finishes_and_is_gone():
    play = house("1001", "1002")
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1")
    assert play >> reconfigured(without(ANNA)) << mirrors("1001", member=False) << no(assigns(("1001", "")))
    assert "1001" in known(play)
    assert play >> login("1001") << no(agent_is("1001", "ready")) >> after(30)
    assert (
        play
        >> talk_ends("c1.1")
        << asks("c1", 1)
        << agent_is("1001", "offline")
        << assigns(("1001", ""))
        << fact("c1", "talk_ended", agent="1001")
    )
    assert known(play) == {"1002", "1003"}
    assert not [name for name in play.timers() if "1001" in name]


def test_one_who_has_just_picked_up_has_the_call():
    play = house("1001")
    assert play >> enters("c1") << rings("c1", "1001") >> picks_up("c1.1") >> reconfigured(without(ANNA))
    assert play >> connected("c1.1") << agent_is("1001", "talking") >> hangs_up("c1", Side.AGENT)
    assert "1001" not in known(play)


def test_one_who_comes_back_before_the_end_of_the_talk_stays():
    play = house("1001")
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1")
    assert play >> reconfigured(without(ANNA)) >> reconfigured(HOUSE) << no(assigns(("1001", "PJSIP/1001")))
    assert play >> talk_ends("c1.1") << asks("c1", 1) >> login("1001") << agent_is("1001", "ready")


def test_a_phone_that_is_asked_for_its_key_is_hung_up_and_the_agent_then_gone():
    outside = replace(ANNA, confirm=True)
    play = house("1001", agents=[outside, BORIS])
    assert play >> enters("c1") << rings("c1", "1001") >> reconfigured(plan([BORIS], BOTH)) << drops("c1.1")
    assert "1001" in known(play)
    assert play >> offer_ends("c1.1", "no_answer") << fact("c1", "offer_ended", result="withdrawn")  # type: ignore[arg-type]
    assert "1001" not in known(play)


# -- agents come, and change --------------------------------------------------------------------------------------


def test_a_new_agent_gets_the_waiting_call_when_the_phone_is_seen():
    play = house(agents=[BORIS])
    assert play >> enters("c1") >> after(5)
    new = replace(ANNA, login_at_start=True)
    assert (
        play
        >> reconfigured(plan([new, BORIS], BOTH))
        << assigns(("1001", "PJSIP/1001"))
        << agent_is("1001", "unreachable")
        << mirrors("1001", member=True)
        >> reachable("1001")
        << rings("c1", "1001")
    )


def test_who_does_not_log_in_by_themselves_is_offline():
    play = house(agents=[BORIS])
    assert play >> reconfigured(HOUSE) << agent_is("1001", "offline") << no(mirrors("1001", member=True))
    assert play >> node_read(reachable=("1001", "1002")) >> login("1001") << agent_is("1001", "ready")


def test_other_skills_count_at_once():
    play = house("1001", "1003")
    assert play >> enters("c1") << rings("c1", "1001") >> enters("c2") >> after(2)
    skilled = replace(VERA, skills={"sales": 1})
    assert play >> reconfigured(plan([ANNA, BORIS, skilled], BOTH)) << rings("c2", "1003")
    assert play >> enters("c3", SUPPORT) << no(fact("c3", "offered"))


def test_the_order_of_the_agents_is_that_of_the_plan():
    top = [sales(strategy="top_down"), support()]
    play = house("1001", "1002", queues=top)
    assert play >> reconfigured(plan([VERA, BORIS, ANNA], top)) >> enters("c1") << rings("c1", "1002")


def test_another_phone_is_used_when_it_is_seen():
    play = house("1001")
    moved = replace(ANNA, endpoint="PJSIP/2001")
    assert (
        play
        >> reconfigured(plan([moved, BORIS, VERA], BOTH))
        << assigns(("1001", "PJSIP/2001"))
        << mirrors("1001", endpoint="PJSIP/1001", member=False)
        << mirrors("1001", endpoint="PJSIP/2001", member=True)
        << agent_is("1001", "unreachable")
    )
    assert play >> enters("c1") >> node_read(reachable=()) >> after(1)
    assert play >> held("c1") >> leaves("c1") >> enters("c2") >> reachable("1001") << rings("c2", "1001")
    rung = [one for one in play.commands if isinstance(one, cmd.Ring)]
    assert [leg.endpoint for leg in rung[-1].legs] == ["PJSIP/2001"]


def test_who_talks_keeps_the_phone_until_the_end_of_it():
    play = house("1001", queues=[sales(wrap_up_s=0, survey=SurveyKind.NONE), support()])
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1")
    moved = replace(ANNA, endpoint="PJSIP/2001", skills={"support": 1})
    changed = plan([moved, BORIS, VERA], [sales(wrap_up_s=0, survey=SurveyKind.NONE), support()])
    assert play >> reconfigured(changed) << no(assigns(("1001", "PJSIP/2001")))
    assert play.core.engine.desk.agents[AgentId("1001")].spec.endpoint == "PJSIP/1001"
    assert play >> talk_ends("c1.1") << says_bye("c1") << assigns(("1001", "PJSIP/2001"))
    assert play.core.engine.desk.agents[AgentId("1001")].spec == moved


def test_a_phone_passes_on_when_the_one_who_leaves_has_finished():
    play = house("1001")
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> enters("c2") >> after(1)
    heir = replace(agent("2001", sales=5), endpoint="PJSIP/1001", login_at_start=True)
    assert play >> reconfigured(plan([heir, BORIS, VERA], BOTH)) << no(assigns(("2001", "PJSIP/1001")))
    assert play >> talk_ends("c1.1") << asks("c1", 1) << assigns(("1001", ""), ("2001", "PJSIP/1001"))
    assert play >> reachable("2001") << rings("c2", "2001")


def test_two_change_their_phones_with_each_other_in_one_moment():
    play = house("1001", "1002", queues=[sales(wrap_up_s=0, survey=SurveyKind.NONE), support()])
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1")
    crossed = [replace(ANNA, endpoint="PJSIP/1002"), replace(BORIS, endpoint="PJSIP/1001"), VERA]
    changed = plan(crossed, [sales(wrap_up_s=0, survey=SurveyKind.NONE), support()])
    assert play >> reconfigured(changed) << no(assigns(("1002", "PJSIP/1001")))
    assert play >> enters("c2") << rings("c2", "1002") >> connected("c2.1") >> talk_ends("c1.1") << says_bye("c1")
    assert (
        play
        >> talk_ends("c2.1")
        << says_bye("c2")
        << assigns(("1001", "PJSIP/1002"), ("1002", "PJSIP/1001"))
        << mirrors("1001", endpoint="PJSIP/1001", member=False)
        << mirrors("1002", endpoint="PJSIP/1001", member=True)
    )
    mirrored = [(one.endpoint, one.member) for one in play.commands if isinstance(one, cmd.MirrorAgent)]
    assert sorted(mirrored[-4:-2]) == [("PJSIP/1001", False), ("PJSIP/1002", False)]
    assert sorted(mirrored[-2:]) == [("PJSIP/1001", True), ("PJSIP/1002", True)]


# -- and the rest -------------------------------------------------------------------------------------------------


def test_who_is_held_for_an_agent_who_is_gone_is_anybodys():
    play = house("1001", "1002")
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1")
    assert play >> enters("c2") << rings("c2", "1002") >> connected("c2.1")
    assert play >> sent_on("c1", "1002") >> after(2)
    assert play >> reconfigured(without(BORIS)) << fact("c1", "returned", reason="logged out")
    assert play >> after(15) << rings("c1", "1001")


def test_who_is_held_for_an_agent_who_may_not_have_the_call_any_more_is_anybodys():
    play = house("1001", queues=[sales(sticky_s=60), support()])
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> leaves("c1")
    assert play >> enters("c2") >> login("1002") << no(fact("c2", "offered"))
    lost = replace(ANNA, skills={})
    assert play >> reconfigured(plan([lost, BORIS, VERA], [sales(sticky_s=60), support()])) << rings("c2", "1002")


def test_a_link_that_is_lost_meanwhile_finds_the_new_plan():
    play = house("1001")
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> node_lost()
    assert play >> reconfigured(without(ANNA)) >> node_read(reachable=("1002",)) << agent_is("1001", "offline")
    assert play.record("c1").outcome is Outcome.ANSWERED


def test_a_daemon_that_stops_changes_nothing_any_more():
    play = house("1001")
    assert play >> stops() >> reconfigured(without(ANNA))
    assert play.core.engine.plan == HOUSE


def test_a_paused_agent_stays_paused_and_a_resting_one_rests():
    play = house("1001", "1002")
    assert play >> pause("1001") >> enters("c1") << rings("c1", "1002") >> after(1)
    assert play >> offer_ends("c1.1", "unreachable") >> reconfigured(plan([VERA, BORIS, ANNA], BOTH))  # type: ignore[arg-type]
    assert play >> after(5) >> ready("1001") << rings("c1", "1001") >> served("c1.2")[0]
    assert "rest:1002" in play.timers()


def test_a_phone_that_was_only_to_be_anothers_stays_when_the_plan_says_so_again():
    play = house("1001", queues=[sales(wrap_up_s=0, survey=SurveyKind.NONE), support()])
    again = [sales(wrap_up_s=0, survey=SurveyKind.NONE), support()]
    moved = replace(ANNA, endpoint="PJSIP/2001")
    assert play >> enters("c1") << rings("c1", "1001") >> connected("c1.1")
    assert play >> reconfigured(plan([moved, BORIS, VERA], again)) >> reconfigured(plan([ANNA, BORIS, VERA], again))
    assert play >> talk_ends("c1.1") << says_bye("c1") << no(assigns(("1001", "PJSIP/2001")))
    assert play >> leaves("c1") >> enters("c2") << rings("c2", "1001")


def test_an_agent_who_leaves_is_sent_home_once():
    play = house("1001", agents=[replace(ANNA, confirm=True), BORIS])
    assert play >> enters("c1") << rings("c1", "1001") >> reconfigured(plan([BORIS], BOTH)) << drops("c1.1")
    before = len(play.commands)
    assert play >> reconfigured(plan([BORIS], BOTH))
    assert play.commands[before:] == []


def test_what_was_in_time_is_taken_off_as_it_was_put_on():
    """A call that goes on into another queue counts there."""
    play = house("1001", "1002", queues=[sales(service_level_s=20), support()])
    assert play >> enters("c1", ago=10) << rings("c1", "1001") >> connected("c1.1")
    assert play >> reconfigured(plan([ANNA, BORIS, VERA], [sales(service_level_s=5, wrap_up_s=0), support()]))
    assert play >> sent_on("c1", SUPPORT) << rings("c1", "1002") >> after(20)
    assert play >> enters("c2", ago=10) << rings("c2", "1001") >> connected("c2.1")
    assert play.core.book.figures.queue("sales").service_level == 0.0


def test_no_step_outlives_a_plan_that_came_between_pick_up_and_bridge():
    play = house("1001")
    assert play >> enters("c1") << rings("c1", "1001") >> picks_up("c1.1")
    steps = sales(SALES, relax={30.0: "sales >= 0", 60.0: "support >= 0"})
    assert play >> reconfigured(plan([ANNA, BORIS, VERA], [steps, support(SUPPORT)])) >> reconfigured(HOUSE)
    assert play >> connected("c1.1")
    assert not {name for name in play.timers() if name.startswith("relax")}
