"""Actions: what may reach the wire, and when an action is over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from panoramisk.actions import Action

from acd.ami.actions import MAX_HEADERS, MAX_LINE_BYTES, ListLimit, PendingAction, encode, is_late_list_item
from acd.ami.backoff import Backoff
from acd.ami.messages import Message, Response
from acd.ami.values import AmiSettings
from acd.errors import AmiOverflow, AmiRefused, AmiUnsafeValue


def response(*headers: tuple[str, str]) -> Response:
    return Response(b"\r\n".join(f"{name}: {value}".encode() for name, value in headers))


SUCCESS = response(("Response", "Success"))
LIST_START = response(("Response", "Success"), ("EventList", "start"))


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "\r\n", "x\r\nAction: Originate", "\ud800"])
def test_a_value_that_would_end_its_line_is_refused(bad: str):
    with pytest.raises(AmiUnsafeValue):
        encode([], [("Value", f"a{bad}b")])


@pytest.mark.parametrize("name", ["", "A b", "A:", "A\r\nB", "Ключ", "Action", "ACTIONID"])
def test_a_bad_or_reserved_header_name_is_refused(name: str):
    with pytest.raises(AmiUnsafeValue):
        encode([], [(name, "x")])


async def test_a_bad_action_name_is_refused():
    with pytest.raises(AmiUnsafeValue):
        PendingAction("Ping\r\nAction: Originate", [])


def test_a_line_may_have_as_many_bytes_as_asterisk_reads_and_no_more():
    fits = "ы" * ((MAX_LINE_BYTES - len("Value: \r\n")) // 2)
    assert len(encode([], [("Value", fits)])) <= MAX_LINE_BYTES + len("\r\n")
    with pytest.raises(AmiUnsafeValue):
        encode([], [("Value", fits + "ы")])


def test_an_action_may_have_as_many_headers_as_asterisk_reads_and_no_more():
    own = [("Action", "Setvar"), ("ActionID", "1")]
    encode(own, [("Variable", "A=1")] * (MAX_HEADERS - 2))
    with pytest.raises(AmiUnsafeValue):
        encode(own, [("Variable", "A=1")] * (MAX_HEADERS - 1))


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=50)), max_size=5))
def test_whatever_is_given_one_header_is_one_line(headers: list[tuple[str, str]]):
    try:
        wire = encode([("Action", "X")], headers)
    except AmiUnsafeValue:
        return
    assert wire.endswith(b"\r\n\r\n")
    assert wire.count(b"\r\n\r\n") == 1
    lines = wire.removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert [line.partition(b": ")[2].decode() for line in lines] == ["X", *(value for _, value in headers)]


async def test_an_action_is_a_panoramisk_action_with_repeated_headers_in_order():
    action = PendingAction("Originate", [("Variable", "A=1"), ("Async", "true"), ("Variable", "B=2")])
    assert isinstance(action, Action)
    assert str(action) == (
        f"Action: Originate\r\nActionID: {action.key}\r\nVariable: A=1\r\nAsync: true\r\nVariable: B=2\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [("QueueAdd", "Added interface to queue"), ("Originate", "Originate successfully queued")],
)
async def test_a_future_that_panoramisk_leaves_open_ends_with_the_response(name: str, text: str):
    action = PendingAction(name, [])
    assert action.add_message(response(("Response", "Success"), ("Message", text)))
    assert (await action.future).text == text


async def test_an_error_response_is_refused_with_asterisks_own_words():
    action = PendingAction("Redirect", [])
    assert action.add_message(response(("Response", "Error"), ("Message", "No such channel")))
    with pytest.raises(AmiRefused, match="No such channel"):
        await action.future


async def test_an_event_with_the_id_of_a_simple_action_is_not_its_answer():
    action = PendingAction("Originate", [])
    assert not action.add_message(Message.of("OriginateResponse", ("Response", "Failure")))
    assert not action.future.done()


async def test_a_list_ends_with_its_complete_event():
    action = PendingAction("Status", [], ListLimit(5, 1000))
    assert not action.add_message(LIST_START)
    assert not action.add_message(Message.of("Status", ("Channel", "a")))
    assert action.add_message(Message.of("StatusComplete", ("EventList", "Complete")))
    assert (await action.future).ok
    assert [event["Channel"] for event in action.responses[1:]] == ["a"]


async def test_an_answer_without_a_list_is_an_empty_list():
    action = PendingAction("Status", [], ListLimit(5, 1000))
    assert action.add_message(SUCCESS)
    assert (await action.future, action.responses[1:]) == (SUCCESS, [])


async def test_a_list_broken_off_or_too_long_is_an_error():
    cancelled = PendingAction("Status", [], ListLimit(5, 1000))
    cancelled.add_message(LIST_START)
    assert cancelled.add_message(Message.of("StatusComplete", ("EventList", "cancelled")))
    with pytest.raises(AmiRefused):
        await cancelled.future
    endless = PendingAction("Status", [], ListLimit(2, 1000))
    endless.add_message(LIST_START)
    ends = [endless.add_message(Message.of("Status")) for _ in range(3)]
    assert ends == [False, False, True]
    with pytest.raises(AmiOverflow):
        await endless.future


async def test_a_list_of_few_but_huge_items_is_too_long_as_well():
    action = PendingAction("Status", [], ListLimit(100, 1000))
    action.add_message(LIST_START)
    assert not action.add_message(Message.of("Status", ("Data", "x" * 600)))
    assert action.add_message(Message.of("Status", ("Data", "x" * 600)))
    with pytest.raises(AmiOverflow):
        await action.future


async def test_events_of_our_own_lists_are_known_and_others_are_not():
    action = PendingAction("Status", [], ListLimit(2, 1000))
    simple = PendingAction("Originate", [])
    assert is_late_list_item(Message.of("Status", ("ActionID", action.key)))
    assert not is_late_list_item(Message.of("OriginateResponse", ("ActionID", simple.key)))
    assert not is_late_list_item(Message.of("Status", ("ActionID", "list/of-somebody-else/1/1")))


def settings() -> AmiSettings:
    return AmiSettings("main", "127.0.0.1", 5038, "acd", "top-secret", reconnect_max_s=3.0)


def test_an_unreachable_host_is_tried_less_and_less_often_but_within_the_cap():
    backoff = Backoff(settings())
    assert [backoff.after_failure() for _ in range(6)] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.0, 3.0])
    backoff.lived(1.0)
    assert backoff.after_failure() == 3.0
    backoff.lived(10.0)
    assert backoff.after_failure() == 0.2


def test_after_the_third_refusal_a_login_is_tried_once_in_thirty_seconds():
    backoff = Backoff(settings())
    assert [backoff.after_refusal() for _ in range(4)] == [1.0, 1.0, 30.0, 30.0]
    backoff.after_failure()
    assert backoff.after_refusal() == 30.0
    backoff.lived(0.0)
    assert backoff.after_refusal() == 1.0


def test_the_secret_is_in_no_repr():
    assert "top-secret" not in repr(settings())
