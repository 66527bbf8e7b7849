"""A daemon on a scripted Asterisk reads its file again: what it tells Asterisk, what it refuses, what it costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from acd import replay, tasks
from acd.config import load
from acd.daemon import Daemon
from acd.errors import ConfigError, NotAllowed
from acd.queues.model import AgentId, CallId
from tests import rules
from tests.deadlines import until
from tests.fakes.asterisk import FakeAsterisk
from tests.faults import Figure

ANNA, BORIS, VERA = (AgentId(f"100{n}") for n in (1, 2, 3))
LAG_LIMIT_S = 1.0  # a machine that is busy with other tests delays by itself; what is measured is told


class House:
    """A daemon and its file."""

    def __init__(self, asterisk: FakeAsterisk, folder: Path) -> None:
        self.asterisk = asterisk
        self.file = folder / "acd.yaml"
        self.events = folder / "events.jsonl"
        link = {"name": "main", "host": asterisk.host, "port": asterisk.port}
        self.settings: dict[str, Any] = {
            "asterisk": [{**link, "username": asterisk.username, "secret": asterisk.secret}],
            "database": f"sqlite+aiosqlite:///{folder}/acd.db",
            "http": {"port": 0},
            "event_log": {"path": str(self.events)},
            "queues": {"sales": {"dids": ["74951234567"], "require": "sales >= 1", "wrap_up_s": 0, "survey": "none"}},
            "agents": {one: agent(one) for one in (ANNA, BORIS)},
            "tokens": [{"name": "olga", "role": "supervisor", "sha256": "a" * 64}],
        }

    def write(self) -> None:
        with self.file.open("w", encoding="utf-8") as file:
            YAML().dump(self.settings, file)

    def variables(self) -> dict[str, str]:
        """Asterisk's global variables, as it was told."""
        told: dict[str, str] = {}
        for action in self.asterisk.received("Setvar"):
            names, values = action["Variable"], action["Value"]
            if not action["Channel"] and names.startswith("ARRAY("):
                told |= dict(zip(names[6:-1].split(","), values.split(","), strict=True))
        return told


def agent(agent_id: str, **more: Any) -> dict[str, Any]:
    return {"name": agent_id, "endpoint": f"PJSIP/{agent_id}", "skills": {"sales": 5}, "login": "start", **more}


Opened = Callable[[], Awaitable[Daemon]]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with FakeAsterisk() as asterisk:
        asterisk.endpoints = ("PJSIP/1001", "PJSIP/1002", "PJSIP/1003")
        yield House(asterisk, tmp_path)


@pytest.fixture
async def opened(house: House) -> AsyncIterator[Opened]:
    started: list[Daemon] = []
    before = tasks.count()

    async def opened() -> Daemon:
        house.write()
        daemon = Daemon(load(house.file, {}), house.file)
        started.append(daemon)
        await daemon.start()
        await until(lambda: not daemon.problems(), "the daemon gets ready")
        return daemon

    yield opened
    for daemon in [daemon for daemon in started if daemon._tasks]:  # the others were stopped by their test
        rules.check(daemon.core, daemon.clock.now())
        await daemon.stop()
    await until(lambda: tasks.count() == before, "tasks are left")


@pytest.mark.fault(24)
async def test_agents_come_and_go_with_the_file(house: House, opened: Opened, figure: Figure) -> None:
    daemon = await opened()
    caller = house.asterisk.call_in()
    await until(house.asterisk.ringing)
    house.asterisk.answer(caller)
    await until(lambda: daemon.board.agent(ANNA).state == "talking")
    del house.settings["agents"][ANNA]
    house.settings["agents"][VERA] = agent(VERA)
    house.write()
    seen = await daemon.reloader.reload("olga")
    assert (seen.outcome, seen.changes["agents"].added, seen.changes["agents"].removed) == ("reloaded", 1, 1)
    figure("brain busy", seen.brain_s * 1000, "ms")
    await until(lambda: daemon.board.agent(VERA).state == "ready", "the new phone was looked at")
    await until(lambda: house.variables().get("ACD_PHONE_1003") == "PJSIP/1003", "the dialplan knows the new one")
    assert house.variables()["ACD_PHONE_1001"] == ""
    assert house.variables()["ACD_OUT_AT_ONCE"], "what agents may call in the town is as it was"
    assert daemon.board.agent(ANNA).state == "talking"
    house.asterisk.agent_hangs_up(caller)
    await until(lambda: ANNA not in daemon.core.engine.desk.agents, "who has finished is gone")
    removed = [action["Interface"] for action in house.asterisk.received("QueueRemove")]
    assert "PJSIP/1001" in removed
    added = [action["Interface"] for action in house.asterisk.received("QueueAdd")]
    assert "PJSIP/1003" in added
    await daemon.stop()
    said: list[object] = []
    assert replay.run(house.events, False, said.append, said.append), said[-1]


@pytest.mark.fault(24)
async def test_what_cannot_be_taken_changes_nothing(house: House, opened: Opened) -> None:
    daemon = await opened()
    plan, handled = daemon.core.engine.plan, daemon.dispatcher.handled
    house.settings["queues"]["sales"]["ring_timeout_s"] = "soon"
    house.settings["queues"]["sales"]["requird"] = "x"
    house.write()
    with pytest.raises(ConfigError) as refused:
        await daemon.reloader.reload("olga")
    assert len(refused.value.problems) == 2
    assert all(problem.startswith(f"{house.file}:") for problem in refused.value.problems)
    assert "refused (2 reasons" in daemon.degraded()["config"]
    house.settings["queues"]["sales"] |= {"ring_timeout_s": 9}
    del house.settings["queues"]["sales"]["requird"]
    house.settings |= {"seed": 4, "http": {"port": 0, "requests_per_s": 7}}
    house.write()
    with pytest.raises(ConfigError) as refused:
        await daemon.reloader.reload("olga")
    assert [problem.split(": ", 1)[1] for problem in refused.value.problems] == [
        "http.requests_per_s: changing it needs a restart; nothing was changed",
        "seed: changing it needs a restart; nothing was changed",
    ]
    assert daemon.core.engine.plan is plan
    assert daemon.dispatcher.handled == handled
    view = daemon.reloader.view()
    assert view.last is not None and (view.last.outcome, view.last.errors) == ("refused", 2)
    figures = {reading.name: reading.value for reading in daemon.readings()}
    assert figures["config_last_reload_successful"] == 0


async def test_the_same_file_is_no_news_and_other_tokens_count_at_once(house: House, opened: Opened) -> None:
    daemon = await opened()
    handled = daemon.dispatcher.handled
    seen = await daemon.reloader.reload("olga")
    assert (seen.outcome, daemon.dispatcher.handled) == ("unchanged", handled)
    house.settings["tokens"] = [{"name": "ivan", "role": "admin", "sha256": "b" * 64}]
    house.settings["language"] = "en"
    house.settings["survey"] = {"ask_again_after_days": 60}
    house.settings["outbound"] = {"at_once": 3}
    house.write()
    seen = await daemon.reloader.reload("olga")
    assert set(seen.sections) == {"tokens", "survey", "language", "outbound"}
    await until(lambda: house.variables()["ACD_OUT_AT_ONCE"] == "3", "the dialplan knows what may be called now")
    assert daemon.settings.tokens[0].name == "ivan"
    assert daemon.api._tokens.named("olga") is None and daemon.api._tokens.named("ivan") is not None
    assert daemon.core.engine.plan.attributes == {"language": "en"}


async def test_a_directory_that_changed_while_there_was_no_link_is_told_with_the_next(
    house: House, opened: Opened
) -> None:
    daemon = await opened()
    await house.asterisk.stop_listening()
    house.asterisk.reset()
    await until(lambda: bool(daemon.switch.problems()), "the link is gone")
    del house.settings["agents"][BORIS]
    house.write()
    await daemon.reloader.reload("olga")
    await house.asterisk.listen()
    await until(lambda: not daemon.problems(), "the link is back", 20)
    assert house.variables()["ACD_PHONE_1002"] == ""


async def test_a_daemon_without_a_file_has_nothing_to_read(house: House) -> None:
    house.write()
    daemon = Daemon(load(house.file, {}))
    with pytest.raises(NotAllowed):
        await daemon.reloader.reload("olga")
    await daemon.store.close()


@pytest.mark.fault(24)
async def test_a_large_file_holds_nobody_up(house: House, opened: Opened, figure: Figure) -> None:
    daemon = await opened()
    caller = house.asterisk.call_in()
    await until(house.asterisk.ringing)
    house.asterisk.answer(caller)
    for number in range(600):
        house.settings["agents"][str(20_000 + number)] = agent(str(20_000 + number), login="manual")
    house.settings["callers"] = {f"7916{number:07d}": {"priority": number % 5} for number in range(500)}
    house.write()
    lags: list[float] = []
    probe = tasks.spawn(_lag(lags), "lag")
    try:
        seen = await daemon.reloader.reload("olga")
    finally:
        await tasks.stop(probe)
    assert seen.changes["agents"].added == 600
    figure("loop late at most, 600 agents", max(lags) * 1000, "ms")
    figure("brain busy, 600 agents", seen.brain_s * 1000, "ms")
    assert max(lags) < LAG_LIMIT_S
    assert daemon.core.engine.calls[CallId(caller.call_id)].phase == "talking"


async def _lag(lags: list[float]) -> None:
    while True:
        asleep_at = time.monotonic()
        await asyncio.sleep(0.005)
        lags.append(time.monotonic() - asleep_at - 0.005)
