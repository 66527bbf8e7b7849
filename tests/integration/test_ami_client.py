"""The manager client against a fake Asterisk on loopback, in good and bad weather."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from panoramisk.manager import Manager

from acd import tasks
from acd.ami.client import AmiClient
from acd.ami.messages import Message
from acd.ami.values import AmiSettings, LinkDown, LinkUp
from acd.errors import AmiDown, AmiOverflow, AmiRefused, AmiTimeout, AmiUnsafeValue
from tests.deadlines import until
from tests.fakes.ami_server import FakeAmi, ReceivedAction, Session, block

FAST = AmiSettings(
    "main", "127.0.0.1", 0, "acd", "fake-secret",
    connect_timeout_s=0.3, boot_timeout_s=1.0, action_timeout_s=0.5, ping_interval_s=0.1,
    reconnect_min_s=0.01, reconnect_max_s=0.05, refused_retry_s=0.02, refused_retry_max_s=30.0,
)  # fmt: skip


@pytest.fixture
async def ami() -> AsyncIterator[FakeAmi]:
    async with FakeAmi() as server:
        yield server


Connect = Callable[..., Any]


@asynccontextmanager
async def running(ami: FakeAmi, **changes: Any) -> AsyncIterator[AmiClient]:
    """A client on that server; afterwards no task and no pending action may be left."""
    before = tasks.count()
    client = AmiClient(replace(FAST, port=ami.port, **changes))
    tasks.spawn(client.run(), "ami main")
    try:
        yield client
    finally:
        await client.close()
        assert client.pending == 0
        assert not client.connected
        await until(lambda: tasks.count() == before)


async def take(client: AmiClient) -> LinkUp | LinkDown | Message:
    return await asyncio.wait_for(client.next(), 5)


async def up(client: AmiClient) -> LinkUp:
    marker = await take(client)
    assert isinstance(marker, LinkUp), marker
    return marker


async def down(client: AmiClient) -> LinkDown:
    """The next LinkDown; events before it are passed over."""
    while not isinstance(item := await take(client), LinkDown):
        assert isinstance(item, Message)
    return item


async def test_login_by_challenge_then_link_up_with_uptime_and_version(ami: FakeAmi):
    ami.uptime_s = 77
    async with running(ami) as client:
        assert await up(client) == LinkUp("main", 1, 77.0, "11.0.0")
        assert client.connected
        assert client.status().last_error is None
        login = ami.received("Login")[0]
        assert login["Events"] == "system,call,agent,user"
        assert all("fake-secret" not in value for action in ami.actions for _, value in action.headers)


async def test_actions_are_answered_and_written_in_order(ami: FakeAmi):
    async with running(ami) as client:
        await up(client)
        client.send("Setvar", ("Variable", "A"), ("Value", "Ёж"))
        response = await client.action("Getvar", ("Variable", "A"))
        assert (response.ok, response["Value"]) == (True, "Ёж")
        assert [action.name for action in list(ami.actions)[-2:]] == ["Setvar", "Getvar"]


async def test_list_actions_give_their_items(ami: FakeAmi):
    ami.channels = {"PJSIP/1-1": [("Linkedid", "1")], "PJSIP/2-1": [("Linkedid", "2")]}
    async with running(ami) as client:
        await up(client)
        items = await client.collect("Status")
        assert [item["Channel"] for item in items] == ["PJSIP/1-1", "PJSIP/2-1"]
        with pytest.raises(AmiRefused, match="No such channel"):
            await client.collect("Status", ("Channel", "PJSIP/none"))
        assert client.pending == 0


async def test_an_endless_list_is_cut_off(ami: FakeAmi):
    ami.channels = {f"PJSIP/{number}": [] for number in range(30)}
    async with running(ami, max_list_items=10) as client:
        await up(client)
        with pytest.raises(AmiOverflow):
            await client.collect("Status")
        assert client.pending == 0
        assert (await client.action("Ping")).ok


async def test_queue_add_and_synchronous_originate_end(ami: FakeAmi):
    ami.on("Originate", lambda _, action: action.success(("Message", "Originate successfully queued")))
    async with running(ami) as client:
        await up(client)
        assert (await client.action("QueueAdd", ("Queue", "q"), ("Interface", "PJSIP/1"))).ok
        assert (await client.action("Originate", ("Async", "true"))).ok
        assert client.pending == 0


async def test_an_injection_never_reaches_the_wire(ami: FakeAmi):
    async with running(ami) as client:
        await up(client)
        before = len(ami.actions)
        for bad in (
            "x\r\nAction: Originate",
            "x\nAction: Originate",
            "x\rAction: Originate",
            "x\0",
            "x" * 10_000,
        ):
            with pytest.raises(AmiUnsafeValue):
                client.send("Setvar", ("Variable", "NAME"), ("Value", bad))
        assert (await client.action("Ping")).ok
        assert [action.name for action in list(ami.actions)[before:]] == ["Ping"]
        assert ami.received("Originate") == []


async def test_a_letter_split_over_two_reads_survives(ami: FakeAmi):
    async with running(ami) as client:
        await up(client)
        whole = block(("Event", "Newchannel"), ("CallerIDName", "Ёлка"))
        cut = whole.index("Ё".encode()) + 1
        received = client.counters.bytes_received
        ami.push(whole[:cut])
        await until(lambda: client.counters.bytes_received == received + cut)
        ami.push(whole[cut:])
        event = await take(client)
        assert isinstance(event, Message)
        assert event["CallerIDName"] == "Ёлка"


async def test_doubled_unknown_and_strange_messages_are_delivered_as_they_came(ami: FakeAmi):
    async with running(ami) as client:
        await up(client)
        ami.event("Hangup", ("Channel", "a"))
        ami.event("Newchannel", ("Channel", "a"))
        ami.event("Hangup", ("Channel", "a"))
        ami.event("NoSuchEventYet", ("Ключ", "значение"))
        ami.push(b"Report0: stray\r\n\r\nResponse: Success\r\nActionID: nobody\r\n\r\n")
        ami.event("Last")
        names = [item.name for item in [await take(client) for _ in range(5)] if isinstance(item, Message)]
        assert names == ["Hangup", "Newchannel", "Hangup", "NoSuchEventYet", "Last"]
        assert (client.counters.strays, client.counters.late) == (1, 1)


async def test_no_action_without_a_link_and_nothing_is_sent_later(ami: FakeAmi):
    await ami.stop_listening()
    async with running(ami) as client:
        with pytest.raises(AmiDown):
            client.send("Setvar", ("Variable", "A"), ("Value", "1"))
        await ami.listen()
        await up(client)
        assert (await client.action("Ping")).ok
        assert ami.received("Setvar") == []


async def test_an_action_without_answer_times_out_and_leaves_nothing(ami: FakeAmi):
    ami.on("Redirect", lambda session, action: None)
    async with running(ami) as client:
        await up(client)
        with pytest.raises(AmiTimeout):
            await client.action("Redirect", ("Channel", "a"), timeout_s=0.02)
        waiting = tasks.spawn(client.action("Redirect", ("Channel", "b")), "waiting")
        await until(lambda: client.pending == 1)
        await tasks.stop(waiting)
        assert client.pending == 0
        assert (await client.action("Ping")).ok


async def test_failures_nobody_waits_for_are_silent(ami: FakeAmi):
    """An ignored future must not end as `exception was never retrieved`."""
    ami.on("Redirect", lambda session, action: None)
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with running(ami) as client:
        await up(client)
        client.send("Setvar", ("Channel", "none"), ("Variable", "A"), ("Value", "1"))
        client.send("Redirect", timeout_s=0.01)
        await until(lambda: client.pending == 0)
        client.send("Redirect")
        ami.reset()
        await down(client)
        gc.collect()
        await asyncio.sleep(0)
    assert complaints == []


async def test_a_reset_fails_what_is_pending_comes_back_and_replays_nothing(ami: FakeAmi):
    ami.on("Redirect", lambda session, action: None)
    async with running(ami) as client:
        await up(client)
        pending = client.send("Redirect", ("Channel", "a"))
        await until(lambda: ami.received("Redirect"))
        began = time.monotonic()
        ami.reset()
        with pytest.raises(AmiDown):
            await pending
        assert (await down(client)).generation == 1
        assert (await up(client)).generation == 2
        assert time.monotonic() - began < 1
        assert (await client.action("Ping")).ok
        assert len(ami.received("Redirect")) == 1
        assert (client.counters.drops, client.counters.links) == (1, 2)


async def test_a_normal_reconnect_is_no_error_in_the_log(ami: FakeAmi, caplog: pytest.LogCaptureFixture):
    async with running(ami) as client:
        await up(client)
        ami.reset()
        await down(client)
        await up(client)
    assert [record for record in caplog.records if record.levelno >= logging.INFO] == []


async def test_messages_before_a_reset_come_before_its_marker_and_none_after(ami: FakeAmi):
    async with running(ami) as client:
        await up(client)
        for number in range(100):
            ami.event("Tick", ("Number", str(number)))
        ami.push(b"Event: Cut\r\nCha")
        ami.close_sessions()
        ticks = [await take(client) for _ in range(100)]
        assert [int(tick["Number"]) for tick in ticks if isinstance(tick, Message)] == list(range(100))
        assert isinstance(await take(client), LinkDown)
        await up(client)


async def test_asterisk_restarting_says_so_and_the_uptime_tells(ami: FakeAmi):
    async with running(ami) as client:
        assert (await up(client)).uptime_s == 1000
        ami.event("Shutdown", ("Shutdown", "Cleanly"), ("Restart", "True"))
        event = await take(client)
        assert isinstance(event, Message)
        assert event.name == "Shutdown"
        ami.uptime_s = 1
        marker = await take(client)
        assert marker == LinkDown("main", 1, "Asterisk is shutting down")
        assert (await up(client)).uptime_s == 1


@pytest.mark.parametrize("mute_at", ["greeting", "login", "boot", "up"])
async def test_a_mute_peer_is_found_by_silence_at_every_stage(ami: FakeAmi, mute_at: str):
    if mute_at == "greeting":
        ami.greeting = b""
    if mute_at == "login":
        ami.on("Login", lambda session, action: None)
    if mute_at == "boot":
        ami.fully_booted = False
        ami.on("Ping", lambda session, action: None)
    async with running(ami) as client:
        if mute_at == "up":
            await up(client)
            ami.mute()
            began = time.monotonic()
            assert "silent" in (await down(client)).reason
            assert time.monotonic() - began < 3 * FAST.ping_interval_s + 0.3
            assert not client.connected
            ami.unmute()
            assert (await up(client)).generation == 2
        else:
            await until(lambda: client.counters.attempts >= 2)
            assert client.counters.links == 0
            assert client.status().last_error


async def test_an_idle_but_living_peer_is_kept(ami: FakeAmi):
    async with running(ami) as client:
        await up(client)
        await until(lambda: len(ami.received("Ping")) >= 6)
        assert client.counters.drops == 0


async def test_our_own_blocked_loop_is_not_taken_for_the_peers_silence(ami: FakeAmi):
    async with running(ami) as client:
        await up(client)
        for _ in range(3):
            time.sleep(FAST.silence_limit_s + 0.1)  # noqa: ASYNC251 - the fault itself
            pings = len(ami.received("Ping"))
            await until(lambda seen=pings: len(ami.received("Ping")) > seen + 1)
        assert client.counters.drops == 0


async def test_a_ping_that_our_blocked_loop_kept_from_being_answered_is_not_held_against_the_peer(ami: FakeAmi):
    """The fake lives in the loop that is blocked: it has not even seen the ping."""
    async with running(ami) as client:
        await up(client)

        def stand_still(session: Session, action: ReceivedAction) -> bytes:
            time.sleep(FAST.silence_limit_s + 0.1)
            asyncio.get_running_loop().call_soon(asyncio.get_running_loop().call_soon, session.write, action.success())
            return b""

        ami.on("Ping", stand_still)
        await until(lambda: len(ami.received("Ping")) > 2)
        assert client.counters.drops == 0


async def test_what_comes_after_we_stood_still_for_long_is_old_and_asterisk_is_read_back(ami: FakeAmi):
    async with running(ami) as client:
        await up(client)
        time.sleep(FAST.stale_after_s + 0.1)  # noqa: ASYNC251 - the fault itself
        lost = await down(client)
        assert "what comes now is old" in lost.reason
        await up(client)
        assert client.counters.drops == 1


async def test_a_busy_peer_is_not_pinged(ami: FakeAmi):
    async with running(ami, ping_interval_s=1.0) as client:
        await up(client)
        await ami.flood("Tick", rate=400, seconds=1.5)
        assert ami.received("Ping") == []


@pytest.mark.fault(21)
async def test_a_refused_login_backs_off_and_says_so(ami: FakeAmi):
    ami.secret = "another"
    async with running(ami) as client:
        await until(lambda: client.counters.refused_logins == 3)
        assert "wrong username or secret" in (client.status().last_error or "")
        await asyncio.sleep(0.3)  # fifteen times the short delay: no fourth attempt may come
        assert ami.connections == 3
        assert not client.connected


@pytest.mark.fault(21)
async def test_a_link_of_no_use_backs_off_as_a_refused_login_does(ami: FakeAmi):
    async with running(ami) as client:
        for attempt in range(1, 4):
            assert (await up(client)).generation == attempt
            client.refuse("nothing is heard of class user")
            assert (await down(client)).reason == "nothing is heard of class user"
        assert client.status().last_error == "nothing is heard of class user"
        await asyncio.sleep(0.3)  # fifteen times the short delay: no fourth attempt may come
        assert ami.connections == 3


async def test_a_link_that_is_gone_already_cannot_be_refused(ami: FakeAmi):
    async with running(ami) as client:
        for attempt in range(1, 6):
            assert (await up(client)).generation == attempt
            client.abort("overtaken")
            client.refuse("too late")
            assert (await down(client)).reason == "overtaken"


async def test_a_refused_login_mended_in_time_comes_up(ami: FakeAmi):
    ami.secret = "another"
    async with running(ami) as client:
        await until(lambda: client.counters.refused_logins == 1)
        ami.secret = "fake-secret"
        await up(client)
        assert client.status().last_error is None


async def test_refusals_before_a_good_login_do_not_count_later(ami: FakeAmi):
    ami.secret = "another"
    async with running(ami) as client:
        await until(lambda: client.counters.refused_logins == 2)
        ami.secret = "fake-secret"
        await up(client)
        ami.secret = "another"
        ami.reset()
        await until(lambda: client.counters.refused_logins == 4)  # the fourth in a row would wait 30 s


async def test_missing_rights_are_named(ami: FakeAmi):
    ami.commands = ("Setvar", "Ping")
    async with running(ami, required_actions=("Setvar", "Redirect", "Originate")) as client:
        await until(lambda: client.status().last_error)
        await until(lambda: "Redirect, Originate" in (client.status().last_error or ""))
        assert client.counters.links == 0


async def test_until_fully_booted_there_is_no_link_and_the_reason_is_named(ami: FakeAmi):
    ami.fully_booted = False
    async with running(ami, boot_timeout_s=5.0) as client:
        await until(lambda: "FullyBooted" in (client.status().last_error or ""))
        await until(lambda: len(ami.received("Ping")) >= 4)  # kept alive while it starts
        assert not client.connected
        ami.event("Newchannel", ("Channel", "before"))
        ami.boot()
        await up(client)
        ami.event("Newchannel", ("Channel", "after"))
        event = await take(client)
        assert isinstance(event, Message)
        assert event["Channel"] == "after"


async def test_an_unreachable_host_is_tried_again_and_found(ami: FakeAmi):
    await ami.stop_listening()
    async with running(ami) as client:
        await until(lambda: client.counters.attempts >= 4)
        assert "cannot be reached" in (client.status().last_error or "")
        await ami.listen()
        await up(client)


async def test_nothing_strange_ends_the_trying(ami: FakeAmi):
    ami.secret = "another"
    ami.on("Challenge", lambda session, action: action.success())  # says yes and gives no challenge
    async with running(ami) as client:
        await until(lambda: client.counters.refused_logins == 2)
        ami.on("Challenge", lambda session, action: b"\xff\r\n\r\nResponse: \r\n\r\n\r\n\r\n")
        ami.close_sessions()
        await until(lambda: client.counters.attempts == 3)
    async with running(ami, host="x" * 100) as client:
        await until(lambda: client.counters.attempts >= 3)
        assert "cannot be reached" in (client.status().last_error or "")


async def test_an_overflow_drops_the_link_and_resyncs_instead_of_losing_in_silence(ami: FakeAmi):
    async with running(ami, max_queued_messages=50) as client:
        await up(client)
        ami.push(b"".join(block(("Event", "Tick"), ("Number", str(number))) for number in range(60)))
        await until(lambda: client.counters.overflows == 1)
        marker = await take(client)
        assert isinstance(marker, LinkDown)
        assert "overflow" in marker.reason
        assert (await up(client)).generation == 2


async def test_few_but_huge_messages_overflow_as_well(ami: FakeAmi):
    async with running(ami, max_queued_bytes=100_000) as client:
        await up(client)
        for _ in range(5):
            ami.event("Tick", ("Data", "x" * 30_000))
        await until(lambda: client.counters.overflows == 1)
        assert isinstance(await take(client), LinkDown)
        await up(client)


async def test_twenty_thousand_events_a_second_are_kept_up_with_or_resynced(ami: FakeAmi):
    async with running(ami, max_queued_messages=20_000, action_timeout_s=5.0) as client:
        await up(client)
        ended = asyncio.Event()

        async def flood() -> None:
            await ami.flood("Tick", 20_000, 1.0, ("Channel", "PJSIP/1001-1"))
            while not ended.is_set():  # a resync may swallow the first of these
                ami.event("Last")
                await asyncio.sleep(0.05)

        flooding = tasks.spawn(flood(), "flood")
        expected = most_queued = resyncs = 0
        while not (isinstance(item := await take(client), Message) and item.name == "Last"):
            most_queued = max(most_queued, client.status().queued)
            if isinstance(item, LinkUp):
                resyncs += 1
            elif isinstance(item, Message) and not resyncs:
                assert int(item["Number"]) == expected
                expected += 1
        ended.set()
        await asyncio.wait([flooding])
        assert most_queued <= 20_000
        assert resyncs or expected > 10_000
        assert (await client.action("Ping")).ok


async def test_a_full_queue_does_not_starve_the_loop(ami: FakeAmi):
    async with running(ami) as client:
        await up(client)
        ami.push(b"".join(block(("Event", "Tick")) for _ in range(2000)))
        await until(lambda: client.status().queued == 2000)
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        neighbour = tasks.spawn(other(), "other")
        for _ in range(2000):
            await client.next()
        assert turns >= 2000 // 64 - 1
        await tasks.stop(neighbour)


async def test_a_peer_that_stops_reading_is_left(ami: FakeAmi):
    async with running(ami, max_write_buffer_bytes=100_000, max_pending_actions=1_000_000) as client:
        await up(client)
        ami.stop_reading()
        value = "x" * 900
        sent = [client.send("Setvar", ("Variable", "A"), ("Value", value)) for _ in range(100)]
        deadline = time.monotonic() + 5
        while client.connected and time.monotonic() < deadline:
            sent.append(client.send("Setvar", ("Variable", "A"), ("Value", value)))
        assert "does not read" in (await down(client)).reason
        assert all(future.done() for future in sent)
        await up(client)


async def test_a_flapping_link_does_not_fill_the_queue_of_a_consumer_that_sleeps(ami: FakeAmi):
    async with running(ami, max_queued_messages=4) as client:
        for links in range(1, 9):
            await until(lambda wanted=links: client.counters.links == wanted)
            ami.reset()
        await until(lambda: client.counters.links == 9)
        assert client.status().queued <= 4
        last = None
        while client.status().queued:
            last = await take(client)
        assert last == LinkUp("main", 9, 1000.0, "11.0.0")


async def test_closing_ends_the_consumer_after_what_is_queued(ami: FakeAmi):
    async with running(ami) as client:
        await up(client)
        ami.event("Tick")
        await until(lambda: client.status().queued == 1)
        await client.close()
        assert isinstance(await take(client), Message)
        assert isinstance(await take(client), LinkDown)
        with pytest.raises(AmiDown):
            await take(client)
        with pytest.raises(AmiDown):
            client.send("Ping")


async def test_there_is_one_consumer(ami: FakeAmi):
    async with running(ami) as client:
        await up(client)
        first = tasks.spawn(client.next(), "first")
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError):
            await client.next()
        await tasks.stop(first)


async def test_the_wall_clock_has_no_say_in_deadlines(ami: FakeAmi):
    clock = iter(range(1_000_000, 0, -3600))
    client = AmiClient(replace(FAST, port=ami.port), wall_clock=lambda: float(next(clock)))
    runner = tasks.spawn(client.run(), "ami main")
    await up(client)
    await until(lambda: len(ami.received("Ping")) >= 2)
    assert client.counters.drops == 0
    await client.close()
    assert runner.done()


async def test_it_is_panoramisk_that_connects(ami: FakeAmi, monkeypatch: pytest.MonkeyPatch):
    used = []
    connect = Manager.connect

    def spied(self: Any, *args: Any, **kwargs: Any) -> Any:
        used.append(self)
        return connect(self, *args, **kwargs)

    monkeypatch.setattr(Manager, "connect", spied)
    async with running(ami) as client:
        await up(client)
        assert len(used) == 1
        assert not used[0].awaiting_actions


def test_handlers_are_typed() -> None:
    """The fake's contract for other tests: a handler gets the session and the action."""

    def handler(session: Session, action: ReceivedAction) -> bytes | None:
        return action.success()

    FakeAmi().on("Anything", handler)
