"""The NPS question after a served call: what counts as a score, and the results that are kept apart."""

from __future__ import annotations

import pytest

from acd.ivr.core import Core
from acd.queues import events as ev
from acd.queues.found import FoundCall
from acd.queues.model import Plan, Side, SurveyKind
from acd.queues.scripts import SurveyScript
from tests.playbooks.playbook import Playbook, start
from tests.playbooks.words import (
    SALES,
    after,
    agent,
    agent_leg_gone,
    asks,
    connected,
    enters,
    event,
    fact,
    hangs_up,
    leaves,
    login,
    no,
    node_lost,
    node_read,
    plan,
    presses,
    queue,
    ready,
    rings,
    says_bye,
    talk_ends,
)

DAY_S = 86_400
QUESTION, THANKS = "acd/nps-question", "acd/nps-thanks"
INVALID, NOTHING, GOODBYE = "acd/nps-invalid", "acd/nps-no-answer", "acd/goodbye"


def asked(**more) -> Playbook:
    """c1 has been served and is being asked."""
    play = start(plan([agent("1001", sales=5)], [queue("sales", "sales >= 1", SALES, wrap_up_s=0)]), **more)
    assert play >> login("1001")
    serve(play, "c1")
    return play


def serve(play: Playbook, call: str, number: str = "79160000001") -> None:
    assert play >> enters(call, number=number) << rings(call, "1001") >> connected(f"{call}.1") >> after(5)
    assert play >> talk_ends(f"{call}.1") << asks(call, 1, QUESTION)


def result(play: Playbook, call: str = "c1") -> tuple[str | None, int | None]:
    record = play.record(call)
    return record.survey_result, record.survey_score


@pytest.mark.parametrize("score", range(11))
def test_every_score_from_0_to_10_is_taken_at_the_first_asking(score):
    play = asked()
    assert play >> presses("c1", str(score), 1) << says_bye("c1", THANKS) >> presses("c1", "", 2) >> leaves("c1")
    assert result(play) == ("answered", score)


def test_a_second_key_is_waited_for_only_after_a_one():
    play = asked()
    collect = [command for command in play.commands if type(command).__name__ == "Collect"][-1]
    assert (collect.more_after, collect.more_s, collect.first_s) == ("1", 2.0, 6.0)


@pytest.mark.parametrize("rubbish", ["15", "*", "#", "11", "1*", "00", "010"])
def test_rubbish_is_asked_once_more_and_then_invalid(rubbish):
    play = asked()
    assert (
        play
        >> presses("c1", rubbish, 1)
        << asks("c1", 2, INVALID, QUESTION)
        >> presses("c1", rubbish, 2)
        << says_bye("c1", GOODBYE)
        >> leaves("c1")
    )
    assert result(play) == ("invalid", None)


def test_silence_is_asked_once_more_and_then_no_answer():
    play = asked()
    assert (
        play
        >> presses("c1", "", 1, "timeout")
        << asks("c1", 2, NOTHING, QUESTION)
        >> presses("c1", "", 2, "timeout")
        << says_bye("c1", GOODBYE)
        >> leaves("c1")
    )
    assert result(play) == ("no_answer", None)


def test_rubbish_and_silence_together_are_invalid_in_either_order():
    for first, second in (("15", ""), ("", "15")):
        play = asked()
        assert play >> presses("c1", first, 1) << asks("c1", 2) >> presses("c1", second, 2) << says_bye("c1")
        assert result(play) == ("invalid", None)


def test_the_second_asking_may_give_a_score():
    play = asked()
    assert play >> presses("c1", "15", 1) << asks("c1", 2) >> presses("c1", "10", 2) << says_bye("c1", THANKS)
    assert result(play) == ("answered", 10)


def test_a_caller_who_hangs_up_at_the_prompt():
    play = asked()
    assert play >> leaves("c1") << fact("c1", "survey_ended", result="hung_up") << fact("c1", "ended")
    assert result(play) == ("hung_up", None)


def test_silence_of_a_caller_who_is_hanging_up_is_no_answer_of_its_own():
    play = asked()
    assert play >> presses("c1", "15", 1) << asks("c1", 2)
    assert play >> hangs_up("c1", Side.CALLER) >> presses("c1", "", 2) >> leaves("c1")
    assert result(play) == ("hung_up", None)


def test_a_key_pressed_just_before_hanging_up_counts():
    play = asked()
    assert play >> hangs_up("c1", Side.CALLER) >> presses("c1", "8", 1) << says_bye("c1") >> leaves("c1")
    assert result(play) == ("answered", 8)


def test_an_answer_to_an_order_that_is_over_means_nothing():
    play = asked()
    assert play >> presses("c1", "15", 1) << asks("c1", 2) >> presses("c1", "3", 1) >> presses("c1", "9", 7)
    assert play >> presses("c1", "9", 2) << says_bye("c1") >> presses("c1", "0", 2) >> presses("c1", "0", 3)
    assert result(play) == ("answered", 9)


def test_a_caller_who_was_not_served_is_not_asked():
    play = start(plan([agent("1001", sales=5)]))
    assert play >> enters("c1") >> after(5) >> leaves("c1")
    assert result(play) == ("not_offered", None)


def test_a_queue_without_a_survey_says_goodbye():
    play = start(plan([agent("1001", sales=5)], [queue("sales", "sales >= 1", SALES, survey=SurveyKind.NONE)]))
    assert play >> login("1001") >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> after(5)
    assert play >> talk_ends("c1.1") << says_bye("c1") << no(fact("c1", "survey_asked")) >> leaves("c1")
    assert result(play) == ("not_offered", None)


def test_the_same_number_is_not_asked_again_within_thirty_days():
    play = asked()
    assert play >> leaves("c1") >> after(29 * DAY_S)
    assert play >> enters("c2") << rings("c2", "1001") >> connected("c2.1") >> talk_ends("c2.1") << says_bye("c2")
    assert play >> leaves("c2")
    assert result(play, "c2") == ("not_offered", None)
    serve(play, "c3", number="79160000002")
    assert play >> leaves("c3") >> after(1 * DAY_S + 1)
    assert play >> event("a day begins", lambda at: ev.DayBegan(at, at))
    serve(play, "c4")


def test_a_number_asked_before_the_daemon_started_is_remembered():
    play = start(plan([agent("1001", sales=5)], [queue("sales", "sales >= 1", SALES, wrap_up_s=0)]))
    play.core.surveys.remember({"79160000001": play.now - DAY_S})
    assert play >> login("1001") >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> after(1)
    assert play >> talk_ends("c1.1") << says_bye("c1")


def test_callers_without_a_number_are_each_asked():
    play = start(plan([agent("1001", sales=5)], [queue("sales", "sales >= 1", SALES, wrap_up_s=0)]))
    assert play >> login("1001")
    serve(play, "c1", number="")
    assert play >> leaves("c1")
    serve(play, "c2", number="")


def test_a_caller_who_came_back_to_the_line_is_asked_once():
    play = asked()
    assert play >> node_lost() >> ready("1001")
    assert play >> node_read(found_in_hold(play), reachable=("1001",)) << rings("c1", "1001")
    assert play >> connected("c1.2") >> after(4) >> agent_leg_gone("c1.2") >> talk_ends("c1.2") << says_bye("c1")
    assert play >> leaves("c1")
    assert [one.fact for one in play.record("c1").events].count("survey_asked") == 1


def found_in_hold(play: Playbook) -> FoundCall:
    record = play.record("c1")
    return FoundCall(record.id, record.did, record.number, record.name, record.entered_at, "hold")


def test_a_survey_whose_call_vanished_is_no_answer_and_nothing_is_awaited_any_more():
    play = asked()
    assert play >> node_lost() >> after(10) >> node_read(reachable=("1001",)) << fact("c1", "ended", outcome="answered")
    assert result(play) == ("no_answer", None)
    assert play >> presses("c1", "9", 1) << no(fact("c1", "survey_ended"))


def test_a_script_may_ask_but_once():
    def make(shop: Plan) -> Core:
        return Core(shop, SurveyScript(attempts=1))

    play = asked(make=make)
    assert play >> presses("c1", "", 1) << says_bye("c1", GOODBYE)
    assert result(play) == ("no_answer", None)
