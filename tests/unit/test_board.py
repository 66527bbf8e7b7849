"""The live picture over the core in memory."""

from __future__ import annotations

import pytest

from acd.board import LiveBoard
from acd.errors import UnknownAgent, UnknownQueue
from acd.ivr.core import Core
from acd.ports import ConfigView
from acd.queues import events as ev
from acd.queues.model import AgentId, AgentState, CallId, QueueSpec
from tests.fakes.board import FakeMirrors
from tests.playbooks.words import SALES, SUPPORT, agent, plan, queue

AT = 1_800_000_000.0


class Shop:
    """A core with two queues and three agents, and the board over it."""

    def __init__(self, *queues: QueueSpec) -> None:
        usual = (
            queue("sales", "sales >= 5", SALES, relax={30: "support >= 5"}),
            queue("support", "support >= 1", SUPPORT, priority=10),
        )
        agents = [agent("1001", sales=5), agent("1002", support=5), agent("1003")]
        self.core = Core(plan(agents, list(queues or usual)))
        self.at = AT
        problems = {"database": "away"}
        self.board = LiveBoard(
            self.core, self, lambda: [], lambda: problems, dict, lambda: ConfigView(0.0), FakeMirrors()
        )

    def now(self) -> float:
        return self.at

    def tell(self, *events: ev.Event) -> Shop:
        for event in events:
            self.core.handle(event)
        return self

    def enters(self, call: str, did: str = SALES) -> Shop:
        return self.tell(ev.CallEntered(self.at, CallId(call), "main", did, "+79160000001", "Иван", self.at))

    def login(self, *agents: str) -> Shop:
        return self.tell(*(ev.AgentLogin(self.at, AgentId(one)) for one in agents))


def test_a_queue_counts_those_who_wait_and_those_who_could_serve() -> None:
    shop = Shop().enters("c1").enters("c2", SUPPORT)
    shop.at += 7
    shop.login("1002", "1003")
    sales, support = shop.board.queues()
    assert (sales.name, sales.waiting, sales.longest_wait_s) == ("sales", 1, 7.0)
    assert (sales.agents_online, sales.agents_ready) == (1, 0), "1002 serves sales once it is relaxed, and rings now"
    assert (support.waiting, support.today.offered) == (1, 1), "one that rings still waits"
    assert (support.agents_online, support.agents_ready) == (1, 0)


def test_an_agent_is_of_a_queue_that_asks_about_the_call() -> None:
    shop = Shop(queue("sales", "sales >= 5 and language == 'en'", SALES)).login("1001", "1002")
    (sales,) = shop.board.queues()
    assert (sales.agents_online, sales.agents_ready) == (1, 1)


def test_an_empty_queue() -> None:
    sales, _ = Shop().board.queues()
    assert (sales.waiting, sales.longest_wait_s, sales.agents_online, sales.today.service_level) == (0, 0.0, 0, None)


def test_an_agents_state_and_call() -> None:
    shop = Shop().login("1001").enters("c1")
    view = shop.board.agent(AgentId("1001"))
    assert (view.state, view.call_id, view.reason) == (AgentState.OFFERED, "c1", None)
    shop.tell(ev.AgentPause(AT, AgentId("1001"), "lunch"))
    view = shop.board.agent(AgentId("1001"))
    assert (view.state, view.call_id, view.reason) == (AgentState.PAUSED, None, "lunch")
    assert [agent.id for agent in shop.board.agents()] == ["1001", "1002", "1003"]


def test_the_line_is_shown_in_the_order_of_service_ringing_first() -> None:
    shop = Shop().enters("c1").enters("c2").enters("c3").login("1001")
    assert [call.id for call in shop.board.waiting_calls("sales")] == ["c1", "c2", "c3"]
    assert [call.id for call in shop.board.live_calls()] == ["c1", "c2", "c3"]


def test_what_is_left_of_the_wait_is_told_of_those_who_wait() -> None:
    shop = Shop().enters("c1").enters("c2").enters("c3").login("1001")
    waits = shop.board.estimated_waits()
    assert waits == {"c2": 195.0, "c3": 390.0}, "three minutes and the wrap-up, as long as nothing else is known"
    assert shop.board.estimated_wait_s(CallId("c3")) == 390.0
    assert shop.board.estimated_wait_s(CallId("c1")) is None, "it rings"
    assert shop.board.estimated_wait_s(CallId("c9")) is None
    sales, support = shop.board.queues()
    assert (sales.estimated_wait_s, support.estimated_wait_s) == (585.0, None), "nobody is here for support"


def test_why_is_told_of_live_calls_only() -> None:
    shop = Shop().enters("c1")
    why = shop.board.why(CallId("c1"))
    assert why is not None and why.position == 1
    shop.tell(ev.CallerLeft(AT, CallId("c1")))
    assert shop.board.why(CallId("c1")) is None
    assert shop.board.call(CallId("c1")) is not None


def test_strangers_are_refused_by_name() -> None:
    board = Shop().board
    with pytest.raises(UnknownAgent, match="9999"):
        board.agent(AgentId("9999"))
    with pytest.raises(UnknownQueue, match="nowhere"):
        board.waiting_calls("nowhere")
    assert board.problems() == {"database": "away"} and board.degraded() == {}
