"""Erlang's formulas against published figures, against each other, and by their definitions."""

from __future__ import annotations

import math

import pytest

from acd.queues.erlang import erlang_a, erlang_b, erlang_c


@pytest.mark.parametrize(
    ("agents", "load", "blocked"),
    [(1, 0.0101, 0.01), (5, 1.361, 0.01), (10, 4.461, 0.01), (20, 12.031, 0.01), (50, 37.901, 0.01),
     (100, 84.064, 0.01), (10, 6.216, 0.05), (20, 15.249, 0.05), (100, 95.240, 0.05)],
)  # fmt: skip
def test_erlang_b_is_the_published_table(agents: int, load: float, blocked: float) -> None:
    assert erlang_b(load, agents) == pytest.approx(blocked, rel=2e-3)


def test_erlang_c_is_the_published_example() -> None:
    """360 calls in half an hour, four minutes each, 55 agents, 15 s: I. Angus, "An introduction to Erlang B and C"."""
    service = erlang_c(360 / 1800, 240.0, 55, 15.0)
    assert service.p_wait == pytest.approx(0.239, abs=0.0005)
    assert service.asa_s == pytest.approx(8.2, abs=0.05)
    assert service.service_level == pytest.approx(0.846, abs=0.0005)
    assert service.occupancy == pytest.approx(0.873, abs=0.0005)


def test_erlang_a_and_c_are_the_published_comparison() -> None:
    """50 agents, 48 calls a minute of a minute each, patience of two: N. Gans, G. Koole and A. Mandelbaum,
    "Telephone call centers: tutorial, review, and research prospects", MSOM 5 (2003)."""
    patient, impatient = erlang_c(48 / 60, 60.0, 50, 20.0), erlang_a(48 / 60, 60.0, 50, 20.0, 120.0)
    assert patient.mean_wait_s == pytest.approx(20.8, abs=0.05)
    assert patient.occupancy == pytest.approx(0.96)
    assert impatient.abandonment == pytest.approx(0.031, abs=0.0005)
    assert impatient.mean_wait_s == pytest.approx(3.7, abs=0.05)
    assert impatient.occupancy == pytest.approx(0.93, abs=0.005)


def test_one_agent_is_m_m_1() -> None:
    service = erlang_c(0.5 / 60, 60.0, 1, 60.0)
    assert service.p_wait == pytest.approx(0.5)
    assert service.asa_s == pytest.approx(60.0)
    assert service.service_level == pytest.approx(1 - 0.5 * math.exp(-0.5))


@pytest.mark.parametrize(("agents", "load"), [(3, 2.0), (3, 4.5), (40, 38.0), (40, 60.0), (400, 410.0)])
@pytest.mark.parametrize("patience_s", [20.0, 180.0, 2000.0])
def test_erlang_a_agrees_with_the_chain_written_out(agents: int, load: float, patience_s: float) -> None:
    """Every state and every caller who finds it, one by one."""
    serving, leaving, calls = agents / 180.0, 1 / patience_s, load / 180.0
    logs, number = [0.0], 0
    while number < 4 * agents or logs[-1] > max(logs) - 60:
        number += 1
        logs.append(
            logs[-1] + math.log(calls) - math.log(min(number, agents) / 180.0 + max(0, number - agents) * leaving)
        )
    top = max(logs)
    weights = [math.exp(one - top) for one in logs]
    total = math.fsum(weights)
    busy = [weight / total for weight in weights[agents:]]
    queue = math.fsum(j * share for j, share in enumerate(busy))
    served, passage = [], 0.0
    for j, share in enumerate(busy):
        rate = serving + (j + 1) * leaving
        passage += 1 / rate
        served.append((share * serving / rate, passage))
    service = erlang_a(calls, 180.0, agents, 20.0, patience_s)
    assert service.p_wait == pytest.approx(math.fsum(busy))
    assert service.abandonment == pytest.approx(leaving * queue / calls)
    assert service.mean_wait_s == pytest.approx(queue / calls)
    assert 1 - service.p_wait + math.fsum(share for share, _ in served) == pytest.approx(1 - service.abandonment)
    asa_s = math.fsum(share * wait_s for share, wait_s in served) / (1 - service.abandonment)
    assert service.asa_s == pytest.approx(asa_s)


def test_the_service_level_is_a_distribution() -> None:
    levels = [erlang_a(0.3, 180.0, 50, float(limit), 90.0).service_level for limit in (0, 1, 5, 20, 60, 300, 3000)]
    answered = erlang_a(0.3, 180.0, 50, 20.0, 90.0)
    assert levels == sorted(levels)
    assert levels[0] == pytest.approx(1 - answered.p_wait)
    assert levels[-1] == pytest.approx(1 - answered.abandonment, rel=1e-6), "in the end, everybody who was answered"


def test_endless_patience_is_erlang_c() -> None:
    patient, limit = erlang_c(0.2, 240.0, 55, 15.0), erlang_a(0.2, 240.0, 55, 15.0, 1e8)
    for name in ("p_wait", "mean_wait_s", "asa_s", "service_level", "occupancy"):
        assert getattr(limit, name) == pytest.approx(getattr(patient, name), rel=1e-4), name


def test_no_patience_at_all_is_erlang_b() -> None:
    service = erlang_a(0.2, 240.0, 50, 20.0, 1e-6)
    assert service.abandonment == pytest.approx(erlang_b(48.0, 50), rel=1e-4)


def test_large_and_lopsided_shops_are_no_trouble() -> None:
    huge = erlang_c(9900 / 200, 200.0, 10_000, 20.0)
    assert 0 < huge.p_wait < 1 and huge.service_level > 0.99
    flooded = erlang_a(1000.0, 200.0, 10, 20.0, 3600.0)
    assert flooded.abandonment == pytest.approx(1 - 0.05 / 1000, rel=1e-9)
    assert flooded.occupancy == pytest.approx(1.0) and flooded.service_level == pytest.approx(0.0, abs=1e-9)
    idle = erlang_a(0.001, 1.0, 5000, 20.0, 60.0)
    assert (idle.p_wait, idle.abandonment, idle.service_level) == (0.0, 0.0, 1.0)


def test_too_many_calls_wait_for_ever_when_nobody_gives_up() -> None:
    service = erlang_c(1.0, 60.0, 60, 20.0)
    assert (service.p_wait, service.asa_s, service.service_level, service.occupancy) == (1.0, math.inf, 0.0, 1.0)


def test_nobody_calls() -> None:
    assert erlang_c(0.0, 60.0, 1, 20.0).service_level == 1.0
    assert erlang_a(0.0, 60.0, 1, 20.0, 60.0).service_level == 1.0


@pytest.mark.parametrize(
    "wrong",
    [(-1.0, 60.0, 1, 20.0), (math.nan, 60.0, 1, 20.0), (1.0, 0.0, 1, 20.0), (1.0, 60.0, 0, 20.0), (1.0, 60.0, 1, -1.0)],
)
def test_nonsense_is_refused(wrong: tuple[float, float, int, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        erlang_c(*wrong)
    with pytest.raises(ValueError, match="must be"):
        erlang_a(*wrong, 60.0)
    with pytest.raises(ValueError, match="patience"):
        erlang_a(1.0, 60.0, 1, 20.0, 0.0)
