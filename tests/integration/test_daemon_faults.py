"""The whole daemon against a scripted Asterisk over TCP, and everything that can break between them.

After every fault: no task, no open file, no unanswered action is left, and the brain's own rules hold.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from acd import daemon as root
from acd import tasks
from acd.ami.values import AmiSettings
from acd.config import Settings
from acd.daemon import Daemon
from acd.errors import StorageError
from acd.ports import CallFilter
from acd.queues.journey import CallRecord
from acd.queues.model import AgentId, CallId, OfferResult, Outcome
from acd.records import database
from acd.records.store import SqlStore
from tests import rules
from tests.deadlines import until
from tests.fakes.ami_server import ReceivedAction, Session, block
from tests.fakes.asterisk import Caller, FakeAsterisk
from tests.faults import Figure

PING_S = 0.1
REFUSED_PAUSE_S = 1.0
WRAP_UP_S = 0.3
SECRET = "a-wallboard's"
TOKEN = {"name": "wallboard", "role": "supervisor", "sha256": hashlib.sha256(SECRET.encode()).hexdigest()}
STRANGE = (
    block(("Event", "NoSuchEventYet"), ("Channel", "PJSIP/trunk-00000001"), ("Ключ", "значение"))
    + block(("Event", "Hangup"), ("Channel", "PJSIP/other-1"), ("Uniqueid", ""))
    + block(("Event", "UserEvent"), ("UserEvent", "AcdDial"), ("Offer", "x.1"), ("Status", "ANSWER"))
    + block(("Event", "DeviceStateChange"))
    + b"Report0: of nobody\r\n\r\n"
)
Running = Callable[..., Awaitable[Daemon]]


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count of what is open now


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    await asyncio.sleep(0)
    tasks_before, files_before = tasks.count(), open_files()
    yield
    await until(lambda: tasks.count() == tasks_before, what="tasks are left")
    await until(lambda: open_files() <= files_before, what="files are left open")


@pytest.fixture
async def asterisk(nothing_is_left: None) -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk() as fake:
        yield fake


@pytest.fixture
async def running(asterisk: FakeAsterisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """Daemons on the fake; each is stopped and checked in the end."""
    patient = root.ami_settings
    sweep_s = 25.0

    def hasty(*args: Any) -> AmiSettings:
        return dataclasses.replace(
            patient(*args),
            reconnect_min_s=0.05,
            refused_retry_s=0.05,
            refused_retry_max_s=REFUSED_PAUSE_S,
            sweep_s=sweep_s,
        )

    monkeypatch.setattr(root, "ami_settings", hasty)
    monkeypatch.setattr(root, "DATABASE_RETRY_S", 0.1)
    started: list[Daemon] = []

    async def start(
        agents: int = 2, queues: int = 1, wait: bool = True, swept_every_s: float = 25.0, **more: Any
    ) -> Daemon:
        nonlocal sweep_s
        sweep_s = swept_every_s
        asterisk.endpoints = tuple(f"PJSIP/{1000 + n}" for n in range(1, agents + 1))
        daemon = Daemon(settings(asterisk, tmp_path, agents, queues, **more))
        started.append(daemon)
        await daemon.start()
        if wait:
            await until(lambda: not daemon.problems(), what="the daemon gets ready")
        return daemon

    yield start
    for daemon in [daemon for daemon in started if daemon._tasks]:  # the others were stopped by their test
        rules.check(daemon.core, daemon.clock.now())
        await daemon.stop()
        assert daemon.nodes[0].client.pending == 0


def settings(asterisk: FakeAsterisk, folder: Path, agents: int, queues: int, **more: Any) -> Settings:
    link = {"name": "main", "host": asterisk.host, "port": asterisk.port}
    names = ["sales", *(f"q{n}" for n in range(1, queues))]
    wrap_up_s = more.pop("wrap_up_s", 0)
    return Settings.model_validate(
        {
            "asterisk": [{**link, "username": asterisk.username, "secret": more.pop("secret", asterisk.secret)}],
            "database": f"sqlite+aiosqlite:///{folder}/acd.db",
            "http": {"port": 0},
            "ami": {"ping_interval_s": PING_S, "reconnect_max_s": 0.3, "connect_timeout_s": 0.5},
            "queues": {
                name: {"dids": [f"{74951234567 + n}"], "require": "sales >= 1", "wrap_up_s": wrap_up_s,
                       "survey": "none", "ring_timeout_s": 20, "max_waiting": 10_000}
                for n, name in enumerate(names)
            },
            "agents": {
                f"{1000 + n}": {"name": f"Agent {n}", "endpoint": f"PJSIP/{1000 + n}", "skills": {"sales": 5},
                                "login": "start"}
                for n in range(1, agents + 1)
            },
            **more,
        }
    )  # fmt: skip


def record(daemon: Daemon, caller: Caller) -> CallRecord:
    found = daemon.core.book.get(CallId(caller.call_id))
    assert found is not None
    return found


def ended(daemon: Daemon, caller: Caller) -> bool:
    found = daemon.core.book.get(CallId(caller.call_id))
    return found is not None and found.outcome is not None


def talking(daemon: Daemon) -> int:
    return sum(agent.state == "talking" for agent in daemon.board.agents())


def in_service(daemon: Daemon) -> bool:
    return daemon.nodes[0].view().connected


async def readyz(daemon: Daemon) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as session, session.get(f"{daemon.api.url}/readyz") as answer:
        return answer.status, await answer.json(content_type=None)


async def pause_after_the_third(asterisk: FakeAsterisk) -> float:
    """Seconds from the third attempt to log in to the fourth, as they arrived."""
    await until(lambda: len(asterisk.received("Challenge")) >= 4, "a fourth attempt")
    third, fourth = asterisk.received("Challenge")[2:4]
    return fourth.at - third.at


async def is_ready(daemon: Daemon, within_s: float = 5.0) -> None:
    await until(lambda: not daemon.problems(), f"ready again: {daemon.problems()}", within_s)
    assert (await readyz(daemon))[0] == 200


# -- one call, so that the faults below break something that works ------------------------------------------------


async def test_a_call_is_served_and_recorded(asterisk: FakeAsterisk, running: Running) -> None:
    daemon = await running()
    caller = asterisk.call_in()
    await until(asterisk.ringing)
    asterisk.answer(caller)
    await until(lambda: talking(daemon) == 1)
    asterisk.agent_hangs_up(caller)
    await until(lambda: ended(daemon, caller))
    assert record(daemon, caller).outcome is Outcome.ANSWERED
    assert await daemon.recorder.flush(5)
    stored = await daemon.store.call(CallId(caller.call_id))
    assert stored is not None and stored.outcome is Outcome.ANSWERED


# -- the link -----------------------------------------------------------------------------------------------------


@pytest.mark.fault(1)
async def test_a_reset_link_costs_nobody_anything(asterisk: FakeAsterisk, running: Running) -> None:
    daemon = await running(agents=55)
    callers = [asterisk.call_in() for _ in range(75)]
    await until(lambda: len(asterisk.ringing()) == 55)
    for caller in asterisk.ringing()[:50]:
        asterisk.answer(caller)
    await until(lambda: talking(daemon) == 50)
    line_before = [call.id for call in daemon.board.waiting_calls("sales")]
    joined_before = {call.id: call.joined_at for call in daemon.core.engine.calls.values()}
    assert len(line_before) == 25
    orders_before = len(asterisk.received("Redirect"))

    asterisk.reset()
    await until(lambda: not in_service(daemon))
    await until(lambda: in_service(daemon), deadline_s=5)
    await daemon.dispatcher.drain()
    assert [call.id for call in daemon.board.waiting_calls("sales")] == line_before
    assert {call.id: call.joined_at for call in daemon.core.engine.calls.values()} == joined_before
    assert talking(daemon) == 50 and len(asterisk.ringing()) == 5
    assert len(asterisk.received("Redirect")) == orders_before

    for caller in callers:
        asterisk.hang_up(caller)
    await until(lambda: all(ended(daemon, caller) for caller in callers))
    assert [record(daemon, caller).outcome for caller in callers].count(Outcome.ANSWERED) == 50
    assert await daemon.recorder.flush(10)
    page = await daemon.store.calls(CallFilter(ended=True), 200)
    assert len(page.items) == len({item.id for item in page.items}) == 75


@pytest.mark.fault(2)
async def test_a_mute_peer_is_found_and_told(asterisk: FakeAsterisk, running: Running) -> None:
    daemon = await running()
    caller = asterisk.call_in()
    await until(asterisk.ringing)
    muted_at = time.monotonic()
    asterisk.mute()
    await until(lambda: not in_service(daemon))
    assert time.monotonic() - muted_at < 3 * PING_S + 0.5
    status, body = await readyz(daemon)
    assert status == 503 and "asterisk.main" in str(body)
    asterisk.unmute()
    await is_ready(daemon)
    asterisk.answer(caller)
    await until(lambda: talking(daemon) == 1)
    assert caller.dialled == ["1001"]


async def test_what_happens_while_a_picture_is_read_is_worked_on_after_it(
    asterisk: FakeAsterisk, running: Running
) -> None:
    """The picture is of the moment of its asking; what is told before it is whole waits, and is not lost."""
    daemon = await running(agents=1)
    before, asked = asterisk.call_in(), asyncio.Event()
    await until(asterisk.ringing)
    asterisk.answer(before)
    await until(lambda: talking(daemon) == 1)
    answer = asterisk.handlers["status"]
    came: list[Caller] = []

    def slowly(session: Session, action: ReceivedAction) -> bytes | None:
        listed = answer(session, action)  # as it is now; its answer takes a while
        came.append(asterisk.call_in())
        asterisk.hang_up(before)
        asterisk.on("Status", answer)
        asyncio.get_running_loop().call_later(0.2, session.write, listed)
        asyncio.get_running_loop().call_later(0.1, asked.set)
        return None

    asterisk.on("Status", slowly)
    orders = len(asterisk.received("Redirect"))
    asterisk.reset()
    await asked.wait()
    assert len(asterisk.received("Redirect")) == orders, "nothing is decided on half a picture"
    await until(lambda: came[0].dialled == ["1001"], "who came meanwhile is served")
    assert ended(daemon, before) and record(daemon, before).outcome is Outcome.ANSWERED
    assert not record(daemon, came[0]).reconciled, "it was heard, not found"


@pytest.mark.fault(1)
@pytest.mark.parametrize("carried_out", [False, True])
async def test_no_order_is_given_again_after_a_blip(
    asterisk: FakeAsterisk, running: Running, figure: Figure, carried_out: bool
) -> None:
    """An order that was on its way when the link broke may have been carried out or not: the picture tells."""
    daemon = await running(agents=1)
    redirect = asterisk.handlers["redirect"]

    def unheard(session: Session, action: ReceivedAction) -> bytes:
        asterisk.on("Redirect", redirect)
        session.reset()
        if carried_out:
            redirect(session, action)
        return b""

    asterisk.on("Redirect", unheard)
    caller = asterisk.call_in()
    await until(lambda: not in_service(daemon))
    await until(lambda: in_service(daemon))
    await until(lambda: daemon.board.agent(AgentId("1001")).state == "offered")
    await until(lambda: caller.dialled == ["1001"], "rung once, by the first order or by a new decision")
    orders = asterisk.received("Redirect")
    assert len(orders) == (1 if carried_out else 2)
    figure("orders given again", len(orders) - len({order["ActionID"] for order in orders}), "")
    asterisk.answer(caller)
    await until(lambda: talking(daemon) == 1)
    asterisk.hang_up(caller)
    await until(lambda: ended(daemon, caller))
    assert record(daemon, caller).outcome is Outcome.ANSWERED
    assert len({offer.offer_id for offer in record(daemon, caller).offers}) == len(record(daemon, caller).offers)


async def test_calls_that_came_and_went_unheard_are_found(asterisk: FakeAsterisk, running: Running) -> None:
    daemon = await running(agents=1)
    gone = asterisk.call_in()
    await until(asterisk.ringing)
    await asterisk.stop_listening()
    asterisk.reset()
    await until(lambda: not in_service(daemon))
    asterisk.hang_up(gone, heard=False)
    came = asterisk.call_in(heard=False)
    await asterisk.listen()
    await is_ready(daemon)
    await until(lambda: ended(daemon, gone))
    assert record(daemon, gone).reconciled
    await until(lambda: came.dialled == ["1001"])


@pytest.mark.fault(6, 20)
async def test_a_restarted_asterisk_lost_its_calls(asterisk: FakeAsterisk, running: Running, figure: Figure) -> None:
    """The channels of the next calls have the names and numbers of the lost ones."""
    daemon = await running()
    callers = [asterisk.call_in() for _ in range(3)]
    await until(lambda: len(asterisk.ringing()) == 2)
    asterisk.answer(asterisk.ringing()[0])
    await until(lambda: talking(daemon) == 1)
    asterisk.reboot()
    await until(lambda: all(ended(daemon, caller) for caller in callers))
    assert {record(daemon, caller).outcome for caller in callers} == {Outcome.LOST}
    await is_ready(daemon)
    later = asterisk.call_in()
    await until(lambda: later.dialled)
    assert (later.uniqueid, later.channel) == (callers[0].uniqueid, callers[0].channel)
    assert (record(daemon, later).outcome, len(record(daemon, later).offers)) == (None, 1)
    assert record(daemon, callers[0]).outcome is Outcome.LOST
    assert await daemon.recorder.flush(5)
    stored = (await daemon.store.calls(CallFilter(), 100)).items
    assert len({one.id for one in stored}) == len(callers) + 1
    figure("records of 4 calls, two with one Uniqueid", len({one.id for one in stored}), "")


@pytest.mark.fault(13)
async def test_a_hang_up_nobody_heard_is_found_by_the_sweep(
    asterisk: FakeAsterisk, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 13."""
    monkeypatch.setattr("acd.ami.node.AGAIN_S", 0.2)
    monkeypatch.setattr("acd.ami.node.SETTLE_S", 0.1)
    daemon = await running(agents=1, swept_every_s=0.2)
    caller = asterisk.call_in()
    await until(asterisk.ringing)
    asterisk.answer(caller)
    await until(lambda: talking(daemon) == 1)
    asterisk.hang_up(caller, heard=False)
    await until(lambda: ended(daemon, caller))
    assert record(daemon, caller).reconciled and record(daemon, caller).outcome is Outcome.ANSWERED
    assert daemon.board.agents()[0].state == "ready"


async def test_a_sweep_disturbs_nobody(
    asterisk: FakeAsterisk, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acd.ami.node.AGAIN_S", 0.01)
    monkeypatch.setattr("acd.ami.node.SETTLE_S", 0.3)
    daemon = await running(agents=3, swept_every_s=0.01)
    callers = [asterisk.call_in() for _ in range(3)]
    for caller in callers:
        await until(lambda wanted=caller: wanted.leg)  # type: ignore[misc]
        asterisk.answer(caller)
    await until(lambda: talking(daemon) == 3)
    swept = len(asterisk.received("Status"))
    await until(lambda: len(asterisk.received("Status")) > swept + 10)
    assert talking(daemon) == 3
    for caller in callers:
        asterisk.agent_hangs_up(caller)
    await until(lambda: all(ended(daemon, caller) for caller in callers))
    assert [caller.dialled for caller in callers] == [["1001"], ["1002"], ["1003"]]
    assert not any(record(daemon, caller).reconciled for caller in callers)


# -- decisions ------------------------------------------------------------------------------------------------------


@pytest.mark.fault(9)
async def test_two_calls_in_one_tick_for_one_agent(asterisk: FakeAsterisk, running: Running) -> None:
    """Fault 9."""
    daemon = await running(agents=1)
    first, second = asterisk.call_in(), asterisk.call_in()
    await until(lambda: first.dialled)
    await daemon.dispatcher.drain()
    assert (first.dialled, second.dialled) == (["1001"], [])
    assert daemon.board.waiting_calls("sales")[-1].id == second.call_id


@pytest.mark.fault(10)
async def test_an_agent_of_many_queues_is_offered_one_call(asterisk: FakeAsterisk, running: Running) -> None:
    """Fault 10."""
    daemon = await running(agents=1, queues=20)
    callers = [asterisk.call_in(did=str(74951234567 + n)) for n in range(20)]
    await until(lambda: len(daemon.core.engine.calls) == 20)
    await daemon.dispatcher.drain()
    assert sum(len(caller.dialled) for caller in callers) == 1


@pytest.mark.fault(11)
async def test_refusals_go_round_and_a_dead_phone_is_left_alone(asterisk: FakeAsterisk, running: Running) -> None:
    """Fault 11."""
    daemon = await running(agents=2)
    caller = asterisk.call_in()
    await until(asterisk.ringing)
    asterisk.ring_ends(caller, "BUSY", "SIP 603 Decline")
    await until(lambda: caller.dialled == ["1001", "1002"])
    asterisk.ring_ends(caller, "CHANUNAVAIL")
    await until(lambda: len(record(daemon, caller).offers) == 2 and record(daemon, caller).offers[1].result)
    assert [offer.result for offer in record(daemon, caller).offers] == [OfferResult.REFUSED, OfferResult.UNREACHABLE]
    await asyncio.sleep(0.3)
    assert caller.dialled == ["1001", "1002"]


@pytest.mark.fault(14)
@pytest.mark.parametrize("noise", [False, True], ids=["doubled", "among others"])
async def test_every_event_twice(asterisk: FakeAsterisk, running: Running, noise: bool) -> None:
    """And among events of other software, of a later Asterisk and of nobody."""
    daemon = await running(agents=1)
    asterisk.copies = 2
    asterisk.noise = STRANGE if noise else b""
    caller, waiting = asterisk.call_in(), asterisk.call_in()
    await until(asterisk.ringing)
    asterisk.answer(caller)
    await until(lambda: talking(daemon) == 1)
    asterisk.agent_hangs_up(caller)
    await until(lambda: ended(daemon, caller))
    await until(lambda: waiting.dialled == ["1001"])
    assert caller.dialled == ["1001"]
    assert [str(event.fact) for event in record(daemon, caller).events] == [
        "entered", "queued", "offered", "ringing", "accepted", "connected", "talk_ended", "survey_ended", "ended",
    ]  # fmt: skip


# -- load -----------------------------------------------------------------------------------------------------------


@pytest.mark.fault(17)
async def test_a_flood_of_real_events_for_a_slow_brain(
    asterisk: FakeAsterisk, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When our own inbox is full the link is cut and everything read back: nothing is lost in silence."""
    daemon = await running(agents=1)
    monkeypatch.setattr(daemon.dispatcher, "_limit", 50)
    callers = [asterisk.call_in(heard=False) for _ in range(300)]
    for caller in callers:
        asterisk._tell(caller, "AcdEnter", ("Did", "74951234567"))
    await until(lambda: len(daemon.core.engine.calls) == 300)
    await is_ready(daemon)
    await until(lambda: sum(len(caller.dialled) for caller in callers) == 1)


# -- clocks ---------------------------------------------------------------------------------------------------------


@pytest.mark.fault(19)
@pytest.mark.parametrize("whose", ["ours and Asterisk's", "Asterisk's", "ours"])
@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
async def test_stepped_clocks_leave_waits_and_wrap_ups_right(
    asterisk: FakeAsterisk,
    running: Running,
    monkeypatch: pytest.MonkeyPatch,
    figure: Figure,
    step_s: float,
    whose: str,
) -> None:
    """A clock is set while a caller waits: the machine's, which may be Asterisk's as well, or another machine's."""
    daemon = await running(agents=1, wrap_up_s=WRAP_UP_S)
    before = asterisk.call_in()
    await until(asterisk.ringing)
    rang_at = time.monotonic()
    wall_clock = time.time
    if "ours" in whose:
        monkeypatch.setattr(time, "time", lambda: wall_clock() + step_s)
    if "Asterisk" in whose:
        asterisk.wall_ahead_s += step_s
    after = asterisk.call_in()
    await until(lambda: len(daemon.core.engine.calls) == 2)
    asterisk.answer(before)
    await until(lambda: talking(daemon) == 1)
    waited_s = time.monotonic() - rang_at
    assert record(daemon, before).wait_s == pytest.approx(waited_s, abs=0.05)
    assert 0 <= daemon.clock.now() - record(daemon, after).entered_at < waited_s + 0.05
    assert 0 <= daemon.board.queues()[0].longest_wait_s < waited_s + 0.05
    waits_off_s = abs((record(daemon, before).wait_s or 0.0) - waited_s)
    asterisk.agent_hangs_up(before)
    await until(lambda: daemon.board.agents()[0].state == "wrap_up")
    began_at = time.monotonic()
    asterisk.hang_up(after)
    await until(lambda: daemon.board.agents()[0].state == "ready")
    wrapped_up_s = time.monotonic() - began_at
    assert wrapped_up_s == pytest.approx(WRAP_UP_S, abs=0.05)
    figure("a wait is off by", 1000 * waits_off_s, "ms")
    figure("a wrap-up is off by", 1000 * abs(wrapped_up_s - WRAP_UP_S), "ms")


@pytest.mark.fault(19)
@pytest.mark.parametrize(("month", "offsets"), [(3, ("+01:00", "+02:00")), (10, ("+02:00", "+01:00"))])
async def test_summer_time_begins_and_ends_while_a_caller_waits(
    asterisk: FakeAsterisk,
    running: Running,
    monkeypatch: pytest.MonkeyPatch,
    figure: Figure,
    month: int,
    offsets: tuple[str, str],
) -> None:
    """In a spring's night an hour of the local clock is left out, in an autumn's it comes twice."""
    daemon = await running(agents=1, timezone="Europe/Berlin", tokens=[TOKEN])
    changes_at = _clocks_change(month)
    ahead_s = changes_at - 0.2 - daemon.clock.now()
    monkeypatch.setattr(daemon.clock, "_offset_s", daemon.clock._offset_s + ahead_s)
    asterisk.wall_ahead_s += ahead_s
    caller = asterisk.call_in()
    entered_at = time.monotonic()
    await until(asterisk.ringing)
    await until(lambda: daemon.clock.now() > changes_at, "the clocks are changed")
    asterisk.answer(caller)
    await until(lambda: talking(daemon) == 1)
    waited_s = time.monotonic() - entered_at
    off_s = abs((record(daemon, caller).wait_s or 0.0) - waited_s)
    figure("a wait is off by", 1000 * off_s, "ms")
    assert off_s <= 0.05
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {SECRET}"}) as session:
        shown = await (await session.get(f"{daemon.api.url}/api/v1/calls/{caller.call_id}")).json()
    assert (shown["entered_at"][-6:], shown["answered_at"][-6:]) == offsets
    entered, answered = (datetime.fromisoformat(shown[when]) for when in ("entered_at", "answered_at"))
    assert (answered - entered).total_seconds() == pytest.approx(waited_s, abs=0.05)


def _clocks_change(month: int) -> float:
    """When the European Union changes its clocks next year: the month's last Sunday, 01:00 UTC; seconds since 1970."""
    last = datetime(datetime.now(UTC).year + 1, month, 31, 1, tzinfo=UTC)
    return (last - timedelta(days=last.isoweekday() % 7)).timestamp()


# -- rights and versions --------------------------------------------------------------------------------------------


@pytest.mark.fault(21)
async def test_a_wrong_secret_is_tried_seldom_and_named(
    asterisk: FakeAsterisk, running: Running, figure: Figure
) -> None:
    daemon = await running(wait=False, secret="wrong")
    status, body = await readyz(daemon)
    assert status == 503 and "wrong username or secret" in str(body)
    pause_s = await pause_after_the_third(asterisk)
    assert pause_s > 0.8 * REFUSED_PAUSE_S
    figure("pause after the third attempt, of a limit of 1 s", pause_s, "s")
    asterisk.secret = "wrong"
    await is_ready(daemon)


@pytest.mark.fault(21)
async def test_a_missing_right_is_named(asterisk: FakeAsterisk, running: Running) -> None:
    commands = asterisk.commands
    asterisk.commands = tuple(name for name in commands if name not in ("Redirect", "QueueAdd"))
    daemon = await running(wait=False)
    await until(lambda: "Redirect, QueueAdd" in str(daemon.problems()))
    asterisk.commands = commands
    await is_ready(daemon)


async def test_an_old_asterisk_is_refused_and_tried_again(asterisk: FakeAsterisk, running: Running) -> None:
    asterisk.version = "18.24.1"
    daemon = await running(wait=False)
    await until(lambda: "Asterisk 18.24.1 is too old: 20 or newer is needed" in str(daemon.problems()))
    caller = asterisk.call_in()
    await until(lambda: asterisk.connections > 3)
    assert not caller.dialled and not asterisk.variables.get("ACD_HEARTBEAT")
    asterisk.version = "22.10.1"
    await is_ready(daemon)
    await until(lambda: caller.dialled == ["1001"])


@pytest.mark.fault(21)
@pytest.mark.parametrize(
    ("spoil", "mend", "said"),
    [
        (lambda a: a.heard_classes.discard("user"), lambda a: a.heard_classes.add("user"), "class user"),
        (lambda a: a.heard_classes.discard("call"), lambda a: a.heard_classes.add("call"), "class call"),
        (lambda a: setattr(a, "dialplan_included", False), lambda a: setattr(a, "dialplan_included", True), "#include"),
    ],
)
async def test_an_asterisk_that_would_not_tell_of_calls_is_not_steered(
    asterisk: FakeAsterisk,
    running: Running,
    spoil: Callable[[FakeAsterisk], None],
    mend: Callable[[FakeAsterisk], None],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    figure: Figure,
) -> None:
    """Without a heartbeat the dialplan takes care of its callers by itself."""
    monkeypatch.setattr("acd.ami.echo.GRACE_S", 0.1)
    spoil(asterisk)
    daemon = await running(wait=False)
    await until(lambda: said in str(daemon.problems()))
    assert not asterisk.variables.get("ACD_HEARTBEAT")
    pause_s = await pause_after_the_third(asterisk)
    assert pause_s > 0.8 * REFUSED_PAUSE_S
    figure("pause after the third attempt, of a limit of 1 s", pause_s, "s")
    mend(asterisk)
    await is_ready(daemon)


async def test_missing_prompts_are_told_and_keep_nobody_out(asterisk: FakeAsterisk, running: Running) -> None:
    asterisk.missing_prompts = ("ru/acd/nps-question",)
    with capture_logs() as lines:
        await is_ready(await running())
    assert any(line.get("prompts") == ["ru/acd/nps-question"] for line in lines)


# -- the database ---------------------------------------------------------------------------------------------------


@pytest.mark.fault(16)
async def test_a_database_that_is_away_at_boot(asterisk: FakeAsterisk, running: Running, tmp_path: Path) -> None:
    """Fault 16."""
    (tmp_path / "acd.db").mkdir()
    daemon = await running(wait=False)
    await until(lambda: in_service(daemon))
    status, body = await readyz(daemon)
    assert status == 503 and "database" in str(body)
    caller = asterisk.call_in()
    await until(asterisk.ringing)
    await daemon.floor.logout(AgentId("1002"))
    asterisk.answer(caller)
    await until(lambda: talking(daemon) == 1)
    asterisk.agent_hangs_up(caller)
    await until(lambda: ended(daemon, caller))
    (tmp_path / "acd.db").rmdir()
    await is_ready(daemon)
    stored = await daemon.store.call(CallId(caller.call_id))
    assert stored is not None and stored.outcome is Outcome.ANSWERED
    assert daemon.board.queues()[0].today.answered == 1
    assert daemon.board.agent(AgentId("1002")).state == "offline", "healing logs nobody in"


@pytest.mark.fault(16)
async def test_a_daemon_that_begins_without_the_database_goes_on_where_the_spool_ends(
    asterisk: FakeAsterisk, running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Figure
) -> None:
    """The facts of a call that both daemons saw are numbered through, and all are there when the database is back."""
    monkeypatch.setattr(root, "DATABASE_PATIENCE_S", 1.0)
    file = tmp_path / "acd.db"
    first = await running(agents=1)
    old, talks = asterisk.call_in(), asterisk.call_in()
    await until(lambda: old in asterisk.ringing())
    asterisk.answer(old)
    await until(lambda: talking(first) == 1)
    assert await first.recorder.flush(5)
    monkeypatch.setattr(first.store, "write", refuse)
    lose_the_database(file)
    waits = asterisk.call_in()
    await until(lambda: len(first.core.engine.calls) == 3)
    told = {caller.call_id: record(first, caller).events for caller in (old, talks, waits)}
    await killed(first)
    second = await running(agents=1, wait=False)
    await until(lambda: in_service(second))
    await until(lambda: second.core.engine.calls.keys() == told.keys())
    assert {"database", "spool"} & second.degraded().keys() == {"database"}
    asterisk.agent_hangs_up(old)
    await until(lambda: ended(second, old))
    await until(lambda: talks in asterisk.ringing())
    asterisk.answer(talks)
    await until(lambda: talking(second) == 1)
    asterisk.hang_up(waits)
    await until(lambda: ended(second, waits))
    give_the_database_back(file)
    back_at = time.monotonic()
    await is_ready(second, 10)
    figure("caught up after", time.monotonic() - back_at, "s")
    assert second.degraded() == {}
    for caller in (old, talks, waits):
        stored = await second.store.call(CallId(caller.call_id))
        assert stored == record(second, caller)
        assert stored is not None and stored.events[: len(told[caller.call_id])] == told[caller.call_id]
        assert [event.seq for event in stored.events] == list(range(1, len(stored.events) + 1))


async def refuse(entries: object) -> None:
    """A store's `write` that cannot."""
    raise StorageError("disk full")


def lose_the_database(file: Path) -> None:
    """Nothing opens it: its place is taken."""
    for path in file.parent.glob(f"{file.name}*"):
        path.rename(path.with_name(f"away-{path.name}"))
    file.mkdir()


def give_the_database_back(file: Path) -> None:
    file.rmdir()
    for path in file.parent.glob(f"away-{file.name}*"):
        path.rename(path.with_name(path.name.removeprefix("away-")))


async def killed(daemon: Daemon) -> None:
    """As by SIGKILL, as far as Asterisk, the database and the spool can tell."""
    await tasks.stop(daemon._recording, *daemon._tasks)
    daemon._tasks.clear()
    await daemon.api.stop()
    daemon.timers.close()
    assert daemon.spool is not None
    await daemon.spool.close()
    await daemon.store.close()


@pytest.mark.fault(16)
async def test_a_database_that_goes_away_later(
    asterisk: FakeAsterisk, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = await running()
    write = daemon.store.write

    monkeypatch.setattr(daemon.store, "write", refuse)
    caller = asterisk.call_in()
    await until(lambda: "disk full" in str(daemon.problems()))
    assert (await readyz(daemon))[0] == 503
    asterisk.answer(caller)
    await until(lambda: talking(daemon) == 1)
    asterisk.hang_up(caller)
    await until(lambda: ended(daemon, caller))
    monkeypatch.setattr(daemon.store, "write", write)
    await is_ready(daemon, 10)
    assert await daemon.recorder.flush(5)
    stored = await daemon.store.call(CallId(caller.call_id))
    assert stored is not None and stored.outcome is Outcome.ANSWERED


# -- the end --------------------------------------------------------------------------------------------------------


async def test_stopping_withdraws_and_writes(asterisk: FakeAsterisk, running: Running, tmp_path: Path) -> None:
    """Fault 5."""
    daemon = await running(agents=1)
    ringing, waiting = asterisk.call_in(), asterisk.call_in()
    await until(asterisk.ringing)
    began_at = time.monotonic()
    await daemon.stop()
    assert time.monotonic() - began_at < 10
    assert not asterisk.ringing()
    assert [asterisk.variables[f"{caller.channel}/ACD_VERB"] for caller in (ringing, waiting)] == ["hold", "hold"]
    store = SqlStore(database.connect(f"sqlite+aiosqlite:///{tmp_path}/acd.db"), "RU")
    left_open = {call.id: call for call in await store.open_calls()}
    await store.close()
    assert set(left_open) == {ringing.call_id, waiting.call_id}
    assert left_open[CallId(ringing.call_id)].offers[0].result is OfferResult.WITHDRAWN


async def test_the_next_daemon_takes_over(asterisk: FakeAsterisk, running: Running) -> None:
    first = await running(agents=1)
    caller = asterisk.call_in()
    await until(asterisk.ringing)
    joined_at = first.core.engine.calls[CallId(caller.call_id)].joined_at
    await first.stop()
    second = await running(agents=1)
    await until(asterisk.ringing)
    assert second.core.engine.calls[CallId(caller.call_id)].joined_at == joined_at
    assert caller.dialled == ["1001", "1001"]
    assert len(record(second, caller).offers) == 2


async def test_sigterm_ends_it_also_while_it_starts(
    asterisk: FakeAsterisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 5."""
    upgrading = asyncio.Event()

    async def slow(_: object) -> None:
        upgrading.set()
        await asyncio.sleep(60)

    monkeypatch.setattr(root, "upgrade", slow)
    run = tasks.spawn(root.run(settings(asterisk, tmp_path, 1, 1)), "daemon")
    await upgrading.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(run, 10)
