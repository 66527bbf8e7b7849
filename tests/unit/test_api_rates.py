"""How much one client may ask, in made-up time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from acd.api.rates import Rates, Seldom


def test_a_burst_and_then_so_many_a_second() -> None:
    rates = Rates(per_s=2.0, burst=3.0)
    assert [rates.take("a", 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert rates.take("a", 0.0) == 0.5
    assert rates.take("a", 0.25) == 0.25
    assert rates.take("a", 0.5) == 0.0
    assert rates.take("b", 0.5) == 0.0, "everybody has a bucket of their own"


def test_a_refusal_costs_nothing() -> None:
    rates = Rates(per_s=1.0, burst=1.0)
    rates.take("a", 0.0)
    for n in range(100):
        assert rates.take("a", n / 1000) > 0
    assert rates.take("a", 1.0) == 0.0


def test_only_the_first_refusal_of_many_is_worth_a_line() -> None:
    rates = Rates(per_s=1.0, burst=1.0)
    rates.take("a", 0.0)
    rates.take("a", 0.0)
    assert rates.first_refusal("a")
    assert not rates.first_refusal("a")
    rates.take("a", 5.0)
    assert rates.first_refusal("a"), "it had been within its rate again"
    assert not rates.first_refusal("never seen")


def test_buckets_are_bounded_and_the_longest_unheard_of_goes() -> None:
    rates = Rates(per_s=1.0, burst=1.0, kept=3)
    for client in "abc":
        rates.take(client, 0.0)
    rates.take("a", 0.0)
    rates.take("d", 0.0)
    assert len(rates) == 3
    assert rates.take("a", 0.0) > 0, "still known"
    assert rates.take("b", 0.0) == 0.0, "forgotten"


@given(st.lists(st.floats(0.0, 5.0), max_size=60), st.floats(0.5, 20.0))
def test_never_more_than_the_burst_and_the_rate(gaps: list[float], per_s: float) -> None:
    rates = Rates(per_s, burst=4.0)
    at, passed = 0.0, 0
    for gap in gaps:
        at += gap
        passed += rates.take("a", at) == 0.0
    assert passed <= 4.0 + per_s * at + 1e-6


def test_what_comes_too_often_is_said_seldom_with_how_often_it_came() -> None:
    seldom = Seldom(every_s=10.0)
    assert [seldom.due(at) for at in (0.0, 1.0, 9.9, 10.0, 30.0)] == [1, 0, 0, 3, 1]
