"""The wire, byte by byte: reassembly, order, limits."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from panoramisk.ami_protocol import AMIProtocol

from acd.ami.actions import ListLimit, Order, PendingAction
from acd.ami.messages import Message
from acd.ami.protocol import MOST_TOGETHER, HardenedManager, HardenedProtocol
from acd.ami.values import AmiCounters, AmiSettings
from acd.errors import AmiDown, AmiError, AmiOverflow, AmiTimeout, AmiUnsafeValue

STREAM = (
    "Asterisk Call Manager/11.0.0\r\n"
    "Event: FullyBooted\r\nUptime: 5\r\n\r\n"
    "Event: Newchannel\r\nCallerIDName: Жанна Ёлкина\r\nExten: \r\n\r\n"
    "Report0: a block with no name\r\n\r\n"
    "Event: Hangup\r\nCallerIDName: 日本\r\n\r\n"
).encode()


class Wire(asyncio.Transport):
    """A transport that only remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = False
        self.unsent = 0
        self.writes = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)
        self.writes += 1

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.aborted = True


class Bench:
    """A protocol on a `Wire`, and what came out of it."""

    def __init__(self, **limits: int) -> None:
        self.seen: list[Message] = []
        self.lost: list[str] = []
        self.counters = AmiCounters()
        settings = AmiSettings("main", "127.0.0.1", 1, "acd", "x", **limits)  # type: ignore[arg-type]
        self.manager = HardenedManager(settings, self.counters, self.seen.append, self.lost.append)
        self.protocol = HardenedProtocol(self.manager, settings, self.counters)
        self.wire = Wire()
        self.protocol.connection_made(self.wire)

    def greet(self) -> Bench:
        self.protocol.data_received(b"Asterisk Call Manager/11.0.0\r\n")
        return self

    def answer(self, action: PendingAction | Order, *lines: str) -> None:
        text = "\r\n".join(["Response: Success", f"ActionID: {action.key}", *lines, "", ""])
        self.protocol.data_received(text.encode())


def facts(messages: list[Message]) -> list[tuple[str, str | None]]:
    return [(message.name, message.get("CallerIDName")) for message in messages]


WHOLE = [("FullyBooted", None), ("Newchannel", "Жанна Ёлкина"), ("Hangup", "日本")]


async def test_every_way_to_cut_the_stream_in_two_gives_the_same_messages():
    for cut in range(len(STREAM) + 1):
        bench = Bench()
        bench.protocol.data_received(STREAM[:cut])
        bench.protocol.data_received(STREAM[cut:])
        assert facts(bench.seen) == WHOLE, cut
        assert bench.protocol.version == "11.0.0"
        assert bench.counters.strays == 1


@given(st.lists(st.integers(0, len(STREAM)), max_size=40).map(sorted))
def test_any_way_to_cut_the_stream_gives_the_same_messages(cuts: list[int]):
    async def feed() -> None:
        bench = Bench()
        for begin, end in zip([0, *cuts], [*cuts, len(STREAM)], strict=True):
            bench.protocol.data_received(STREAM[begin:end])
        assert facts(bench.seen) == WHOLE

    asyncio.run(feed())


async def test_bad_utf8_is_replaced_and_loses_nothing_around_it():
    bench = Bench().greet()
    bench.protocol.data_received(b"Event: Hangup\r\nCallerIDName: A\xd0\xff\xfeB\r\nCause: 16\r\n\r\n")
    assert bench.seen[0]["CallerIDName"] == "A\ufffd\ufffd\ufffdB"
    assert bench.seen[0]["Cause"] == "16"


async def test_it_is_a_panoramisk_protocol():
    assert isinstance(Bench().protocol, AMIProtocol)


@pytest.mark.parametrize("size", [1, 7, 4096])
async def test_a_message_without_end_ends_the_link(size: int):
    bench = Bench(max_message_bytes=1000).greet()
    for _ in range(1 + 1100 // size):
        bench.protocol.data_received(b"x" * size)
    assert bench.wire.aborted
    assert "more than 1000 bytes" in bench.lost[0]
    assert len(bench.lost) == 1


async def test_an_over_long_message_in_one_read_ends_the_link_and_what_follows_is_not_delivered():
    bench = Bench(max_message_bytes=100).greet()
    bench.protocol.data_received(b"Event: A\r\n\r\nEvent: " + b"B" * 200 + b"\r\n\r\nEvent: C\r\n\r\n")
    assert [message.name for message in bench.seen] == ["A"]
    assert bench.wire.aborted


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n", b"SSH-2.0-OpenSSH\r\n", b"Ast\r\n"])
async def test_a_peer_that_is_no_manager_is_left(greeting: bytes):
    bench = Bench()
    bench.protocol.data_received(greeting)
    assert bench.wire.aborted
    with pytest.raises(AmiDown, match="no Asterisk manager"):
        await bench.protocol.greeted


async def test_nothing_is_delivered_after_the_end_of_the_link():
    bench = Bench().greet()
    bench.protocol.lose("test")
    bench.protocol.data_received(b"Event: Hangup\r\n\r\n")
    bench.protocol.connection_lost(None)
    assert (bench.seen, bench.lost) == ([], ["test"])


async def test_shutdown_is_delivered_before_the_link_ends():
    bench = Bench().greet()
    bench.protocol.data_received(b"Event: Shutdown\r\nRestart: True\r\n\r\nEvent: Hangup\r\n\r\n")
    assert [message.name for message in bench.seen] == ["Shutdown"]
    assert bench.lost == ["Asterisk is shutting down"]


async def test_goodbye_ends_the_link():
    bench = Bench().greet()
    bench.protocol.data_received(b"Response: Goodbye\r\n\r\n")
    assert bench.lost == ["Asterisk said goodbye"]


async def test_a_pending_action_fails_with_the_link_and_is_never_kept_for_replay():
    bench = Bench().greet()
    future = bench.protocol.send(PendingAction("Redirect", []))
    bench.protocol.connection_lost(ConnectionResetError("reset by peer"))
    with pytest.raises(AmiDown, match="reset by peer"):
        await future
    assert bench.protocol.responses == {}
    assert not bench.manager.awaiting_actions
    with pytest.raises(AmiDown):
        bench.protocol.send(PendingAction("Redirect", []))


async def test_a_timed_out_action_leaves_nothing_behind_and_its_late_answer_disturbs_nobody():
    bench = Bench().greet()
    action = PendingAction("Redirect", [])
    with pytest.raises(AmiTimeout):
        await bench.protocol.send(action, timeout_s=0.01)
    assert bench.protocol.responses == {}
    bench.answer(action)
    assert (bench.seen, bench.counters.late, bench.counters.timeouts) == ([], 1, 1)


async def test_a_cancelled_action_leaves_nothing_behind():
    bench = Bench().greet()
    waiting = asyncio.gather(bench.protocol.send(PendingAction("Redirect", [])))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert bench.protocol.responses == {}


async def test_late_items_of_a_list_given_up_are_not_events():
    bench = Bench().greet()
    action = PendingAction("Status", [], ListLimit(10, 1000))
    with pytest.raises(AmiTimeout):
        await bench.protocol.send(action, timeout_s=0.01)
    bench.protocol.data_received(f"Event: Status\r\nActionID: {action.key}\r\n\r\n".encode())
    assert (bench.seen, bench.counters.late) == ([], 1)


async def test_an_event_of_an_action_that_is_over_is_delivered():
    bench = Bench().greet()
    action = PendingAction("Originate", [])
    future = bench.protocol.send(action)
    bench.answer(action)
    assert (await future).ok
    text = f"Event: OriginateResponse\r\nActionID: {action.key}\r\nResponse: Failure\r\n\r\n"
    bench.protocol.data_received(text.encode())
    assert [message.name for message in bench.seen] == ["OriginateResponse"]


async def test_unanswered_actions_are_limited():
    bench = Bench(max_pending_actions=2).greet()
    first = PendingAction("Ping", [])
    bench.protocol.send(first)
    bench.protocol.send(PendingAction("Ping", []))
    written = bench.wire.written
    with pytest.raises(AmiOverflow):
        bench.protocol.send(PendingAction("Ping", []))
    assert bench.wire.written == written
    bench.answer(first)
    bench.protocol.send(PendingAction("Ping", []))


async def test_a_peer_that_does_not_read_is_left():
    bench = Bench(max_write_buffer_bytes=1000).greet()
    bench.wire.unsent = 1001
    future = bench.protocol.send(PendingAction("Ping", []))
    assert bench.wire.aborted
    with pytest.raises(AmiDown, match="does not read"):
        await future


async def test_a_connection_that_comes_after_it_was_given_up_is_closed():
    bench = Bench()
    late = HardenedProtocol(bench.manager, bench.protocol._settings, bench.counters)
    late.close()
    late.connection_made(bench.wire)
    assert bench.wire.aborted


async def test_an_action_that_was_answered_is_not_touched_by_its_timer():
    bench = Bench().greet()
    action = PendingAction("Ping", [])
    future = bench.protocol.send(action)
    timer = action.timer
    bench.answer(action, "Ping: Pong")
    assert (await future)["Ping"] == "Pong"
    assert timer is not None
    assert timer.cancelled()


class Ordered:
    """Orders on a bench, and the failures that came back."""

    def __init__(self, **limits: float) -> None:
        self.bench = Bench(**limits).greet()  # type: ignore[arg-type]
        self.failures: list[AmiError] = []

    def order(self, name: str = "Setvar", *, at_once: bool = False) -> Order:
        order = Order(name, [], self.failures.append)
        self.bench.protocol.order(order, at_once)
        return order


async def test_orders_of_one_turn_leave_in_one_write_and_in_order():
    one = Ordered()
    orders = [one.order(), one.order("Redirect")]
    assert one.bench.wire.writes == 0
    await asyncio.sleep(0)
    assert one.bench.wire.writes == 1
    assert one.bench.wire.written == b"".join(order.wire for order in orders)


async def test_an_order_that_cannot_wait_takes_along_what_was_gathered():
    one = Ordered()
    orders = [one.order(), one.order("Redirect", at_once=True)]
    assert (one.bench.wire.writes, one.bench.wire.written) == (1, b"".join(order.wire for order in orders))
    await asyncio.sleep(0)
    assert one.bench.wire.writes == 1


async def test_an_action_that_is_awaited_keeps_its_place_behind_the_orders():
    one = Ordered()
    order, action = one.order(), PendingAction("Ping", [])
    one.bench.protocol.send(action)
    assert one.bench.wire.written == order.wire + action.wire


async def test_many_orders_do_not_wait_for_the_turn_to_end():
    one = Ordered()
    for _ in range(MOST_TOGETHER):
        one.order()
    assert one.bench.wire.writes == 1


async def test_an_order_that_was_carried_out_is_no_news():
    one = Ordered()
    order = one.order()
    one.bench.answer(order, "Message: Variable Set")
    assert (one.failures, one.bench.protocol.responses, one.bench.seen) == ([], {}, [])
    one.bench.answer(order)
    assert one.bench.counters.late == 1


async def test_an_order_that_is_refused_is_told_once_with_asterisks_words():
    one = Ordered()
    order = one.order("Redirect")
    refusal = f"Response: Error\r\nActionID: {order.key}\r\nMessage: Channel not up\r\n\r\n".encode()
    one.bench.protocol.data_received(refusal)
    one.bench.protocol.data_received(refusal)
    assert [str(error) for error in one.failures] == ["Redirect: Channel not up"]
    assert one.bench.protocol.responses == {}


async def test_an_order_nobody_answers_has_failed_in_time():
    one = Ordered(action_timeout_s=0.01)
    order, later = one.order(), None
    with pytest.raises(AmiTimeout):
        await one.bench.protocol.send(PendingAction("Ping", []), timeout_s=0.05)
    assert [type(error) for error in one.failures] == [AmiTimeout]
    assert (order.key in one.bench.protocol.responses, one.bench.counters.timeouts) == (False, 2)
    later = one.order()
    assert later.key in one.bench.protocol.responses


async def test_an_order_fails_with_the_link_but_not_before_its_end_is_told():
    one = Ordered()
    one.order("Redirect")
    one.bench.protocol.connection_lost(ConnectionResetError("reset by peer"))
    assert (one.failures, len(one.bench.lost)) == ([], 1)
    await asyncio.sleep(0)
    assert [type(error) for error in one.failures] == [AmiDown]
    assert (one.bench.wire.written, one.bench.protocol.responses) == (b"", {})
    with pytest.raises(AmiDown):
        one.order()


async def test_unanswered_orders_count_among_the_actions():
    one = Ordered(max_pending_actions=1)
    order = one.order()
    with pytest.raises(AmiOverflow):
        one.order()
    with pytest.raises(AmiOverflow):
        one.bench.protocol.send(PendingAction("Ping", []))
    one.bench.answer(order)
    one.order()


def test_an_order_is_checked_like_every_action():
    for bad in ("x\r", "x\n", "x\r\nAction: Originate", "\0"):
        with pytest.raises(AmiUnsafeValue, match="Value"):
            Order("Setvar", [("Variable", "A"), ("Value", bad)], lambda _: None)


async def test_what_comes_after_a_long_silence_is_old_and_ends_the_link() -> None:
    """It is read back instead: the daemon may have stood still, and callers be elsewhere by now."""
    bench = Bench().greet()
    event = b"Event: Newchannel\r\n\r\n"
    bench.protocol.last_byte_at -= 3600
    bench.protocol.data_received(event)  # while Asterisk starts it may be silent for long
    bench.protocol.stale_after_s = 6.0
    bench.protocol.last_byte_at -= 5
    bench.protocol.data_received(event)
    assert len(bench.seen) == 2
    bench.protocol.last_byte_at -= 7
    bench.protocol.data_received(event)
    assert len(bench.seen) == 2
    assert bench.wire.aborted and "what comes now is old" in bench.protocol.lost.result()
