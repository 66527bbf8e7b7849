"""The simulated day: people by chance, a world in virtual time, and what is told of it."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from itertools import islice, pairwise
from random import Random

import pytest

from acd.queues.model import AgentId, CallId, OfferResult, Outcome, Overflow, Plan, QueueName
from acd.simulation.accuracy import accuracy
from acd.simulation.people import Demand, Manners, Shape, Shift, callers
from acd.simulation.report import report
from acd.simulation.scenario import Scenario, play
from acd.simulation.world import Guess
from tests.playbooks.words import SALES, SUPPORT, agent, plan, queue

HOUR_S = 3600.0
NINE_S = 9 * HOUR_S


def demand(name: str, did: str, per_hour: float, **more: object) -> Demand:
    return Demand(QueueName(name), did, per_hour, 120.0, 90.0, **more)  # type: ignore[arg-type]


def shop(**more: object) -> Plan:
    return plan(
        [agent("1001", sales=5), agent("1002", sales=1, support=5)],
        [queue("sales", "sales >= 1", SALES, **more), queue("support", "support >= 1", SUPPORT, **more)],
    )


def day(hours: float = 8.0, seed: int = 1, **more: object) -> Scenario:
    ids = (AgentId("1001"), AgentId("1002"))
    usual = Scenario(
        shop(),
        (demand("sales", SALES, 30.0), demand("support", SUPPORT, 15.0)),
        tuple(Shift(one, NINE_S, math.inf) for one in ids),
        NINE_S,
        NINE_S + hours * HOUR_S,
        seed=seed,
    )
    return replace(usual, **more)  # type: ignore[arg-type]


# -- people -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "spread"), [(Shape.EXPONENTIAL, 1.0), (Shape.LOGNORMAL, 1.0), (Shape.FIXED, 0.0)])
def test_times_have_the_wanted_mean_and_spread(shape: Shape, spread: float) -> None:
    chance = Random(5)
    drawn = [shape.draw(180.0, chance) for _ in range(20_000)]
    assert statistics.fmean(drawn) == pytest.approx(180.0, rel=0.03)
    assert statistics.stdev(drawn) / 180.0 == pytest.approx(spread, abs=0.08)
    assert shape.draw(math.inf, chance) == math.inf


def test_callers_come_independently_at_the_wanted_rate() -> None:
    came = list(callers(demand("sales", SALES, 60.0), NINE_S, NINE_S + 200 * HOUR_S, seed=3))
    gaps = [later.at - earlier.at for earlier, later in pairwise(came)]
    assert len(came) == pytest.approx(12_000, rel=0.03)
    assert statistics.stdev(gaps) == pytest.approx(60.0, rel=0.05), "exponential: as spread out as it is long"
    assert came[0].at > NINE_S and came[-1].at < NINE_S + 200 * HOUR_S


def test_the_same_seed_is_the_same_crowd_whatever_the_other_queues_do() -> None:
    one = [list(islice(callers(demand("sales", SALES, 60.0), 0.0, HOUR_S, seed), 50)) for seed in (1, 1, 2)]
    assert one[0] == one[1] != one[2]
    assert list(callers(demand("sales", SALES, 0.0), 0.0, HOUR_S, 1)) == []


# -- the world --------------------------------------------------------------------------------------------------------


def test_the_same_scenario_is_the_same_day_to_the_last_fact() -> None:
    manners = Manners(answer_s=4.0, no_answer=0.2)
    one, other = play(day(manners=manners)), play(day(manners=manners))
    assert one.ended == other.ended and one.events == other.events
    assert play(day(manners=manners, seed=2)).ended != one.ended


def test_everybody_who_came_has_one_outcome() -> None:
    world = play(day())
    assert world.calls == len(world.ended) == len({record.id for record in world.ended}) > 300
    assert {record.outcome for record in world.ended} == {Outcome.ANSWERED, Outcome.ABANDONED}
    assert not world.core.engine.calls and not world.core.engine.offers


def test_who_cannot_stay_goes_by_the_queues_overflow() -> None:
    crowded = shop(max_waiting=1, max_wait_s=60.0, overflow=Overflow(voicemail=True))
    world = play(day(plan=crowded, demands=(demand("sales", SALES, 60.0), demand("support", SUPPORT, 60.0))))
    assert {record.outcome for record in world.ended} == {
        Outcome.ANSWERED,
        Outcome.ABANDONED,
        Outcome.OVERFLOWED,
        Outcome.TIMED_OUT,
    }
    assert not world.core.engine.calls


def test_agents_answer_after_their_ring_and_talk_as_long_as_the_caller_brought() -> None:
    fixed = Demand(QueueName("sales"), SALES, 10.0, 100.0, math.inf, talk=Shape.FIXED)
    world = play(day(demands=(fixed,), manners=Manners(answer_s=4.0)))
    assert all(record.talk_s == pytest.approx(100.0) for record in world.ended)
    assert min(record.wait_s or 0.0 for record in world.ended) == pytest.approx(4.0)


def test_a_phone_that_is_not_answered_rings_out_and_pauses_its_agent_for_a_while() -> None:
    world = play(day(manners=Manners(no_answer=0.5, back_after_s=60.0)))
    results = {offer.result for record in world.ended for offer in record.offers}
    assert OfferResult.NO_ANSWER in results and OfferResult.ANSWERED in results
    told = report(day(), world, 0.0)
    assert sum(one.missed for one in told.agents) > 20
    assert any(change.reason == "missed" for change in world.changes)
    slow = play(day(manners=Manners(answer_s=60.0)))
    assert not [record for record in slow.ended if record.answered_at], "slower than the ring timeout"


def test_callers_who_may_not_wait_go_where_the_queue_sends_them() -> None:
    full = shop(max_waiting=1, overflow=Overflow(voicemail=True))
    told = report(day(plan=full), play(day(plan=full)), 0.0)
    assert all(one.overflowed > 5 and one.unserved == 0 for one in told.queues)
    short = shop(max_wait_s=30.0)
    told = report(day(plan=short), play(day(plan=short)), 0.0)
    assert all(one.timed_out > 5 and (one.max_wait_s or 0.0) <= 30.0 for one in told.queues)


def test_agents_who_go_leave_the_rest_to_the_others() -> None:
    noon_s = 12 * HOUR_S
    world = play(day(shifts=(Shift(AgentId("1001"), NINE_S, noon_s), Shift(AgentId("1002"), NINE_S, math.inf))))
    late = [record for record in world.ended if record.entered_at > noon_s and record.answered_at]
    assert late and {record.agent for record in late} == {"1002"}


# -- what is told -----------------------------------------------------------------------------------------------------


def test_a_report_adds_up_and_is_of_the_records() -> None:
    scenario = day(hours=24.0)
    world = play(scenario)
    told = report(scenario, world, 1.5)
    assert (told.hours, told.took_s, told.calls, told.seed) == (24.0, 1.5, world.calls, 1)
    sales = told.queues[0]
    mine = [record for record in world.ended if record.queue == "sales"]
    answered = [record for record in mine if record.answered_at]
    assert (sales.offered, sales.answered, sales.abandoned) == (len(mine), len(answered), len(mine) - len(answered))
    assert (sales.overflowed, sales.timed_out, sales.closed, sales.unserved) == (0, 0, 0, 0)
    in_time = sum((record.wait_s or 0.0) <= 20.0 for record in answered)
    assert sales.service_level == in_time / len(mine)
    assert sales.asa_s == pytest.approx(statistics.fmean(record.wait_s or 0.0 for record in answered))
    assert sales.max_wait_s == max(record.wait_s or 0.0 for record in mine)
    assert sum((record.wait_s or 0.0) <= (sales.p95_wait_s or 0.0) for record in mine) / len(mine) >= 0.95
    assert sum(one.answered for one in told.agents) == sum(one.answered for one in told.queues)
    assert sum(one.talk_s for one in told.agents) == pytest.approx(sum(record.talk_s or 0.0 for record in world.ended))


def test_occupancy_is_work_by_time_on_duty() -> None:
    fixed = Demand(QueueName("sales"), SALES, 20.0, 90.0, math.inf, talk=Shape.FIXED)
    scenario = day(hours=100.0, demands=(fixed,), shifts=(Shift(AgentId("1001"), NINE_S, math.inf),))
    (only,) = report(scenario, play(scenario), 0.0).agents
    assert only.on_duty_s == pytest.approx(100 * HOUR_S)
    assert only.occupancy == pytest.approx(20 * 105 / 3600, rel=0.05), "talk and 15 s of wrap-up"


def test_nobody_there_and_nobody_calling() -> None:
    scenario = day(demands=(demand("sales", SALES, 0.0),), shifts=())
    told = report(scenario, play(scenario), 0.0)
    assert told.queues[0].asa_s is None and told.queues[0].occupancy is None and told.estimates is None
    endless = Demand(QueueName("sales"), SALES, 30.0, 100.0, math.inf)
    # Long enough to wait for ever: the queue's limits may let them go, but nobody serves them.
    scenario = day(hours=1.0, demands=(endless,), shifts=())
    told = report(scenario, play(scenario), 0.0)
    assert told.queues[0].answered == 0 and told.queues[0].offered > 10


def test_accuracy_is_of_those_who_waited_and_were_answered() -> None:
    world = play(day())
    found = accuracy(world.guesses, world.ended)
    assert found is not None
    answered = [record for record in world.ended if record.answered_at and record.id in world.guesses]
    assert found.calls == len(answered)
    perfect = {
        record.id: Guess(QueueName(record.queue or ""), record.entered_at, record.wait_s)
        for record in answered
        if record.wait_s is not None
    }
    exact = accuracy(perfect, world.ended)
    assert exact is not None and exact.error_s == pytest.approx(0.0, abs=1e-6)
    assert accuracy({}, world.ended) is None
    assert accuracy({CallId("x"): Guess(QueueName("sales"), 0.0, None)}, world.ended) is None


def test_the_impatient_are_not_forgotten() -> None:
    """Half of all give up after 10 s, the others stay: each of the answered whose wait was longer counts for two."""
    world = play(day())
    some = next(record for record in world.ended if record.answered_at)

    def ended(call: str, wait_s: float, gave_up: bool) -> object:
        outcome = Outcome.ABANDONED if gave_up else Outcome.ANSWERED
        answered_at = None if gave_up else 1000.0 + wait_s
        return replace(some, id=CallId(call), wait_s=wait_s, outcome=outcome, answered_at=answered_at)

    records = [ended("a", 5.0, False), ended("b", 10.0, True), ended("c", 20.0, False)]
    guesses = {CallId(one): Guess(QueueName(some.queue or ""), 1000.0, 0.0) for one in "abc"}
    found = accuracy(guesses, records)  # type: ignore[arg-type]
    assert found is not None and found.calls == 2
    assert found.mean_wait_s == pytest.approx((5.0 + 2 * 20.0) / 3)


def test_estimates_are_right_on_the_average_where_queues_share_agents() -> None:
    """Some 1,500 waits of a shop in which one agent serves both queues; errors as exponential talk makes them."""
    limits = {"wrap_up_s": 0.0, "max_waiting": 1000, "max_wait_s": 1e6}
    demands = [
        Demand(QueueName(name), did, rate, 120.0, math.inf)
        for name, did, rate in (("sales", SALES, 20.0), ("support", SUPPORT, 12.0))
    ]
    world = play(day(hours=100.0, plan=shop(**limits), demands=tuple(demands)))
    for name in ("sales", "support"):
        found = accuracy(world.guesses, [record for record in world.ended if record.queue == name])
        assert found is not None and found.calls > 600
        assert abs(found.bias_s) < 0.06 * found.mean_wait_s, name
        assert found.relative < 0.65, name
