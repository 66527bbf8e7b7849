"""A supervisor's orders through the one inbox: the answer shows what was decided, a refusal is raised."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from acd import tasks
from acd.board import LiveBoard, LiveFloor
from acd.dispatcher import Dispatcher
from acd.errors import NotAllowed, UnknownAgent, UnknownCall, UnknownQueue
from acd.ivr.core import Core
from acd.ports import ConfigView, Entry
from acd.queues import commands as cmd
from acd.queues import events as ev
from acd.queues.journey import own_priority
from acd.queues.model import AgentId, CallId, QueueName
from tests.fakes.board import FakeMirrors, FakeStore
from tests.playbooks.words import SALES, SUPPORT, agent, plan, queue

AT = 1_800_000_000.0
C1, ANNA, BORIS = CallId("c1"), AgentId("1001"), AgentId("1002")


class Shop:
    """The floor over a running dispatcher; the world outside only listens."""

    def __init__(self) -> None:
        queues = [queue("sales", "sales", SALES), queue("support", "support", SUPPORT)]
        core = Core(plan([agent("1001", sales=5), agent("1002", support=5)], queues))
        self.dispatcher = Dispatcher(core, self, lambda _: None)
        self.dispatcher.connect(self, self)
        self.mirrors = FakeMirrors()
        board = LiveBoard(core, self, lambda: [], dict, dict, lambda: ConfigView(0.0), self.mirrors)
        self.floor = LiveFloor(self.dispatcher, board, self, FakeStore())
        self.rung: list[tuple[str, str]] = []

    def now(self) -> float:
        return AT

    def put(self, entry: Entry) -> None: ...

    def set(self, name: str, due_at: float) -> None: ...

    def cancel(self, name: str) -> None: ...

    def carry_out(self, command: cmd.SwitchCommand) -> None:
        if isinstance(command, cmd.Ring):
            self.rung.append((command.call_id, command.agent_id))


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    shop = Shop()
    running = tasks.spawn(shop.dispatcher.run(), "dispatcher")
    shop.dispatcher.post(ev.CallEntered(AT, C1, "main", SALES, "+79160000001", "Иван", AT))
    yield shop
    await tasks.stop(running)


async def test_points(shop: Shop) -> None:
    record = await shop.floor.prioritise(C1, 7, "olga")
    assert own_priority(record) == 7
    assert record.events[-1].data == {"priority": 7, "by": "olga"}


async def test_an_order_to_an_agent_waits_for_the_fallback_queue_and_says_when_it_does_not_know(shop: Shop) -> None:
    assert (await shop.floor.login(ANNA)).mirrored is True
    shop.mirrors.behind.add("PJSIP/1001")
    assert (await shop.floor.pause(ANNA, "lunch")).mirrored is False
    assert shop.mirrors.waited_for == ["PJSIP/1001"] * 2


async def test_a_move(shop: Shop) -> None:
    assert (await shop.floor.move(C1, QueueName("support"), "olga")).queue == "support"
    with pytest.raises(UnknownQueue, match="salse"):
        await shop.floor.move(C1, QueueName("salse"), "olga")


async def test_a_pull(shop: Shop) -> None:
    with pytest.raises(NotAllowed, match="1002 is offline"):
        await shop.floor.pull(C1, BORIS, "olga")
    await shop.floor.login(BORIS)
    record = await shop.floor.pull(C1, BORIS, "olga")
    assert (record.offers[-1].agent, shop.rung) == (BORIS, [(C1, BORIS)])
    with pytest.raises(UnknownAgent, match="9999"):
        await shop.floor.pull(C1, AgentId("9999"), "olga")


async def test_calls_that_are_not_there(shop: Shop) -> None:
    with pytest.raises(UnknownCall, match="c9"):
        await shop.floor.prioritise(CallId("c9"), 1, "olga")
    shop.dispatcher.post(ev.CallerLeft(AT, C1))
    with pytest.raises(NotAllowed, match="has ended"):
        await shop.floor.prioritise(C1, 1, "olga")
