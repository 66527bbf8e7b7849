"""A daemon that begins: agents as they were, nobody offered anything before the whole picture is there, holds kept."""

from __future__ import annotations

from acd.ivr.core import Core
from acd.queues import commands as cmd
from acd.queues import events as ev
from acd.queues.journey import CallRecord
from acd.queues.model import AgentId, OfferResult
from acd.queues.why import explain
from tests.playbooks.playbook import START, Playbook, start
from tests.playbooks.words import (
    SALES,
    SUPPORT,
    Step,
    after,
    agent,
    agent_is,
    agents_restored,
    boots,
    connected,
    enters,
    event,
    fact,
    found,
    leaves,
    login,
    logout,
    no,
    node_read,
    offer_ends,
    opens,
    pause,
    plan,
    pulled,
    queue,
    reachable,
    ready,
    rings,
    says_bye,
    sent_on,
    timer,
    withdraws,
)

ALL = ("1001", "1002", "1003")
KNOWN = "+79160000001"


def shop(*at_start: str, **queue_facts: object) -> Playbook:
    """Three agents; those named log in at the start of the daemon."""
    agents = [agent(one, login=one in at_start, sales=5) for one in ALL]
    queues = [queue("sales", "sales >= 1", SALES, **queue_facts), queue("support", "sales >= 1", SUPPORT)]
    return start(plan(agents, queues))


def kept(before: Playbook) -> tuple[cmd.AgentKept, ...]:
    """What the database has of the agents: the last word about each."""
    last = {command.agent_id: command for command in before.commands if isinstance(command, cmd.AgentKept)}
    return tuple(last.values())


def loaded(before: Playbook, *calls: str, served_by: tuple[tuple[str, AgentId], ...] = ()) -> Step:
    records: tuple[CallRecord, ...] = tuple(before.record(call) for call in calls)
    return event("the records are loaded", lambda at: ev.Restored(at, records, served_by=served_by))


def next_daemon(before: Playbook, *at_start: str, after_s: float = 5.0, **queue_facts: object) -> Playbook:
    """The daemon after this one, which was killed; it begins so many seconds later."""
    play = shop(*at_start, **queue_facts)
    play.now = before.now + after_s
    assert play >> boots() >> agents_restored(*kept(before))
    return play


# -- the agents ---------------------------------------------------------------------------------------------


def test_the_first_daemon_logs_in_those_who_are_to_be():
    play = shop("1001")
    assert play >> boots() >> agents_restored() << agent_is("1001", "ready") << no(agent_is("1002", "ready"))


def test_who_logged_in_by_hand_is_logged_in_and_who_logged_out_is_out():
    before = shop("1001", "1003")
    assert before >> agents_restored() >> login("1002") >> logout("1001")
    play = shop("1001", "1003")
    assert (
        play
        >> agents_restored(*kept(before))
        << agent_is("1001", "offline")
        << agent_is("1002", "ready")
        << agent_is("1003", "ready")
    )


def test_a_pause_goes_on_with_its_reason_also_one_said_while_talking():
    before = shop("1001", "1002")
    assert before >> agents_restored() >> pause("1001", "lunch")
    assert before >> enters("c1") << rings("c1", "1002") >> connected("c1.1") >> pause("1002", "doctor")
    play = next_daemon(before)
    desk = play.core.engine.desk.agents
    assert [desk[AgentId(one)].pause_reason for one in ALL] == ["lunch", "doctor", None]
    assert play >> loaded(before, "c1") << agent_is("1002", "talking")
    seen = found("c1", "connect", offer_id="c1.1", agent_id="1002", bridged=True)
    assert play >> node_read(seen, reachable=ALL) >> opens() >> leaves("c1") << agent_is("1002", "paused")


def test_a_wrap_up_ends_when_it_would_have():
    before = shop("1001", wrap_up_s=60)
    assert before >> agents_restored() >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> leaves("c1")
    play = next_daemon(before, after_s=20, wrap_up_s=60)
    assert "wrap:1001" in play.timers()
    assert play >> node_read(reachable=ALL) >> opens() >> enters("c2") >> after(39.9)
    assert play >> after(0.2) << rings("c2", "1001")


def test_a_wrap_up_that_ended_meanwhile_counts_as_idle_since_then():
    before = shop("1001", "1002", wrap_up_s=10)
    assert before >> agents_restored() >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> leaves("c1")
    play = next_daemon(before, after_s=100, wrap_up_s=10)
    assert play.core.engine.desk.agents[AgentId("1001")].idle_since == START + 10
    assert "wrap:1001" not in play.timers()
    assert play >> node_read(reachable=ALL) >> opens() >> enters("c2") << rings("c2", "1002")


def test_a_clock_that_was_set_back_makes_no_wrap_up_longer():
    before = shop("1001", wrap_up_s=60)
    assert before >> agents_restored() >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> leaves("c1")
    play = shop("1001", wrap_up_s=60)
    play.now -= 3600
    assert play >> agents_restored(*kept(before)) << timer("wrap:1001", in_s=60)


def test_the_longest_idle_is_the_longest_idle_after_a_restart_too():
    before = shop()
    for one in ("1002", "1003", "1001"):
        assert before >> login(one) >> after(10)
    play = next_daemon(before)
    assert play >> node_read(reachable=ALL) >> opens()
    for nth, one in enumerate(("1002", "1003", "1001")):
        assert play >> enters(f"c{nth}") << rings(f"c{nth}", one)


def test_ring_outs_in_a_row_are_counted_on():
    before = shop("1001", missed_limit=2)
    assert before >> agents_restored() >> enters("c1") << rings("c1", "1001")
    assert before >> offer_ends("c1.1", OfferResult.NO_ANSWER) << rings("c1", "1001") >> leaves("c1")
    play = next_daemon(before, missed_limit=2)
    assert play >> node_read(reachable=ALL) >> opens() >> enters("c2") << rings("c2", "1001")
    assert play >> offer_ends("c2.1", OfferResult.NO_ANSWER) << agent_is("1001", "paused", reason="missed")


def test_a_dead_phone_is_left_alone_by_the_next_daemon_too():
    before = shop("1001")
    assert before >> agents_restored() >> enters("c1") << rings("c1", "1001")
    assert before >> offer_ends("c1.1", OfferResult.UNREACHABLE) << agent_is("1001", "unreachable") >> leaves("c1")
    play = next_daemon(before)
    assert play >> node_read(reachable=ALL) >> opens() >> enters("c2") >> after(24)
    assert play >> after(2) << rings("c2", "1001")


def test_a_database_that_comes_late_does_not_undo_what_was_said_since():
    before = shop("1001", "1002", "1003")
    assert before >> agents_restored() >> logout("1001") >> logout("1002") >> logout("1003")
    play = shop("1001", "1002", "1003")
    assert play >> boots() >> agents_restored() >> node_read(reachable=ALL) >> opens()
    assert play >> enters("c1") << rings("c1", "1001")  # nobody could know better
    assert play >> login("1002") >> pause("1003", "lunch")
    assert play >> agents_restored(*kept(before)) << withdraws("c1.1") << rings("c1", "1002")
    assert play >> login("1001") >> login("1003") << no(agent_is("1003", "ready")) >> ready("1003")


def test_every_change_that_matters_is_kept_once_and_nothing_else():
    play = shop()
    assert play >> login("1001") >> reachable("1001", True) >> enters("c1") << rings("c1", "1001")
    assert play >> connected("c1.1") >> after(1) >> leaves("c1")
    told = [command for command in play.commands if isinstance(command, cmd.AgentKept)]
    assert [(one.agent_id, one.standing.wrap_until) for one in told] == [("1001", None), ("1001", play.now + 15)]


# -- the door -----------------------------------------------------------------------------------------------


def test_nobody_is_offered_anything_before_everything_is_read_and_then_in_order():
    play = shop("1001", "1002")
    assert play >> boots() >> agents_restored() >> enters("late") >> after(1)
    early = found("early", "hold", entered_at=START - 60)
    assert play >> node_read(early, found("late", "hold", entered_at=START), reachable=ALL) >> after(1)
    assert play >> opens() << rings("early", "1001") << rings("late", "1002")


def test_why_says_that_the_daemon_is_starting():
    play = shop("1001")
    assert play >> boots() >> agents_restored() >> enters("c1")
    call = play.core.engine.calls["c1"]
    assert "starting" in explain(play.core.engine, call, play.now).summary
    refusal = play.core.engine.refusal(pulled("c1", "1001").event(play.now))
    assert refusal is not None and "starting" in str(refusal)
    assert play >> opens() << rings("c1", "1001")


def test_who_came_before_the_door_was_open_is_asked_the_limits_then():
    play = shop(max_waiting=1)
    assert play >> boots() >> agents_restored() >> enters("c1") >> enters("c2") << no(fact("c2", "overflowed"))
    assert play >> opens() << fact("c2", "overflowed") << says_bye("c2")


# -- holds for one agent ------------------------------------------------------------------------------------


def test_a_call_sent_to_an_agent_is_held_for_that_agent_by_the_next_daemon():
    before = shop("1001", "1002", "1003", wrap_up_s=0)
    assert before >> agents_restored() >> enters("c1") << rings("c1", "1001") >> connected("c1.1")
    assert before >> enters("c2") << rings("c2", "1002") >> connected("c2.1")
    assert before >> sent_on("c1", "1002")  # who is talking: the call waits for that agent
    play = next_daemon(before, wrap_up_s=0)
    talk = found("c2", "connect", offer_id="c2.1", agent_id="1002", bridged=True)
    assert play >> loaded(before, "c1", "c2") >> node_read(found("c1", "hold"), talk, reachable=ALL) >> opens()
    assert play >> after(10) >> leaves("c2") << rings("c1", "1002")


def test_such_a_hold_ends_when_it_would_have():
    before = shop("1001", "1002", "1003", wrap_up_s=0)
    assert before >> agents_restored() >> enters("c1") << rings("c1", "1001") >> connected("c1.1")
    assert before >> enters("c2") << rings("c2", "1002") >> connected("c2.1") >> sent_on("c1", "1002") >> after(5)
    play = next_daemon(before, wrap_up_s=0)
    talk = found("c2", "connect", offer_id="c2.1", agent_id="1002", bridged=True)
    assert play >> loaded(before, "c1", "c2") >> node_read(found("c1", "hold"), talk, reachable=ALL) >> opens()
    assert play >> after(9.9) >> after(0.2) << fact("c1", "returned", reason="not free in time") << rings("c1", "1003")


def test_a_transfer_that_had_come_back_is_held_for_nobody():
    before = shop("1001", "1002", "1003", wrap_up_s=0)
    assert before >> agents_restored() >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> logout("1002")
    assert before >> sent_on("c1", "1002") << fact("c1", "returned", reason="logged out") << rings("c1", "1003")
    assert before >> offer_ends("c1.2", OfferResult.BUSY) >> pause("1001", "lunch") >> pause("1003", "lunch")
    play = next_daemon(before, wrap_up_s=0)
    assert play >> loaded(before, "c1") >> node_read(found("c1", "hold"), reachable=ALL) >> opens()
    assert play >> login("1002") << rings("c1", "1002")


def test_a_call_held_for_who_knows_the_caller_is_held_on():
    def anna_talks(play: Playbook) -> None:
        assert play >> agents_restored() >> enters("o1", number="+79160000009") << rings("o1", "1001")
        assert play >> connected("o1.1") >> enters("k1", number=KNOWN) << timer("only:k1", in_s=30)

    before = shop("1001", sticky_s=30)
    before.core.engine._calls.sticky.remember([(KNOWN, AgentId("1001"))])
    anna_talks(before)
    play = next_daemon(before, sticky_s=30)
    talk = found("o1", "connect", offer_id="o1.1", agent_id="1001", bridged=True)
    waits = found("k1", "hold", number=KNOWN, entered_at=START)
    knows = loaded(before, "o1", "k1", served_by=((KNOWN, AgentId("1001")),))
    assert play >> knows >> node_read(talk, waits, reachable=ALL) >> opens() >> login("1002")
    assert play >> after(24.9) >> after(0.2) << rings("k1", "1002")


def test_the_core_of_a_simulation_or_a_test_is_open_from_the_start():
    assert Core(plan([agent("1001")])).engine.closed is None
