"""A message for those who come later, and whatever the caller and the daemon do in the middle of it."""

from __future__ import annotations

import pytest

from acd.queues import asked
from acd.queues import events as ev
from acd.queues.found import FoundCall
from acd.queues.model import CallId, Nobody, Outcome, Overflow, Side
from tests.playbooks.playbook import Playbook, start
from tests.playbooks.words import (
    SALES,
    agent,
    connected,
    enters,
    event,
    fact,
    found,
    hangs_up,
    leaves,
    login,
    no,
    node_lost,
    node_read,
    plan,
    queue,
    records,
    rings,
    says_bye,
    taped,
)

ASKED = ("acd/leave-message",)


def nobody_there(**more: object) -> Playbook:
    sales = queue("sales", "sales >= 1", SALES, nobody=Nobody.OVERFLOW, overflow=Overflow(voicemail=True), **more)
    return start(plan([agent("1001", sales=5)], [sales]))


def at_the_tape() -> Playbook:
    play = nobody_there()
    assert play >> enters("c1") << records("c1", "acd/closed", *ASKED) << fact("c1", "overflowed", to="voicemail")
    return play


def heard(call: str):
    return event(f"the message of {call} is heard", lambda at: asked.MessageHeard(at, CallId(call)))


def test_a_message_is_kept_thanked_for_and_ends_the_call():
    play = at_the_tape()
    assert (
        play
        >> taped("c1", 12.5)
        << fact("c1", "voicemail", duration_s=12.5, file="acd/c1.wav")
        << says_bye("c1", "acd/message-saved", "acd/goodbye")
        >> leaves("c1")
    )
    record = play.record("c1")
    assert record.message is not None
    assert (record.outcome, record.message.duration_s, record.wait_s) == (Outcome.CLOSED, 12.5, 0.0)


def test_who_hangs_up_while_recording_has_left_a_message():
    play = at_the_tape()
    assert (
        play
        >> hangs_up("c1", Side.CALLER)
        >> taped("c1", 3.0, "hangup")
        << fact("c1", "voicemail", duration_s=3.0)
        >> leaves("c1")
    )
    assert (play.record("c1").outcome, play.record("c1").ended_by) == (Outcome.CLOSED, Side.CALLER)


@pytest.mark.parametrize("seconds", [None, 0.0, 0.9])
def test_who_says_nothing_has_left_none(seconds: float | None):
    play = at_the_tape()
    assert play >> taped("c1", seconds) << says_bye("c1", "acd/goodbye") << no(fact("c1", "voicemail"))
    assert play >> leaves("c1")
    assert play.record("c1").message is None


def test_who_hangs_up_before_the_tone_has_left_none():
    play = at_the_tape()
    assert play >> hangs_up("c1", Side.CALLER) >> taped("c1", None, "hangup") >> leaves("c1")
    assert (play.record("c1").message, play.record("c1").outcome) == (None, Outcome.CLOSED)


def test_the_end_of_a_tape_is_told_once():
    play = at_the_tape()
    assert play >> taped("c1", 5.0) << says_bye("c1")
    assert play >> taped("c1", 5.0, "hangup") << no(fact("c1", "voicemail"))


def test_an_agent_who_logs_in_meanwhile_is_not_rung_for_it():
    play = at_the_tape()
    assert play >> login("1001")
    assert play >> taped("c1", 5.0) << says_bye("c1")


def restarted(play: Playbook, *seen: FoundCall) -> Playbook:
    """Another daemon on the records of this one, and what it finds in Asterisk."""
    again = nobody_there()
    again.now = play.now
    record = play.record("c1")
    assert again >> event("the records are read", lambda at: ev.Restored(at, (record,))) >> node_read(*seen)
    return again


def test_a_new_daemon_takes_the_recording_over():
    again = restarted(at_the_tape(), found("c1", "record", queue="sales"))
    assert again >> taped("c1", 7.0) << fact("c1", "voicemail", duration_s=7.0) << says_bye("c1") >> leaves("c1")
    assert again.record("c1").outcome is Outcome.CLOSED


def test_a_recording_whose_end_nobody_heard_is_listed_without_a_length():
    again = restarted(at_the_tape())
    record = again.record("c1")
    assert record.message is not None
    assert (record.outcome, record.message.duration_s) == (Outcome.CLOSED, None)


def test_the_order_that_never_reached_the_channel_is_given_again():
    play = at_the_tape()
    assert play >> node_lost() >> node_read(found("c1", "hold", queue="sales")) << records("c1", *ASKED)


def test_a_message_is_heard_once_and_long_after():
    play = at_the_tape()
    assert play >> taped("c1", 7.0) << says_bye("c1") >> leaves("c1") >> heard("c1") << fact("c1", "heard")
    first = play.record("c1").message
    assert play >> heard("c1")
    assert play.record("c1").message == first


def test_a_served_caller_is_not_asked_for_a_message():
    play = nobody_there()
    assert play >> login("1001") >> enters("c1") << rings("c1", "1001") >> connected("c1.1") >> leaves("c1")
    assert play.record("c1").message is None
