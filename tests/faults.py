"""The faults that are survived, and the table of them: a pytest plugin.

A test says which fault it is about with `@pytest.mark.fault(13)`, and tells what it measured with the fixture `figure`:
`figure("found after", 25.1, "s")`. `make faults` runs these tests and writes docs/faults.md from what they told;
tests/unit/test_faults_table.py holds the table and the tests together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

FAULTS: Mapping[int, tuple[str, str]] = {
    1: (
        "The AMI connection is reset with 50 talking, 20 waiting, 5 ringing",
        "nothing is hung up by us; order and join times as before; one record for each call",
    ),
    2: ("The AMI peer goes mute", "found within 3 ping intervals; `/readyz` answers 503; then as 1"),
    3: (
        "SIGKILL of the daemon under load, restarted after 5 s",
        "no caller lost, waits counted from the first entry; what ended meanwhile is closed and marked so",
    ),
    4: (
        "SIGKILL, and no restart",
        "callers, new ones too, reach agents through Asterisk's own queue; a daemon that returns takes over and drops nobody",
    ),
    5: ("SIGTERM", "offers withdrawn, places kept, records flushed, exit 0 within 10 s"),
    6: (
        "Asterisk restarts",
        "its calls are closed `lost`, agents are free, no stale action is sent, the next call is served",
    ),
    7: (
        "The caller hangs up while the agent's phone rings",
        "the phone is silent within 500 ms; the agent is ready, nothing counted as missed; one record, abandoned",
    ),
    8: ("The caller hangs up between answer and bridge", "the agent is free within 1 s; exactly one outcome"),
    9: ("Two calls in one moment, one agent", "one offer; the other stays first"),
    10: ("An agent of many queues, all with a call at once", "never two reservations"),
    11: (
        "Rejected, busy, no answer, unreachable",
        "the place is kept, the next agent tried; no hot loop on a dead phone",
    ),
    12: ("The phone registers anew while it rings", "one offer, not counted as missed"),
    13: ("A Hangup event never comes", "the sweep frees the agent within 60 s; the record says `reconciled`"),
    14: ("Events doubled, reordered, unknown", "the same state as in order"),
    15: (
        "Blind and attended transfers, to agents and queues",
        "one journey with legs; the first agent in wrap-up; talk time split rightly; one survey",
    ),
    16: (
        "The database is away for long, locked, or its disk full",
        "calls go on; no stall of the loop; a bounded spool on disk is written once, in order; health says degraded",
    ),
    17: (
        "20,000 AMI events a second for 10 s",
        "memory bounded; kept up with, or cut and read back; decisions right afterwards",
    ),
    18: ("The event loop is blocked for 5 s under load", "read back; nobody dialled twice"),
    19: (
        "The clock is stepped by an hour, either way; summer time",
        "waits and wrap-ups right to 50 ms, never negative",
    ),
    20: ("A Uniqueid comes again after a restart of Asterisk", "two records"),
    21: ("A wrong AMI secret, a missing class", "after the third attempt at most one in 30 s; health names the cause"),
    22: (
        "A caller's name with line ends and an action in it, bad UTF-8, 10 kB; a DID `500&PJSIP/x`",
        "not one action more on the wire, not one channel more dialled",
    ),
    23: (
        "The survey: hung up at the question, rubbish pressed, the daemon dies in it",
        "each result kept apart; the dialplan ends the call by itself",
    ),
    24: (
        "A reload that drops a live queue or agent; a reload with mistakes",
        "live calls finish, waiting ones overflow; a bad file is refused whole",
    ),
    25: ("The CRM is slow, down, lying", "the call is queued in time without it"),
    26: (
        "The API without a token, with the wrong role, 1 MB, 10,000 idle streams, path tricks, CSV cells that begin with `=`",
        "refused or bounded; calls go on",
    ),
}
"""Number -> the fault, and what comes of it."""

HEAD = """# Faults that are survived

Each is a test that fails when the behaviour is taken away. This page is written by `make faults`, which runs them and
takes the figures from what they measured, on the machine it ran on; do not edit it.

After every one: no caller lost; at most one offer an agent; no call waits beside a ready agent who could take it;
every call that came in has one outcome; open files, tasks and pending actions are where they were.
"""

Figure = Callable[[str, float, str], None]
"""What was measured, its value, its unit."""
Seconds = Callable[[float, float], float]
"""The whole time and a short one to the one that is wanted now."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults-table", type=Path, help="write the table of faults to this file")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(number, ...): is about these faults of tests/faults.py")
    table = config.getoption("--faults-table")
    if table is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Collector(table), "faults-collector")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a test is about travels in its report, from a worker of xdist too."""
    for item in items:
        for number in faults_of(item):
            item.user_properties.append(("fault", number))


def faults_of(item: pytest.Item) -> tuple[int, ...]:
    """The faults a test says it is about. UsageError for a number that is none."""
    numbers = tuple(dict.fromkeys(number for mark in item.iter_markers("fault") for number in mark.args))
    unknown = [number for number in numbers if number not in FAULTS]
    if unknown:
        raise pytest.UsageError(f"{item.nodeid}: no such fault: {unknown}")
    return numbers


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Figure:
    """Tells what was measured, for docs/faults.md."""

    def tell(what: str, value: float, unit: str) -> None:
        request.node.user_properties.append(("figure", [what, float(value), unit]))

    return tell


@pytest.fixture
def seconds(request: pytest.FixtureRequest) -> Seconds:
    """`seconds(whole, short)`: how long a fault lasts, the whole time for docs/faults.md, else a short one."""
    whole = request.config.getoption("--faults-table") is not None

    def chosen(all_of_it: float, short: float) -> float:
        return all_of_it if whole else short

    return chosen


class _Collector:
    """Gathers what the reports tell, and writes the table at the end, if every test about a fault has passed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told: dict[int, dict[str, list[list[Any]]]] = defaultdict(lambda: defaultdict(list))
        self._whole = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        about_faults = any(name == "fault" for name, _ in report.user_properties)
        self._whole &= report.passed or not about_faults
        if report.when != "call" or not report.passed:
            return
        figures = [value for name, value in report.user_properties if name == "figure"]
        for name, number in report.user_properties:
            if name == "fault":
                self._told[number][report.nodeid.partition("[")[0]] += figures

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if self._whole and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            self._path.write_text(table(self._told), encoding="utf-8")


def table(told: Mapping[int, Mapping[str, list[list[Any]]]]) -> str:
    """The page: fault by fault the tests about it and their figures."""
    lines = [HEAD, "| # | fault | outcome | where it is tested | measured |", "|---|---|---|---|---|"]
    for number, (fault, outcome) in FAULTS.items():
        tests = told.get(number, {})
        where = "<br>".join(f"`{nodeid}`" for nodeid in sorted(tests))
        figures = "<br>".join(_figures(figure for nodeid in sorted(tests) for figure in tests[nodeid]))
        lines.append(f"| {number} | {fault} | {outcome} | {where} | {figures} |")
    return "\n".join(lines) + "\n"


def _figures(told: Iterable[list[Any]]) -> list[str]:
    """`what: value unit`, or from the least to the most of what several runs of a test told."""
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for what, value, unit in told:
        values[(what, unit)].append(value)
    return [f"{what}: {_span(found)} {unit}".rstrip() for (what, unit), found in values.items()]


def _span(values: list[float]) -> str:
    least, most = f"{min(values):.3g}", f"{max(values):.3g}"
    return least if least == most else f"{least} to {most}"
