"""`acd replay`: the same decisions, the first difference, and plain words for what is no event log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from acd.__main__ import app
from acd.chance import draws
from acd.ivr.core import Core, Recipe
from acd.ivr.eventlog import Header, event_line, header_line
from acd.queues import events as ev
from acd.queues.model import AgentId, CallId, OfferId, OfferResult, QueueName, QueueSpec
from acd.queues.requirements import parse
from tests.playbooks.words import SALES, agent, plan

AT = 1_700_000_000.0
QUEUE = QueueSpec(QueueName("sales"), parse("sales >= 1"), frozenset({SALES}))
RECIPE = Recipe(plan([agent("1001", sales=5), agent("1002", sales=3), agent("1003", it=1)], [QUEUE]), seed=7)

Write = Callable[..., Path]


def story() -> list[ev.Event]:
    """One agent refuses, the other gets the call."""
    call = CallId("main-1.1")
    return [
        ev.AgentLogin(AT, AgentId("1001")),
        ev.AgentLogin(AT + 1, AgentId("1002")),
        ev.CallEntered(AT + 60, call, "main", SALES, "+79160000001", "Иван", AT + 60),
        ev.OfferEnded(AT + 63, OfferId(f"{call}.1"), OfferResult.REFUSED),
        ev.Connected(AT + 65, OfferId(f"{call}.2")),
    ]


def lines_of(events: Iterable[ev.Event], recipe: Recipe = RECIPE, **header: Any) -> list[str]:
    core = Core.of(recipe, draws)
    first = header_line(Header("run", header.get("part", 1), header.get("first", 1), recipe))
    return [first, *(event_line(n, event, core.handle(event)) for n, event in enumerate(events, 1))]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(lines: Iterable[str], name: str = "events.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(lines))
        return path

    return written


def replay(path: Path, *options: str) -> Any:
    return CliRunner().invoke(app, ["replay", str(path), *options])


def test_each_decision_is_one_line(write: Write) -> None:
    result = replay(write(lines_of(story())))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "2023-11-14T22:14:20.000+00:00 main-1.1 -> 1001 by longest_idle of 2 ready "
        "(1001 idle 60.0 s, 1002 idle 59.0 s; not: skills 1)",
        "2023-11-14T22:14:23.000+00:00 main-1.1 -> 1002 by longest_idle of 1 ready "
        "(1002 idle 62.0 s; not: refused 1, skills 1)",
    ]
    assert result.stderr == "5 events, 2 decisions, every answer as recorded\n"


def test_decisions_as_json(write: Write) -> None:
    first, second = map(json.loads, replay(write(lines_of(story())), "--json").stdout.splitlines())
    assert first["chosen"] == ["1001"] and second["chosen"] == ["1002"]
    assert first["candidates"] == [
        {"agent": "1001", "rank": 1, "reason": "idle 60.0 s"},
        {"agent": "1002", "rank": 2, "reason": "idle 59.0 s"},
    ]
    assert (first["at"], first["offer_id"], first["others"]) == (AT + 60, "main-1.1.1", {"skills": 1})


def test_the_hash_seed_of_the_process_makes_no_difference(write: Write) -> None:
    """Nothing that is decided may hang on the order of a set."""
    path = write(lines_of(story()))
    command = [sys.executable, "-m", "acd", "replay", str(path)]
    for seed in "12":
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_chance_is_had_again(write: Write) -> None:
    chancy = QueueSpec(QueueName("sales"), parse("anyone"), frozenset({SALES}), strategy="random", wrap_up_s=0)
    recipe = Recipe(plan([agent(str(number)) for number in range(20)], [chancy]), seed=42)
    events: list[ev.Event] = [ev.AgentLogin(AT, AgentId(str(number))) for number in range(20)]
    events += [ev.CallEntered(AT, CallId(f"c{n}"), "main", SALES, "", "", AT) for n in range(20)]
    result = replay(write(lines_of(events, recipe)), "--json")
    assert result.exit_code == 0
    chosen = [json.loads(line)["chosen"][0] for line in result.stdout.splitlines()]
    assert sorted(chosen) != chosen and len(set(chosen)) == 20


def test_the_first_difference_is_named(write: Write) -> None:
    lines = lines_of(story())
    told = json.loads(lines[3])
    lines[3] = json.dumps({**told, "commands": "0123456789abcdef"}) + "\n"
    result = replay(write(lines))
    assert result.exit_code == 1
    assert "events.jsonl:4: event 3, CallEntered: recorded 0123456789abcdef, replayed " in result.stderr
    assert "Ring(call_id='main-1.1'" in result.stderr


def test_missing_events_are_a_difference(write: Write) -> None:
    lines = lines_of(story())
    result = replay(write([*lines[:2], *lines[4:]]))
    assert result.exit_code == 1
    assert "events.jsonl:3: the events from 2 to 3 are missing" in result.stderr


def test_half_a_last_line_is_what_a_kill_leaves(write: Write) -> None:
    lines = lines_of(story())
    result = replay(write([*lines[:-1], lines[-1][:20]]))
    assert result.exit_code == 0
    assert result.stderr.endswith("every answer as recorded; the last line is cut short\n")


def test_a_mistake_of_the_core_is_replayed_as_one(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = Core.handle

    def faulty(core: Core, event: ev.Event) -> Any:
        if isinstance(event, ev.Connected):
            raise RuntimeError("a mistake")
        return handle(core, event)

    monkeypatch.setattr(Core, "handle", faulty)
    lines = [*lines_of(story()[:-1]), event_line(5, story()[-1], None)]
    assert replay(write(lines)).exit_code == 0


def test_a_run_in_parts_is_read_from_its_beginning(write: Write) -> None:
    lines = lines_of(story())
    write(lines[:3], "events.jsonl.2")
    write([header_line(Header("run", 2, 3, RECIPE)), lines[3]], "events.jsonl.1")
    newest = write([header_line(Header("run", 3, 4, RECIPE)), *lines[4:]])
    result = replay(newest)
    assert (result.exit_code, result.stderr) == (0, "5 events, 2 decisions, every answer as recorded\n")
    earlier = replay(newest.with_name("events.jsonl.1"))
    assert (earlier.exit_code, earlier.stderr) == (0, "3 events, 1 decisions, every answer as recorded\n")


def test_a_run_whose_beginning_is_gone_or_foreign_is_refused(write: Write) -> None:
    lines = lines_of(story())
    newest = write([header_line(Header("run", 2, 3, RECIPE)), *lines[3:]])
    result = replay(newest)
    assert result.exit_code == 2
    assert "begins in an earlier file, which is gone" in result.stderr
    write([header_line(Header("another", 1, 1, RECIPE)), *lines[1:3]], "events.jsonl.1")
    result = replay(newest)
    assert result.exit_code == 2 and "belongs to another run" in result.stderr


GOOD = lines_of(story())


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], ":1: this is no JSON"),
        (["hello\n"], ":1: this is no JSON"),
        (["[1]\n"], ":1: this is no JSON object"),
        (['{"acd_event_log": 2}\n'], ":1: no event log of format 1"),
        (['{"acd_event_log": 1, "recipe": {}}\n'], ":1: Recipe lacks plan"),
        ([GOOD[0], "[" * 100_000 + "\n"], ":2: this is no JSON"),
        ([GOOD[0], '{"n": ' + "9" * 5000 + "}\n"], ":2: this is no JSON"),
        (
            [GOOD[0], '{"n": 1, "event": "os.system", "data": {}, "commands": ""}\n'],
            ":2: there is no event 'os.system'",
        ),
        ([GOOD[0], GOOD[1].replace('"1001"', "1001")], ":2: agent_id: 1001 where text belongs"),
        ([GOOD[0], GOOD[1].replace('"n":1', '"n":true')], ":2: `n` is missing, or no number from 1 on"),
        ([GOOD[0], GOOD[1].replace("1700000000.0", "NaN")], ":2: this is no JSON"),
        ([GOOD[0], GOOD[1].replace("1700000000.0", "1e999")], ":2: at: a number without end"),
        ([*GOOD[:3], GOOD[1]], ":4: event 1 comes after event 2"),
        (["\udcff\n"], ":1: this is no text"),
    ],
)
def test_what_is_no_event_log_is_said_with_its_line(tmp_path: Path, lines: list[str], said: str) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes("".join(lines).encode(errors="surrogateescape"))
    result = replay(path)
    assert result.exit_code == 2
    assert said in result.stderr and "Traceback" not in result.stderr


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = replay(tmp_path / "nothing")
    assert result.exit_code == 2 and "there is no such file" in result.stderr


def test_a_line_without_end_is_not_swallowed_whole(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acd.replay.LINE_LIMIT", 10_000)
    result = replay(write([GOOD[0], " " * 20_000 + "\n"]))
    assert result.exit_code == 2 and ":2: longer than 10000 characters" in result.stderr
