"""The benchmark's arithmetic: percentiles, medians over rounds, verdicts, the table in the docs."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.errors import LabError
from acd.lab.bench.ends import Seen
from acd.lab.bench.load import Sample, sample_of
from acd.lab.bench.offers import summary
from acd.lab.bench.peak import holds
from acd.lab.bench.report import BEGIN, END, markdown, write_doc
from acd.lab.bench.stats import median, percentile, ratio
from acd.lab.bench.systems import APP_QUEUE, BARE, OURS
from acd.lab.bench.targets import verdicts

RESULTS = {
    "when": "2026-11-21T12:00:00+00:00",
    "offer_latency": {
        "systems": {
            BARE: {"20": {"p50_ms": 2.0, "p95_ms": 4.0}},
            APP_QUEUE: {"20": {"p50_ms": 4.0, "p95_ms": 8.0}},
            OURS: {"20": {"p50_ms": 3.0, "p95_ms": 10.0}},
        }
    },
    "idle_gap": {"systems": {OURS: {"p50_ms": 15.0, "p95_ms": 31.0}, APP_QUEUE: {"p50_ms": 500.0, "p95_ms": 900.0}}},
    "peak": {"systems": {OURS: {"per_s": 90.0}, BARE: {"per_s": 100.0}}},
    "core": {
        "decisions": [
            {"kind": "enters", "agents": n, "skills": k, "p50_us": 50.0, "p99_us": p99, "per_s": 9e3}
            for n, k, p99 in ((100, 5, 500.0), (1000, 5, 90.0), (1000, 500, 99.0))
        ]
    },
    "live": {"restart_s": 2.1, "waiting": 450, "talking": 50, "lost": 0},
}


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=200))
def test_percentiles_are_those_of_the_standard_library(values: list[float]) -> None:
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    assert percentile(values, 0.95) == pytest.approx(cuts[18])
    assert percentile(values, 0.5) == pytest.approx(statistics.median(values))


def test_nothing_measured_is_nothing_and_not_zero() -> None:
    assert percentile([], 0.5) is None
    assert percentile([7.0], 0.95) == 7.0
    assert median([None, None]) is None
    assert median([3.0, None, 1.0]) == 2.0
    assert ratio(1.0, None) is None
    assert ratio(1.0, 0.0) is None


def test_a_call_that_never_talked_has_failed_and_says_nothing_of_latency() -> None:
    served = Seen("1", 10.0, answered_at=10.001, offered_at=10.004, talked_at=10.1)
    dropped = Seen("2", 11.0, answered_at=11.001)
    refused = Seen("3", 12.0, status=503)
    sample = sample_of([served, dropped, refused], 2, took_s=1.5)
    assert (sample.calls, sample.failed, sample.repeated, sample.rate_per_s) == (3, 2, 2, 2.0)
    assert sample.p50_ms == pytest.approx(3.0, abs=1e-3)
    assert sample.answer_p95_ms == pytest.approx(1.0, abs=1e-3)


def test_medians_over_rounds_and_losses_added_up() -> None:
    sample = {"calls": 10, "repeated": 0, "answer_p95_ms": 1.0, "cpu_ms": 2.0}
    rounds = [
        {"system": OURS, "rate": 20.0, "round": n, "p50_ms": p50, "p95_ms": 2 * p50, "failed": n, **sample}
        for n, p50 in enumerate((5.0, 1.0, 3.0))
    ]
    found = summary(rounds)[OURS]["20"]
    assert (found["p50_ms"], found["p95_ms"], found["calls"], found["failed"]) == (3.0, 6.0, 30, 3)


def test_verdicts_hold_ratios_and_times_against_their_targets() -> None:
    found = {verdict.what: verdict for verdict in verdicts(RESULTS)}
    p50 = found["offer latency p50 at 20/s, of app_queue's"]
    assert (p50.value, p50.met) == (0.75, True)
    assert found["offer latency p95 at 20/s, of app_queue's"].met is False
    assert (found["agent's idle gap p50"].met, found["agent's idle gap p95"].met) == (True, False)
    assert (found["highest rate, of a bare Dial's"].value, found["highest rate, of a bare Dial's"].met) == (0.9, True)
    assert found["process start to ready"].met is False
    assert found["decision p99 with 1,000 agents and as many waiting: enters"].value == 99.0
    assert found["daemon's CPU a call"].met is None


@pytest.mark.parametrize(
    ("failed", "repeated", "p95_ms", "rate_per_s", "kept"),
    [
        (0, 0, 49.9, 100.0, True),
        (1, 0, 10.0, 100.0, False),
        (0, 1, 10.0, 100.0, False),
        (0, 0, 50.0, 100.0, False),
        (0, 0, None, 100.0, False),
        (0, 0, 10.0, 90.0, False),
    ],
)
def test_a_rate_is_kept_when_nothing_fails(
    failed: int, repeated: int, p95_ms: float | None, rate_per_s: float, kept: bool
) -> None:
    assert holds(Sample(100, failed, repeated, 5.0, p95_ms, 1.0, rate_per_s), 100.0) is kept


def test_the_docs_table_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    text = markdown(RESULTS, verdicts(RESULTS))
    write_doc(page, text)
    write_doc(page, text)
    assert page.read_text() == f"before\n{BEGIN}\n{text}\n{END}\nafter\n"
    assert "| d | highest rate, of a bare Dial's | 0.90 x | >= 0.9 x | yes |" in text


def test_docs_without_a_place_for_figures_are_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("no marks\n")
    with pytest.raises(LabError):
        write_doc(page, "figures")
    assert page.read_text() == "no marks\n"
