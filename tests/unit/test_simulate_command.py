"""`acd simulate`: what it accepts, what it refuses and how, and what it prints."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

from acd.__main__ import app
from acd.queues.model import AgentId, QueueName
from acd.simulation import arguments
from acd.simulation.arguments import BadArgument
from acd.simulation.people import Shift
from tests.playbooks.words import SALES, SUPPORT, agent, plan, queue

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config" / "acd.yaml"
SHOP = plan(
    [agent("1001", sales=5), agent("1002", support=5)],
    [queue("sales", "sales >= 1", SALES), queue("support", "support >= 1", SUPPORT), queue("inner", "anyone")],
)
HOUR_S = 3600.0


def simulate(*more: object):
    args = ["simulate", "--config", CONFIG, "--hours", 4, *more]
    return CliRunner().invoke(app, [str(arg) for arg in args])


# -- what is printed ----------------------------------------------------------------------------------


def test_json_has_queues_agents_and_the_estimates():
    done = simulate("--calls-per-hour", "sales=40,support=20", "--aht", "200", "--json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    by_name = {one["name"]: one for one in told["queues"]}
    assert set(by_name) == {"sales", "support", "delivery"} and by_name["delivery"]["offered"] == 0
    assert told["calls"] == by_name["sales"]["offered"] + by_name["support"]["offered"] > 150
    assert by_name["sales"]["answered"] + by_name["sales"]["abandoned"] == by_name["sales"]["offered"]
    assert [one["id"] for one in told["agents"]] == ["1001", "1002", "1003", "1004", "1005"]
    assert set(told["estimates"]) == {
        "calls", "mean_wait_s", "mean_estimate_s", "bias_s", "error_s", "relative"
    }  # fmt: skip
    again = json.loads(simulate("--calls-per-hour", "sales=40,support=20", "--aht", "200", "--json").stdout)
    assert {**again, "took_s": 0} == {**told, "took_s": 0}, "the same seed, the same day"


def test_tables_are_for_people():
    done = simulate("--calls-per-hour", 60)
    assert done.exit_code == 0
    for word in ("Queues", "sales", "in time", "occupancy", "Анна", "mean error", "simulated in"):
        assert word in done.stdout


def test_a_rota_says_who_works_when(tmp_path):
    file = tmp_path / "rota.csv"
    file.write_text("agent,from,to\n1001,09:00,11:00\n1002,08:00,10:30\n\n", encoding="utf-8-sig")
    told = json.loads(simulate("--calls-per-hour", "sales=20", "--rota", file, "--json").stdout)
    first, second = told["agents"]
    assert (first["id"], second["id"]) == ("1001", "1002")
    assert 7200 <= first["on_duty_s"] < 9000 and 5400 <= second["on_duty_s"] < 7200, "a last talk is finished"


# -- what is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--calls-per-hour", "many"], "'many' is not a number"),
        (["--calls-per-hour", "0"], "not all of them 0"),
        (["--calls-per-hour", "-5"], "numbers from 0 on"),
        (["--calls-per-hour", "inf"], "numbers from 0 on"),
        (["--calls-per-hour", "sales=60,sels=1"], "there is no queue 'sels'"),
        (["--calls-per-hour", "sales=60,sales=1"], "named twice"),
        (["--calls-per-hour", "1e9"], "calls in all"),
        (["--calls-per-hour", "60", "--aht", "10"], "more than the wrap-up of sales"),
        (["--calls-per-hour", "60", "--aht", "inf"], "seconds above 0"),
        (["--calls-per-hour", "60", "--aht", "sales=60"], "says nothing of support"),
        (["--calls-per-hour", "60", "--patience", "0"], "or inf for ever"),
        (["--calls-per-hour", "60", "--patience", "nan"], "is not a number"),
        (["--calls-per-hour", "60", "--hours", "0"], "above 0"),
        (["--calls-per-hour", "60", "--hours", "nan"], "above 0"),
        (["--calls-per-hour", "60", "--start", "9am"], "not a time of day"),
        (["--calls-per-hour", "60", "--start", "24:01"], "not a time of day"),
        (["--calls-per-hour", "60", "--agents", "1001,9999"], "there is no agent '9999'"),
        (["--calls-per-hour", "60", "--answer", "-1"], "from 0 on"),
        (["--calls-per-hour", "60", "--no-answer", "1.5"], "from 0 to 1"),
        (["--calls-per-hour", "60", "--talk", "normal"], "write exponential, lognormal, fixed"),
        (["--calls-per-hour", "60", "--rota", "/nowhere/rota.csv"], "cannot be read"),
        ([], "--calls-per-hour"),
    ],
)
def test_a_bad_argument_is_named_and_ends_with_2(args, says):
    done = simulate(*args)
    assert done.exit_code == 2
    told = " ".join(done.stderr.replace("│", " ").split())
    assert says in told and "Traceback" not in done.output and not done.stdout


def test_a_bad_configuration_is_told_as_everywhere(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text("queue: {}\n")
    done = CliRunner().invoke(app, ["simulate", "--config", str(file), "--calls-per-hour", "60"])
    assert done.exit_code == 2 and "queue: unknown key" in done.stderr


def test_a_rota_and_a_list_of_agents_are_two_answers_to_one_question(tmp_path):
    file = tmp_path / "rota.csv"
    file.write_text("agent,from,to\n")
    done = simulate("--calls-per-hour", 60, "--rota", file, "--agents", "1001")
    assert done.exit_code == 2 and "goes without --rota" in done.stderr


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["1001,09:00,18:00"], "the first line must be agent,from,to"),
        ([], "the first line"),
        (["agent,from,to", "1001,09:00"], "line 2: 3 columns"),
        (["agent,from,to", "7,09:00,10:00"], "line 2: there is no agent"),
        (["agent,from,to", "1001,9,10:00"], "'9' is not a time of day"),
        (["agent,from,to", "1001,09:00,12:00", "1001,11:00,13:00"], "overlap"),
    ],
)
def test_a_bad_rota_is_refused_with_its_line(lines, says):
    with pytest.raises(BadArgument, match=says):
        arguments.rota(lines, SHOP, "--rota", 0.0, 24 * HOUR_S)


# -- what is understood ----------------------------------------------------------------------------------


def test_a_total_is_shared_by_the_queues_one_can_call():
    assert arguments.rates("60", SHOP, "x") == {"sales": 30.0, "support": 30.0}
    assert arguments.rates("support=7.5", SHOP, "x") == {QueueName("support"): 7.5}
    with pytest.raises(BadArgument, match="no dids"):
        arguments.rates("inner=5", SHOP, "x")
    with pytest.raises(BadArgument, match="nobody can call"):
        arguments.rates("5", plan([agent("1")], [queue("inner", "anyone")]), "x")


def test_shifts_repeat_every_day_go_past_midnight_and_are_cut_to_the_window():
    lines = ["agent,from,to", "1001,22:00,06:00", "1002,09:00,17:00"]
    shifts = arguments.rota(lines, SHOP, "x", 23 * HOUR_S, 36 * HOUR_S)
    assert shifts == [
        Shift(AgentId("1001"), 23 * HOUR_S, 30 * HOUR_S),
        Shift(AgentId("1002"), 33 * HOUR_S, math.inf),
    ]


def test_agents_are_all_or_by_name_once():
    assert arguments.chosen("all", SHOP, "x") == ["1001", "1002"]
    assert arguments.chosen("1002, 1002", SHOP, "x") == ["1002"]
