"""How long a caller will still wait."""

from __future__ import annotations

import math

import pytest

from acd.ivr.core import Core
from acd.queues import estimate
from acd.queues import events as ev
from acd.queues.delay import expected_wait_s, through_steps, wait_behind_s
from acd.queues.model import AgentId, Call, CallId, OfferId, QueueName, Side
from acd.queues.pace import GUESS_TALK_S
from tests.playbooks.words import NODE, SALES, SUPPORT, agent, plan, queue

AT = 1_800_000_000.0
SALES_S, SUPPORT_S = GUESS_TALK_S + 15.0, GUESS_TALK_S + 45.0


# -- the formula ----------------------------------------------------------------------------------------------------


def test_the_queue_length_predictor() -> None:
    assert expected_wait_s(0, agents=1, handling_s=180.0) == 180.0
    assert expected_wait_s(5, agents=3, handling_s=60.0) == pytest.approx(6 * 60 / 3)
    assert expected_wait_s(1.5, agents=1, handling_s=100.0) == pytest.approx(250.0)


@pytest.mark.parametrize("ahead", [0, 1, 31, 32, 33, 34, 100, 1000])
@pytest.mark.parametrize(("agents", "patience_s"), [(1, 30.0), (3, 60.0), (200, 120.0), (5, 3600.0)])
def test_those_who_give_up_shorten_it_as_the_sum_says(ahead: int, agents: int, patience_s: float) -> None:
    rate = agents / 180.0
    exact = math.fsum(1.0 / (rate + i / patience_s) for i in range(ahead + 1))
    assert expected_wait_s(ahead, agents, 180.0, 1.0 / patience_s) == pytest.approx(exact, rel=1e-5)


def test_a_part_of_a_place_lies_between_two_places() -> None:
    waits = [expected_wait_s(places / 4, 2, 60.0, 0.01) for places in range(400)]
    assert waits == sorted(waits) and len(set(waits)) == len(waits)


@pytest.mark.parametrize("ahead", [0.0, 1.0, 2.5, 7.0, 300.0])
@pytest.mark.parametrize("leaving_per_s", [0.0, 1e-12, 0.02])
def test_one_kind_for_the_same_agents_is_the_plain_formula(ahead: float, leaving_per_s: float) -> None:
    behind = wait_behind_s(0b111, {0b111: ahead} if ahead else {}, 60.0, leaving_per_s)
    assert behind == pytest.approx(expected_wait_s(ahead, 3, 60.0, leaving_per_s))


@pytest.mark.parametrize("leaving_per_s", [0.0, 0.03])
@pytest.mark.parametrize(("mine", "theirs"), [(0b11, 0b10), (0b10, 0b11), (0b0111, 0b1110), (0b1, 0b1111)])
def test_a_kind_that_shares_agents_is_the_chain_step_by_step(mine: int, theirs: int, leaving_per_s: float) -> None:
    """With i ahead: their agents and whoever gives up take one from them, my own agents serve me."""
    own, wait_s = (mine & ~theirs).bit_count() / 60.0, 60.0 / mine.bit_count()
    for ahead in range(1, 30):
        gone = theirs.bit_count() / 60.0 + ahead * leaving_per_s
        wait_s = 1.0 / (gone + own) + gone / (gone + own) * wait_s
        assert wait_behind_s(mine, {theirs: ahead}, 60.0, leaving_per_s) == pytest.approx(wait_s)


def test_kinds_who_take_all_my_agents_leave_me_none_until_they_are_gone() -> None:
    apart = wait_behind_s(0b11, {0b01: 100.0, 0b10: 100.0}, 60.0)
    assert apart == pytest.approx(100 * 60.0 + 30.0), "a hundred for each of the two"
    assert wait_behind_s(0b11, {0b11: 200.0}, 60.0) == pytest.approx(apart), "the same work in one kind"


def test_kinds_that_are_gone_at_once_may_come_in_any_order() -> None:
    ahead = {0b0011: 2.0, 0b0110: 2.0, 0b1000: 1.0, 0b11000: 2.0}
    backwards = dict(reversed(ahead.items()))
    assert wait_behind_s(0b1111, ahead, 60.0, 0.01) == pytest.approx(wait_behind_s(0b1111, backwards, 60.0, 0.01))


def test_more_ahead_is_never_less_wait_and_more_kinds_than_can_be_looked_at_are_taken_together() -> None:
    waits = [wait_behind_s(0b111, {0b110: places / 2, 0b1011: 3.0}, 60.0, 0.01) for places in range(60)]
    assert waits == sorted(waits)
    many = {1 | 1 << number: 1.0 for number in range(1, 500)}
    assert 0 < wait_behind_s(1, many, 60.0) < 500 * 60.0


def test_a_later_step_helps_from_its_deadline_on() -> None:
    assert through_steps([(0.0, 60.0), (100.0, 10.0)]) == 60.0, "served before it opens"
    assert through_steps([(0.0, 100.0), (50.0, 20.0)]) == 60.0, "half is done by then, the rest goes five times as fast"
    assert through_steps([(0.0, None), (30.0, 20.0)]) == 50.0, "nobody before"
    assert through_steps([(0.0, 40.0), (20.0, 90.0)]) == 40.0, "more agents are never worse"
    assert through_steps([(0.0, 100.0), (50.0, 0.0)]) == 50.0
    assert through_steps([(0.0, None)]) is None


# -- in the shop ------------------------------------------------------------------------------------------------------


class Shop:
    """Two queues: 1001 serves sales, 1002 both, 1003 support; support lets 1001 in after a minute."""

    def __init__(self) -> None:
        queues = [
            queue("sales", "sales >= 1", SALES),
            queue("support", "support >= 1", SUPPORT, relax={60: "sales >= 1"}, wrap_up_s=45.0),
        ]
        agents = [agent("1001", sales=5), agent("1002", sales=1, support=5), agent("1003", support=5)]
        self.core = Core(plan(agents, queues))
        self.shop = self.core.engine.shop
        self.at = AT

    def tell(self, *events: ev.Event) -> Shop:
        for event in events:
            self.core.handle(event)
        return self

    def here(self, *agents: str) -> Shop:
        return self.tell(*(ev.AgentLogin(self.at, AgentId(one)) for one in agents))

    def enters(self, *calls: str, did: str = SALES) -> Shop:
        return self.tell(*(ev.CallEntered(self.at, CallId(one), NODE, did, "", "", self.at) for one in calls))

    def serves(self, call: str, talk_s: float) -> Shop:
        self.tell(ev.Connected(self.at, OfferId(f"{call}.1")))
        self.at += talk_s
        return self.tell(ev.CallerLeft(self.at, CallId(call)))

    def told(self, call: str) -> float | None:
        return estimate.tell_s(self.core.engine.calls[CallId(call)], self.shop, self.at)


def test_a_free_agent_is_no_wait_and_nobody_is_no_estimate() -> None:
    shop = Shop()
    assert estimate.newcomers(shop.shop, AT) == {}
    shop.here("1001")
    assert estimate.newcomers(shop.shop, AT) == {"sales": 0.0, "support": 60.0}
    shop.enters("c1")
    assert estimate.newcomers(shop.shop, AT) == {"sales": SALES_S, "support": 60.0 + SUPPORT_S}


def test_the_place_counts_over_all_queues_by_the_share_of_common_agents() -> None:
    shop = Shop().here("1001", "1002").enters("c1", "c2")  # both agents are taken
    shop.enters("c3").enters("s1", did=SUPPORT)
    assert shop.told("c3") == SALES_S / 2, "the first of two agents"
    # Support has 1002 alone; half of c3's agents are its own. At its relaxation after a minute it gets both.
    alone_s, both_s = SUPPORT_S + 0.5 * SALES_S, (SUPPORT_S + SALES_S) / 2
    assert shop.told("s1") == pytest.approx(60.0 + (1 - 60.0 / alone_s) * both_s)


def test_a_call_about_to_join_is_seen_at_its_place() -> None:
    shop = Shop().here("1001").enters("c1", "c2", "c3")
    sales = shop.shop.plan.queues[QueueName("sales")]
    late = Call(CallId("x"), NODE, SALES, "", "", AT, joined_at=AT + 1)
    early = Call(CallId("x"), NODE, SALES, "", "", AT, joined_at=AT - 600)
    assert estimate.estimate_s(late, sales, shop.shop, AT + 1) == pytest.approx(3 * SALES_S)
    assert estimate.estimate_s(early, sales, shop.shop, AT + 1) == pytest.approx(SALES_S), "it keeps an old place"
    assert late.queue is None, "nothing is changed by asking"


def test_the_pace_is_learnt_from_calls_that_ended() -> None:
    shop = Shop().here("1001")
    for number in range(300):
        shop.enters(f"c{number}").serves(f"c{number}", 60.0)
        shop.tell(ev.AgentReady(shop.at, AgentId("1001")))
    shop.enters("x", "y")
    assert shop.told("y") == pytest.approx(75.0, rel=0.03), "a minute of talk and the wrap-up"


def test_those_who_give_up_are_learnt_as_well() -> None:
    shop = Shop().here("1001").enters("c0")
    for number in range(1, 100):
        shop.enters(f"c{number}")
        shop.at += 50.0
        shop.tell(ev.CallerLeft(shop.at, CallId(f"c{number}")))
    shop.enters("x", "y")
    assert shop.shop.pace.leaving_per_s(QueueName("sales")) == pytest.approx(1 / 50.0)
    assert shop.told("y") == pytest.approx(SALES_S + 1 / (1 / SALES_S + 1 / 50.0))


def test_a_held_call_waits_for_its_one_agent_until_then() -> None:
    shop = Shop().here("1001", "1002").enters("c1", "c2", "c3")
    call = shop.core.engine.calls[CallId("c3")]
    call.only = AgentId("1002")
    assert shop.told("c3") == SALES_S, "one agent"
    call.told, call.only_until = None, shop.at + 30.0
    assert shop.told("c3") == pytest.approx(30.0 + (1 - 30.0 / SALES_S) * SALES_S / 2)


# -- what was told --------------------------------------------------------------------------------------------------


def test_what_was_told_shrinks_with_the_place_and_not_by_the_mean() -> None:
    shop = Shop().here("1001").enters("c1", "c2", "c3", "c4")
    assert shop.told("c4") == 3 * SALES_S
    shop.tell(ev.CallerLeft(shop.at, CallId("c3")))
    assert shop.told("c4") == 2 * SALES_S
    shop.serves("c1", talk_s=3000.0)  # the mean handling time grows, and what was said stands
    assert shop.told("c4") == 2 * SALES_S
    assert estimate.newcomers(shop.shop, shop.at)["sales"] > 4 * SALES_S, "but not for newcomers"


def test_it_grows_when_an_agent_goes() -> None:
    shop = Shop().here("1001", "1002").enters("c1", "c2", "c3")
    shop.tell(*(ev.Connected(shop.at, OfferId(f"{call}.1")) for call in ("c1", "c2")))
    assert shop.told("c3") == SALES_S / 2
    shop.tell(ev.AgentPause(shop.at, AgentId("1002"), "lunch"))
    assert shop.told("c3") == SALES_S
    shop.tell(ev.AgentLogout(shop.at, AgentId("1001")))
    assert shop.told("c3") is None
    shop.here("1001")
    assert shop.told("c3") == SALES_S


def test_it_grows_when_somebody_is_rightly_placed_ahead() -> None:
    shop = Shop().here("1001").enters("c1", "c2")
    assert shop.told("c2") == SALES_S
    shop.tell(ev.CallEntered(shop.at, CallId("old"), NODE, SALES, "", "", shop.at - 60.0))
    assert (shop.told("old"), shop.told("c2")) == (SALES_S, 2 * SALES_S)


def test_a_caller_who_hangs_up_takes_nobodys_place_and_one_who_rings_is_told_nothing() -> None:
    shop = Shop().here("1001").enters("c1", "c2", "c3")
    shop.tell(ev.PartyHungUp(shop.at, CallId("c2"), Side.CALLER))
    assert shop.told("c3") == SALES_S
    assert shop.told("c1") is None
