"""What is thrown in follows from the seed alone, and leaves nothing out for long."""

from __future__ import annotations

from itertools import pairwise

import pytest

from acd.lab.chaos.schedule import BLOWS, Kind, schedule

SEEDS = range(1, 40)


def test_the_same_seed_throws_the_same() -> None:
    assert schedule(7, 270) == schedule(7, 270)
    assert schedule(7, 270) != schedule(8, 270)


@pytest.mark.parametrize("seed", SEEDS)
def test_five_minutes_have_everything_in_them(seed: int) -> None:
    strokes = schedule(seed, 270)
    assert {stroke.kind for stroke in strokes} == set(Kind)
    assert 1 <= sum(stroke.kind is Kind.ASTERISK for stroke in strokes) <= 2


@pytest.mark.parametrize("seed", SEEDS)
def test_a_blow_falls_when_the_one_before_is_over_and_all_are_over_in_time(seed: int) -> None:
    blows = [stroke for stroke in schedule(seed, 100) if stroke.kind in BLOWS]
    for before, after in pairwise(blows):
        assert after.at_s > before.at_s + before.for_s
    assert all(stroke.at_s + stroke.for_s <= 100 for stroke in schedule(seed, 100))
