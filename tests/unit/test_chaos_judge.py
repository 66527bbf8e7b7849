"""The judge of a chaos run: what it must find when it happens, and what it must let pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from acd.lab.chaos.diary import CallerSeen, LegSeen
from acd.lab.chaos.evidence import Evidence
from acd.lab.chaos.hammer import Order
from acd.lab.chaos.judge import judge, lost
from acd.lab.chaos.schedule import Kind
from acd.lab.chaos.service import Blow, Look, Service

NUMBER, OTHER = "+79160000001", "+79160000002"
ALWAYS_UP = Service([Look(float(at), True) for at in range(100)], [])
DOWN_20_TO_40 = Service([Look(float(at), not 20 < at < 40) for at in range(100)], [])

CALLER = CallerSeen(NUMBER, "1", 10.0, 10.1, 30.0, agent_voice=True, status=200)
LEG = LegSeen("1001", NUMBER, 11.0, 12.0, 20.0, by_agent=True, status=200)


def record(number: str = NUMBER, outcome: str = "answered", entered: float = 10.1, score: int | None = None) -> Any:
    return {
        "id": f"call-of-{number}",
        "number": number,
        "outcome": outcome,
        "entered_at": datetime.fromtimestamp(entered, UTC).isoformat(),
        "survey": {"result": "answered" if score is not None else "not_offered", "score": score},
        "queue": "sales",
        "agent": "1001" if outcome == "answered" else None,
        "answered_at": datetime.fromtimestamp(12.0, UTC).isoformat() if outcome == "answered" else None,
        "talk_s": 8.0 if outcome == "answered" else None,
        "fallback": False,
        "offers": [],
    }


FAIR = Evidence([CALLER], [LEG], [record()], ALWAYS_UP)


def found(evidence: Evidence) -> list[str]:
    return [f"{one.promise}: {one.what}" for one in judge(evidence)]


def test_a_served_caller_with_one_record_breaks_nothing() -> None:
    assert found(FAIR) == []


def test_a_caller_who_is_hung_up_on_is_lost() -> None:
    evidence = replace(
        FAIR, legs=[], callers=[replace(CALLER, agent_voice=False)], records=[record(outcome="abandoned")]
    )
    assert any("hung up on after 20.0 s" in text for text in found(evidence))
    assert lost(judge(evidence)) == 1


def test_a_goodbye_by_a_rule_is_no_loss() -> None:
    caller = replace(CALLER, agent_voice=False)
    for outcome in ("overflowed", "timed_out", "closed"):
        assert found(replace(FAIR, legs=[], callers=[caller], records=[record(outcome=outcome)])) == []


def test_a_conversation_that_neither_ended_was_cut_off() -> None:
    evidence = replace(FAIR, legs=[replace(LEG, by_agent=False)])
    assert found(evidence) == [
        "callers are not lost: the conversation with 1001 was ended by neither",
        "conversations are not broken off: taken from 1001 after 8.0 s",
    ]


def test_who_is_taken_from_an_agent_is_found_even_if_served_later() -> None:
    first, second = replace(LEG, by_agent=False), LegSeen("1002", NUMBER, 21.0, 22.0, 29.0, by_agent=True)
    at_22 = {**record(), "agent": "1002", "talk_s": 15.0}
    evidence = replace(FAIR, legs=[first, second], records=[at_22])
    assert found(evidence) == ["conversations are not broken off: taken from 1001 after 8.0 s"]
    at_once = replace(first, ended_at=12.3)
    later = {**at_22, "talk_s": 7.0, "answered_at": datetime.fromtimestamp(22.0, UTC).isoformat()}
    assert found(replace(evidence, legs=[at_once, second], records=[later])) == []


def test_an_end_that_asterisk_took_with_it_may_be_recorded_as_lost() -> None:
    """What it notes it saves a second later."""
    caller = replace(CALLER, ended_at=22.0)
    evidence = replace(FAIR, callers=[caller], records=[record(outcome="lost")], service=DOWN_20_TO_40)
    told = "records are calls: the caller talked for 8.0 s, recorded as lost"
    assert found(evidence) == [told]
    assert found(replace(evidence, asterisk_down=[(23.0, 25.0)])) == []
    assert found(replace(evidence, asterisk_down=[(30.0, 31.0)])) == [told]


def test_who_is_still_on_the_line_was_forgotten() -> None:
    evidence = replace(FAIR, callers=[replace(CALLER, ended_at=None)], left=[NUMBER])
    assert "callers are not lost: still on the line in the end" in found(evidence)


def test_who_is_not_let_in_is_lost_unless_asterisk_was_away() -> None:
    caller = CallerSeen(NUMBER, "1", 10.0, None, 10.2, status=503)
    evidence = Evidence([caller], [], [], ALWAYS_UP)
    assert found(evidence) == ["callers are let in: refused with 503"]
    assert found(replace(evidence, asterisk_down=[(9.0, 11.0)])) == []


def test_a_long_silence_is_a_dead_end() -> None:
    assert "no dead ends: heard nothing for 11.0 s" in found(
        replace(FAIR, callers=[replace(CALLER, longest_silence_s=11.0)])
    )


def test_two_calls_at_one_telephone_are_a_double_offer_unless_it_was_deaf() -> None:
    callers = [CALLER, replace(CALLER, number=OTHER)]
    second = LegSeen("1001", OTHER, 15.0, None, 15.0, turned_away=True, status=486, by_agent=True)
    third = LegSeen("1002", OTHER, 21.0, 22.0, 29.0, by_agent=True)
    other = {
        **record(OTHER),
        "agent": "1002",
        "answered_at": datetime.fromtimestamp(22.0, UTC).isoformat(),
        "talk_s": 7.0,
    }
    evidence = Evidence(callers, [LEG, second, third], [record(), other], ALWAYS_UP)
    assert found(evidence) == [f"one offer an agent: 1001 had {NUMBER} when {OTHER} came"]
    assert found(replace(evidence, deaf={"1001": [(14.0, 14.5)]})) == []


def test_one_call_at_two_telephones_is_found() -> None:
    evidence = replace(FAIR, legs=[LEG, LegSeen("1002", NUMBER, 11.5, None, 12.1, status=487)])
    assert found(evidence) == ["one phone a call: it came to 1002 while it was at 1001"]


def test_the_second_telephone_may_ring_for_a_moment_before_the_first_is_silent() -> None:
    """Not when somebody had picked it up."""
    first = LegSeen("1002", NUMBER, 10.2, None, 10.9, status=487)
    assert found(replace(FAIR, legs=[first, replace(LEG, invited_at=10.5)])) == []
    assert found(replace(FAIR, legs=[first, replace(LEG, invited_at=10.3)])) != []
    talked = replace(first, answered_at=10.3, by_agent=True)
    assert found(replace(FAIR, legs=[talked, replace(LEG, invited_at=10.5)])) != []


def test_a_telephone_that_was_deaf_may_hear_of_an_offer_when_it_is_over() -> None:
    """It was sent again until then, and was taken back at the first answer."""
    late = LegSeen("1002", NUMBER, 12.5, None, 12.505, status=487)
    told = ["one phone a call: it came to 1002 while it was at 1001"]
    offers = [{"agent": "1002", "at": datetime.fromtimestamp(10.2, UTC).isoformat()}]
    evidence = replace(FAIR, legs=[LEG, late], records=[{**record(), "offers": offers}])
    assert found(evidence) == told
    deaf = replace(evidence, deaf={"1002": [(5.0, 10.5)]})
    assert found(deaf) == []
    assert found(replace(deaf, legs=[LEG, replace(late, ended_at=13.5)])) == told
    assert found(replace(deaf, records=[record()])) == told, "it was not offered while nobody could hear it"


def test_a_telephone_that_was_deaf_may_turn_away_an_offer_that_is_over() -> None:
    other = replace(CALLER, number=OTHER, by_caller=True, agent_voice=False)
    late = LegSeen("1001", OTHER, 13.0, None, 13.0, turned_away=True, status=486, by_agent=True)
    offers = [{"agent": "1001", "at": datetime.fromtimestamp(10.3, UTC).isoformat()}]
    records = [record(), {**record(OTHER, "abandoned"), "offers": offers}]
    evidence = Evidence([CALLER, other], [LEG, late], records, ALWAYS_UP)
    told = [f"one offer an agent: 1001 had {NUMBER} when {OTHER} came"]
    assert found(evidence) == told
    deaf = replace(evidence, deaf={"1001": [(5.0, 10.5)]})
    assert found(deaf) == []
    assert found(replace(deaf, legs=[LEG, replace(late, ended_at=14.0)])) == told
    assert found(replace(deaf, records=[record(), record(OTHER, "abandoned")])) == told


def test_records_that_are_missing_doubled_or_invented_are_found() -> None:
    assert found(replace(FAIR, records=[])) == ["records are calls: not recorded"]
    assert "recorded 2 times" in found(replace(FAIR, records=[record(), record()]))[0]
    assert "nobody called" in found(replace(FAIR, records=[record(), record(OTHER)]))[0]


def test_what_nobody_could_see_is_counted_apart() -> None:
    caller = replace(CALLER, invited_at=25.0, answered_at=25.1, ended_at=35.0, cut=True)
    evidence = Evidence([caller], [], [], DOWN_20_TO_40)
    assert found(evidence) == []
    assert evidence.unseen() == [caller]
    assert replace(evidence, service=ALWAYS_UP).unseen() == []
    early = replace(caller, cut=False, by_caller=True)
    assert replace(evidence, callers=[early], asterisk_down=[(36.5, 38.0)]).unseen() == [early]
    gone = replace(caller, cut=False, by_caller=True)
    assert found(replace(evidence, callers=[gone])) == ["records are calls: not recorded"]


def test_outcomes_must_be_what_was_seen() -> None:
    gone = replace(CALLER, agent_voice=False, by_caller=True)
    assert found(Evidence([gone], [], [record(outcome="abandoned")], ALWAYS_UP)) == []
    assert found(Evidence([gone], [], [record()], ALWAYS_UP)) == [
        "records are calls: recorded as answered, and no agent answered",
        "records are calls: the caller gave up, recorded as answered",
    ]
    assert "talked for 8.0 s, recorded as abandoned" in found(replace(FAIR, records=[record(outcome="abandoned")]))[0]
    assert "out of service" in found(Evidence([gone], [], [record(outcome="lost")], ALWAYS_UP))[-1]
    assert found(Evidence([gone], [], [record(outcome="lost")], DOWN_20_TO_40)) == [
        "records are calls: the caller gave up, recorded as lost"
    ]
    assert found(Evidence([gone], [], [record(outcome="lost")], DOWN_20_TO_40, asterisk_down=[(31.0, 32.0)])) == []
    cut = replace(FAIR, callers=[replace(CALLER, cut=True)], legs=[], records=[record(outcome="abandoned")])
    assert found(cut) == ["records are calls: cut by the end of Asterisk, recorded as abandoned"]
    assert found(replace(cut, legs=[LEG], records=[record()])) == []  # served before
    talking = replace(LEG, ended_at=30.0, cut=True)
    long_talk = {**record(), "talk_s": 18.0}
    assert "cut by the end of Asterisk" in found(replace(cut, legs=[talking], records=[long_talk]))[0]
    assert found(replace(cut, legs=[talking], records=[{**long_talk, "outcome": "lost"}])) == []


def test_who_hangs_up_as_the_agent_picks_up_was_answered_or_not() -> None:
    gone = replace(CALLER, agent_voice=False, by_caller=True, ended_at=20.0)
    leg = replace(LEG, answered_at=20.1, ended_at=20.2, by_agent=False)
    for outcome, talk_s in (("answered", 0.0), ("abandoned", None)):
        crossed = Evidence([gone], [leg], [{**record(outcome=outcome), "talk_s": talk_s}], ALWAYS_UP)
        assert found(crossed) == []
        late = replace(crossed, legs=[replace(leg, answered_at=20.3)])
        assert ("no agent answered" in str(found(late))) is (outcome == "answered")


def test_a_score_is_stored_as_it_was_pressed() -> None:
    pressed = replace(CALLER, score=9)
    assert found(Evidence([pressed], [LEG], [record(score=9)], ALWAYS_UP)) == []
    assert "pressed 9, stored 1" in found(Evidence([pressed], [LEG], [record(score=1)], ALWAYS_UP))[0]
    assert "stored nothing" in found(Evidence([pressed], [LEG], [record()], ALWAYS_UP))[0]
    assert found(Evidence([pressed], [LEG], [record()], DOWN_20_TO_40)) == []


def test_the_entry_must_be_when_the_caller_came() -> None:
    assert "entered +5.0 s" in found(replace(FAIR, records=[record(entered=15.1)]))[0]


def test_the_record_must_name_who_talked_since_when_and_for_how_long() -> None:
    assert found(replace(FAIR, records=[{**record(), "agent": "1002"}])) == [
        "records are calls: 1001 talked with the caller, recorded as 1002"
    ]
    late = datetime.fromtimestamp(15.0, UTC).isoformat()
    assert "answered +3.0 s from when" in found(replace(FAIR, records=[{**record(), "answered_at": late}]))[0]
    assert "talked for 8.0 s, recorded as 4.0" in found(replace(FAIR, records=[{**record(), "talk_s": 4.0}]))[0]
    shaky = Service([Look(float(at), not 11 < at < 14) for at in range(100)], [])
    assert found(replace(FAIR, service=shaky, records=[{**record(), "talk_s": 4.0}])) == []


def test_who_is_paused_by_order_is_left_in_peace() -> None:
    def order(what: str, at: float, status: int = 200) -> Order:
        return Order("1001", what, at, at + 0.1, status)

    assert found(replace(FAIR, orders=[order("pause", 9.0)])) == [
        "breaks are respected: 1001 was rung 1.9 s after being paused by order"
    ]
    assert found(replace(FAIR, orders=[order("pause", 9.0, 503)])) == []
    assert found(replace(FAIR, orders=[order("pause", 9.0)], unknown={"1001": [(9.5, 10.0)]})) == []
    assert found(replace(FAIR, orders=[order("pause", 9.0)], unknown={"1001": [(8.0, 8.5)]})) != []
    assert found(replace(FAIR, orders=[order("pause", 9.0), order("ready", 10.5)])) == []
    assert found(replace(FAIR, orders=[replace(order("ready", 8.9), answered_at=9.5), order("pause", 9.0)])) == []


def test_of_an_order_that_could_not_be_told_asterisks_own_queue_knows_nothing_until_it_can() -> None:
    """Paused at 25 in an outage from 20 to 40, or so; rung at 30 by a queue that had not been told."""
    what = "breaks are respected: 1001 was rung 4.9 s after being paused by order"
    caller = replace(CALLER, invited_at=29.0, answered_at=29.1, ended_at=60.0)
    leg = replace(LEG, invited_at=30.0, answered_at=31.0, ended_at=39.0)
    alone = {**record(entered=29.1), "fallback": True, "offers": []}
    untold = Order("1001", "pause", 25.0, 25.1, 200, mirrored=False)
    fair = Evidence([caller], [leg], [alone], DOWN_20_TO_40, orders=[untold])
    assert found(fair) == []
    assert found(replace(fair, orders=[replace(untold, mirrored=True)])) == [what], "it was promised"
    ours = [{"agent": "1001", "at": datetime.fromtimestamp(29.9, UTC).isoformat()}]
    assert found(replace(fair, records=[{**alone, "offers": ours}])) == [what], "by our own offer"
    assert found(replace(fair, records=[{**alone, "fallback": False}])) == [what]
    twice = Service([Look(float(at), not (20 < at < 26 or 28 < at < 40)) for at in range(100)], [])
    assert found(replace(fair, service=twice)) == [what], "there was time to tell"


def test_the_day_must_be_what_the_records_add_up_to() -> None:
    today = {"offered": 1, "answered": 1, "abandoned": 0}
    assert found(replace(FAIR, today={"sales": today})) == []
    assert found(replace(FAIR, today={"sales": {**today, "answered": 2}})) == [
        "figures are records: sales: answered 2 today, 1 by the records"
    ]


def test_a_kill_makes_an_outage_even_if_no_look_caught_it() -> None:
    service = Service([Look(float(at), True) for at in range(100)], [Blow(Kind.KILL, 20.2, 20.3)])
    assert not service.calm(20, 21)
