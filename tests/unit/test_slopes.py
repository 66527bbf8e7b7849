"""Whether a figure grows: the line, how sure it is, and what is let pass."""

from __future__ import annotations

import random

import pytest

from acd.errors import LabError
from acd.lab.slopes import HOUR_S, slope
from acd.lab.soak import judged, warm_up_s

TIMES = [10.0 * number for number in range(180)]  # half an hour


def test_a_straight_line_is_found_as_it_is() -> None:
    line = slope(TIMES, [100 + 6 * at / HOUR_S for at in TIMES])
    assert line.per_hour == pytest.approx(6)
    assert line.error == pytest.approx(0, abs=1e-6)
    assert not line.nil(0.02, 0.0)
    assert line.nil(0.1, 0.0)
    assert line.nil(0.0, 7.0)


def test_what_never_changes_has_no_slope() -> None:
    line = slope(TIMES, [7.0] * len(TIMES))
    assert (line.per_hour, line.error, line.mean) == (0.0, 0.0, 7.0)
    assert line.nil(0.0, 0.0)


def test_noise_alone_is_nil_and_growth_shows_through_noise() -> None:
    rng = random.Random(1)
    noise = [rng.gauss(0, 2) for _ in TIMES]
    assert slope(TIMES, [50 + n for n in noise]).nil(0.0, 0.0)
    assert not slope(TIMES, [50 + n + 10 * at / HOUR_S for n, at in zip(noise, TIMES, strict=True)]).nil(0.0, 0.0)


def test_samples_that_are_alike_count_as_fewer() -> None:
    """A slow swing looks like a slope to who takes each sample for new."""
    rng, at, walk = random.Random(3), 0.0, []
    for _ in TIMES:
        at = 0.95 * at + rng.gauss(0, 1)
        walk.append(at)
    shuffled = random.Random(4).sample(walk, len(walk))
    assert slope(TIMES, walk).error > 3 * slope(TIMES, shuffled).error


def test_what_shrinks_does_not_grow() -> None:
    assert slope(TIMES, [100 - at for at in TIMES]).nil(0.0, 0.0)


@pytest.mark.parametrize(("times", "values"), [([1.0, 2.0], [1.0, 2.0]), ([1.0] * 3, [1.0] * 3)])
def test_too_little_to_say_anything(times: list[float], values: list[float]) -> None:
    with pytest.raises(ValueError, match="a slope needs"):
        slope(times, values)


def test_the_warm_up_is_not_judged() -> None:
    assert warm_up_s(1800) == 600
    assert warm_up_s(600) == pytest.approx(420)
    samples = [{"at_s": at, "calls": at, "memory_mib": min(at, 600) + 80, "tasks": 9.0} for at in TIMES]
    found = judged(samples, warm_up_s(1800))
    assert {name: nil for name, (_, nil) in found.items()} == {"memory_mib": True, "tasks": True}
    leak = [{**sample, "tasks": 9 + sample["at_s"] / 100} for sample in samples]
    assert not judged(leak, 600)["tasks"][1]
    held = [{**sample, "blocks": 540_000 + 4 * sample["calls"]} for sample in samples]  # four pieces a call, for ever
    assert not judged(held, 600)["blocks"][1]
    few = [{**sample, "blocks": 540_000 + sample["calls"] / 4} for sample in samples]
    assert judged(few, 600)["blocks"][1]
    with pytest.raises(LabError, match="samples after the warm-up"):
        judged(samples[:19], 100)
