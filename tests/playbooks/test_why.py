"""What a supervisor is told when asking why a call is where it is."""

from __future__ import annotations

from acd.queues.model import CallId, OfferResult, Side
from acd.queues.why import explain
from tests.playbooks.playbook import Playbook, start
from tests.playbooks.words import (
    SALES,
    after,
    agent,
    connected,
    enters,
    hangs_up,
    login,
    node_lost,
    offer_ends,
    own_call,
    pause,
    plan,
    queue,
    reachable,
    rings,
    says_bye,
    stops,
)


def why(play: Playbook, call: str = "c1"):
    return explain(play.core.engine, play.core.engine.calls[CallId(call)], play.now)


def reasons(play: Playbook, call: str = "c1") -> dict[str, str]:
    return {candidate.agent_id: candidate.reason for candidate in why(play, call).candidates}


def test_every_agent_is_named_with_a_reason():
    agents = [agent(name, sales=5) for name in ("off", "busy", "gone", "paused", "talks", "wraps", "rung")]
    play = start(plan([*agents, agent("other", support=5)]))
    for name in ("talks", "wraps", "rung"):
        assert play >> login(name) >> enters(f"c-{name}") << rings(f"c-{name}", name)
    assert play >> connected("c-talks.1") >> connected("c-wraps.1") >> hangs_up("c-wraps", Side.CALLER)
    assert play >> login("busy") >> own_call("busy") >> login("gone") >> reachable("gone", False)
    assert play >> login("paused") >> pause("paused", "lunch") >> login("other") >> enters("c1")
    assert reasons(play) == {
        "off": "logged out",
        "busy": "the phone is busy with a call of its own",
        "gone": "the phone is not reachable",
        "paused": "paused: lunch",
        "talks": "talking to another caller: c-talks",
        "wraps": "in wrap-up for 15 s",
        "rung": "another call came before and is being offered: c-rung of sales, 0.00 points",
        "other": "skills: sales >= 1 is required, sales is missing",
    }
    answer = why(play)
    assert (answer.summary, answer.position) == (
        "7 qualified, none of them free: offline 1, busy 1, unreachable 1, paused 1, talking 1, wrap-up 1, offered 1",
        1,
    )
    assert answer.obstacles == dict.fromkeys(
        ("offline", "busy", "unreachable", "paused", "talking", "wrap_up", "offered", "skills"), 1
    )
    assert [candidate.agent_id for candidate in answer.candidates if not candidate.eligible] == ["other"]


def test_a_waiting_call_knows_its_position():
    play = start(plan([agent("1001", support=5)]))
    assert play >> enters("c1") >> after(1) >> enters("c2")
    assert (why(play, "c1").position, why(play, "c2").position) == (1, 2)
    assert why(play).summary == "no agent has the skills it needs"


def test_an_offered_and_a_talking_call_name_their_agent():
    play = start(plan([agent("1001", sales=5)]))
    assert play >> login("1001") >> enters("c1") << rings("c1", "1001")
    assert why(play).summary == "it is being offered to Agent 1001"
    assert reasons(play) == {"1001": "this call is theirs"}
    assert why(play).position is None
    assert play >> connected("c1.1")
    assert why(play).summary == "it is being talked on with Agent 1001"
    assert play >> hangs_up("c1", Side.CALLER)
    assert why(play).summary == "its conversation is over"


def test_a_call_that_rests_says_how_long():
    play = start(plan([agent("1001", sales=5)]))
    assert play >> login("1001") >> enters("c1") << rings("c1", "1001") >> offer_ends("c1.1", OfferResult.ERROR)
    assert why(play).summary == "the last offer failed; the next one comes in 2 s"
    assert reasons(play) == {"1001": "an offer to the phone failed; it rests for 2 s"}


def test_a_refusal_is_named_with_its_end():
    play = start(plan([agent("1001", sales=5)]))
    assert play >> login("1001") >> enters("c1") << rings("c1", "1001") >> offer_ends("c1.1", OfferResult.REFUSED)
    assert play >> after(4)
    assert reasons(play) == {"1001": "refused this call; asked again in 6 s at the latest"}


def test_a_relaxation_to_come_is_named():
    queues = [queue("sales", "sales >= 3", SALES, relax={30: "sales >= 1"})]
    play = start(plan([agent("1001", sales=1)], queues))
    assert play >> login("1001") >> enters("c1") >> after(10)
    assert reasons(play) == {"1001": "skills: sales >= 3 is required, sales is 1; may take it in 20 s"}
    assert why(play).summary == "nobody may take it yet; the next step opens in 20 s"


def test_a_lost_link_and_a_stopping_daemon_are_reasons():
    play = start(plan([agent("1001", sales=5)]))
    assert play >> enters("c1") >> node_lost()
    assert why(play).summary == "its Asterisk cannot be steered at the moment; the place is kept"
    assert play >> stops()
    assert why(play).summary == "the daemon is stopping"


def test_a_caller_on_the_way_out_is_not_offered():
    play = start(plan([agent("1001", sales=5)]))
    assert play >> enters("c1") >> hangs_up("c1", Side.CALLER) >> login("1001")
    assert why(play).summary == "the caller is hanging up"


def test_a_call_to_nobody_is_said_goodbye():
    play = start(plan([agent("1001", sales=5)]))
    assert play >> login("1001") >> enters("c1", "000") << says_bye("c1")
    assert why(play).summary == "it is being said goodbye"
    assert reasons(play) == {"1001": "the call is in no queue"}
