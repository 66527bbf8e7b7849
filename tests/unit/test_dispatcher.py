"""The one consumer: order, limits, refusals, and that a mistake in one event costs no other."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace

import pytest
from structlog.testing import CapturedCall, CapturingLogger

from acd import log, tasks
from acd.dispatcher import BURST, Dispatcher
from acd.errors import AcdError, NotAllowed, UnknownAgent
from acd.ivr.core import Core
from acd.ports import Entry
from acd.queues import commands as cmd
from acd.queues import events as ev
from acd.queues.model import AgentId, CallId, OfferId, QueueName
from tests.playbooks.words import SALES, agent, plan
from tests.unit.logging_state import logging_as_before  # noqa: F401

AT = 1_800_000_000.0
ANNA = AgentId("1001")
LEG = cmd.Leg(OfferId("c1.2"), ANNA, "PJSIP/1001")
RING = cmd.Ring(CallId("c1"), (LEG,), 20.0, QueueName("sales"), AT)
WITHDRAW = cmd.Withdraw(CallId("c1"), OfferId("c1.1"))
DROP = cmd.Drop(CallId("c1"), OfferId("c1.1"))


class World:
    """Everything the dispatcher is wired to."""

    def __init__(self, limit: int = 1000) -> None:
        self.core = Core(plan([agent("1001", sales=5)]))
        self.entries: list[Entry] = []
        self.watched: list[object] = []
        self.orders: list[cmd.SwitchCommand] = []
        self.timers: dict[str, float] = {}
        self.tape: Callable[[ev.Event, Sequence[cmd.Command] | None], object] = lambda _event, _commands: None
        self.dispatcher = Dispatcher(self.core, self, self.watched.append, limit, tape=self)
        self.dispatcher.connect(self, self)

    def heard(self, event: ev.Event, commands: Sequence[cmd.Command] | None) -> None:
        self.tape(event, commands)

    def put(self, entry: Entry) -> None:
        self.entries.append(entry)

    def carry_out(self, command: cmd.SwitchCommand) -> None:
        self.orders.append(command)

    def set(self, name: str, due_at: float) -> None:
        self.timers[name] = due_at

    def cancel(self, name: str) -> None:
        self.timers.pop(name, None)


def entered(n: int = 1) -> ev.CallEntered:
    return ev.CallEntered(AT, CallId(f"c{n}"), "main", SALES, "+79160000001", "Иван", AT)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    running = tasks.spawn(world.dispatcher.run(), "dispatcher")
    yield world
    await tasks.stop(running)


async def test_an_event_becomes_orders_records_and_news(world: World) -> None:
    world.dispatcher.post(ev.AgentLogin(AT, ANNA))
    world.dispatcher.post(entered())
    await world.dispatcher.drain()
    assert [type(order) for order in world.orders] == [cmd.MirrorAgent, cmd.Ring]
    facts = [str(entry.journey.fact) for entry in world.entries if entry.journey]
    assert facts == ["entered", "queued", "offered"]
    assert all(entry.record is not None for entry in world.entries if entry.journey)
    assert len(world.watched) == sum(entry.kept is None for entry in world.entries)
    assert [entry.kept.standing.logged_in for entry in world.entries if entry.kept] == [True]
    assert set(world.timers) == {"ring:c1.1", "look:c1", "limit:c1"}


async def test_a_decision_is_one_line_in_the_log(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = CapturingLogger()
    world.dispatcher.post(ev.AgentLogin(AT - 12, ANNA))
    monkeypatch.setattr("acd.dispatcher.log", lines)
    world.dispatcher.post(entered())
    await world.dispatcher.drain()
    about = {"call": "c1", "to": "1001", "by": "longest_idle", "key": "idle 12.0 s", "of_ready": 1}
    assert lines.calls == [CapturedCall("info", ("offered",), about)]


async def test_what_the_core_heard_is_kept_with_its_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[ev.Event, int | None]] = []
    world.tape = lambda event, commands: heard.append((event, None if commands is None else len(commands)))
    await world.dispatcher.ask(ev.AgentLogin(AT, ANNA))
    with pytest.raises(UnknownAgent):
        await world.dispatcher.ask(ev.AgentPause(AT, AgentId("1002"), "lunch"))
    monkeypatch.setattr(world.core, "handle", lambda _: 1 / 0)
    with pytest.raises(AcdError, match="mistake"):
        await world.dispatcher.ask(ev.AgentReady(AT, ANNA))
    assert heard == [(ev.AgentLogin(AT, ANNA), 3), (ev.AgentReady(AT, ANNA), None)]


@pytest.mark.parametrize(
    ("commands", "kept"),
    [
        ((WITHDRAW, RING), (RING,)),
        ((WITHDRAW,), (WITHDRAW,)),
        ((WITHDRAW, replace(RING, call_id=CallId("c2"))), (WITHDRAW, replace(RING, call_id=CallId("c2")))),
        ((WITHDRAW, DROP, RING), (WITHDRAW, DROP, RING)),
    ],
)
async def test_a_withdrawal_that_a_ring_of_the_same_call_follows_is_no_order(
    world: World, monkeypatch: pytest.MonkeyPatch, commands: tuple[cmd.Command, ...], kept: tuple[cmd.Command, ...]
) -> None:
    answers = iter([list(commands)])
    monkeypatch.setattr(world.core, "handle", lambda _: next(answers, []))
    world.dispatcher.post(ev.Stopping(AT))
    await world.dispatcher.drain()
    assert tuple(world.orders) == kept


async def test_the_switch_is_told_before_the_books_are_kept(world: World) -> None:
    """Somebody waits for an order, nobody for a record."""
    seen: list[str] = []
    world.carry_out = lambda command: seen.append("order")  # type: ignore[method-assign]
    world.put = lambda entry: seen.append("entry")  # type: ignore[method-assign]
    world.dispatcher.post(ev.AgentLogin(AT, ANNA))
    await world.dispatcher.drain()
    seen.clear()
    world.dispatcher.post(entered())
    await world.dispatcher.drain()
    assert seen[0] == "order" and "order" not in seen[1:] and "entry" in seen


async def test_events_are_decided_in_the_order_they_were_posted(world: World) -> None:
    for n in range(3 * BURST):
        world.dispatcher.post(entered(n))
    await world.dispatcher.drain()
    ids = [entry.journey.call_id for entry in world.entries if entry.journey and entry.journey.fact == "entered"]
    assert ids == [f"c{n}" for n in range(3 * BURST)]


async def test_a_full_inbox_does_not_starve_the_loop(world: World) -> None:
    for n in range(10 * BURST):
        world.dispatcher.post(entered(n))
    left = []
    for _ in range(3):
        await asyncio.sleep(0)
        left.append(world.dispatcher.pending())
    assert left[0] > left[1] > left[2] > 0


async def test_an_order_waits_for_its_decision(world: World) -> None:
    await world.dispatcher.ask(ev.AgentLogin(AT, ANNA))
    assert world.core.engine.desk.agents[ANNA].logged_in


async def test_a_refusal_is_raised_and_changes_nothing(world: World) -> None:
    with pytest.raises(UnknownAgent):
        await world.dispatcher.ask(ev.AgentLogin(AT, AgentId("9")))
    with pytest.raises(NotAllowed):
        await world.dispatcher.ask(ev.AgentReady(AT, ANNA))
    assert not world.watched[1:]


async def test_who_no_longer_waits_for_an_answer_disturbs_nobody(world: World) -> None:
    asking = tasks.spawn(world.dispatcher.ask(ev.AgentLogin(AT, ANNA)), "asking")
    await asyncio.sleep(0)
    asking.cancel()
    await world.dispatcher.drain()
    assert world.core.engine.desk.agents[ANNA].logged_in


async def test_a_mistake_in_one_event_is_said_and_costs_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = world.core.handle

    def faulty(event: ev.Event) -> list[cmd.Command]:
        if isinstance(event, ev.AgentPause):
            raise RuntimeError("a mistake")
        return handle(event)

    monkeypatch.setattr(world.core, "handle", faulty)
    await world.dispatcher.ask(ev.AgentLogin(AT, ANNA))
    with pytest.raises(AcdError, match="mistake"):
        await world.dispatcher.ask(ev.AgentPause(AT, ANNA, "lunch"))
    await world.dispatcher.ask(ev.AgentReady(AT, ANNA))


async def test_a_full_inbox_refuses_what_can_be_read_back_and_nothing_else() -> None:
    world = World(limit=2)
    post = world.dispatcher.post
    assert post(entered(1)) and post(entered(2))
    assert not post(entered(3))
    assert not post(ev.OfferRinging(AT, OfferId("c1.1")))
    for event in (
        ev.TimerDue(AT, "wrap:1001"),
        ev.NodeLost(AT, "main"),
        ev.NodeRead(AT, "main", False, (), frozenset()),
        ev.Restored(AT, ()),
        ev.DayBegan(AT, AT),
        ev.Stopping(AT),
    ):
        assert post(event)
    running = tasks.spawn(world.dispatcher.run(), "dispatcher")
    await world.dispatcher.drain()
    await tasks.stop(running)
    assert world.dispatcher.pending() == 0
    assert {entry.record.id for entry in world.entries if entry.record} == {"c1", "c2"}


@pytest.mark.usefixtures("logging_as_before")
async def test_a_mistake_is_logged_without_what_the_event_says_of_the_caller(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(event: ev.Event) -> list[cmd.Command]:
        raise ValueError(f"cannot understand {event!r}")

    stream = io.StringIO()
    log.setup("debug", "json", stream)
    monkeypatch.setattr(world.core, "handle", fails)
    with pytest.raises(AcdError, match="mistake"):
        await world.dispatcher.ask(entered())
    assert "c1" in stream.getvalue() and "cannot understand" in stream.getvalue()
    assert "Иван" not in stream.getvalue() and "79160000001" not in stream.getvalue()
