"""The configuration is read again with calls in the house, on the real Asterisk: nobody is lost, whatever was dropped.

The tests change one daemon's file after each other; each has queues and agents of its own in it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from ruamel.yaml import YAML

from acd.lab.asterisk import LabAsterisk
from acd.lab.call import CallState
from acd.lab.daemon import LabDaemon, write_settings
from tests.e2e.desk import Desk, Record, until_fact
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, number_of, ringing
from tests.fakes.rawami import raw_ami
from tests.faults import Figure

ADMIN = "the-admin-of-the-reload-test"
FLOOR = Floor()
DROPPED = FLOOR.line("dropped", ("1001",), overflow={"queue": "heir"})
HEIR = FLOOR.line("heir", ("1002",))
LEFT = FLOOR.line("left", ("1003",))
CHANGED = FLOOR.line("changed", ("1005",), wrap_up_s=60, survey="nps")
REFUSED = FLOOR.line("refused", ("1006",))
SECTIONS = {"tokens": [{"name": "boss", "role": "admin", "sha256": hashlib.sha256(ADMIN.encode()).hexdigest()}]}

Change = Callable[[dict[str, Any]], None]


def rewrite(daemon: LabDaemon, change: Change) -> None:
    """Change the daemon's file."""
    settings = YAML(typ="safe").load(daemon.config)
    change(settings)
    write_settings(daemon.config, settings)


async def reload(daemon: LabDaemon) -> tuple[int, Record]:
    """As an admin."""
    headers = {"Authorization": f"Bearer {ADMIN}"}
    url = f"{daemon.api.url}/api/v1/config/reload"
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url) as answer:
        return answer.status, await answer.json(content_type=None)


async def reloaded(daemon: LabDaemon, change: Change) -> Record:
    """The answer to a change that is taken."""
    rewrite(daemon, change)
    status, answer = await reload(daemon)
    assert (status, answer["outcome"]) == (200, "reloaded"), answer
    return answer


@pytest.mark.fault(24)
async def test_a_queue_is_dropped_with_a_caller_who_talks_and_one_who_waits(
    phones: Phones, desk: Desk, daemon: LabDaemon, figure: Figure
) -> None:
    (anna,) = await phones.staff(DROPPED.agents)
    talking = await phones.call(DROPPED.did)
    talk = await phones.pick_up(anna)
    waiting = await phones.call(DROPPED.did)
    before = await desk.until_waiting(number_of(waiting))
    (boris,) = await phones.staff(HEIR.agents)

    answer = await reloaded(daemon, lambda settings: settings["queues"].pop("dropped"))
    assert answer["changes"]["queues"] == {"added": 0, "changed": 0, "removed": 1, "reordered": False}
    figure("brain busy with a dropped queue", answer["brain_s"] * 1000, "ms")

    heard = await ringing(boris)  # who waited has overflowed
    await heard.answer()
    await desk.until_agent(boris.user, "talking")
    assert [call.state for call in (talking, waiting)] == [CallState.TALKING] * 2
    assert talk.state is CallState.TALKING
    await talk.hang_up()
    await heard.hang_up()
    talked, waited = await desk.ended(number_of(talking)), await desk.ended(number_of(waiting))
    assert (talked["queue"], talked["outcome"]) == ("dropped", "answered")
    assert (waited["queue"], waited["outcome"], waited["id"]) == ("heir", "answered", before["id"])
    assert waited["queued_at"] == before["queued_at"]
    lost = sum(record["outcome"] == "lost" for record in (talked, waited))
    figure("calls lost", lost, "calls")
    assert not lost


@pytest.mark.fault(24)
async def test_an_agent_is_dropped_in_a_talk_and_a_new_one_gets_the_waiting_call(
    phones: Phones, desk: Desk, daemon: LabDaemon, asterisk: LabAsterisk, figure: Figure
) -> None:
    (vera,) = await phones.staff(LEFT.agents)
    newcomer = phones.unregistered("1004")
    await newcomer.start()
    await newcomer.register()
    talking = await phones.call(LEFT.did)
    talk = await phones.pick_up(vera)
    waiting = await phones.call(LEFT.did)
    await desk.until_waiting(number_of(waiting))

    def change(settings: dict[str, Any]) -> None:
        del settings["agents"]["1003"]
        new = {"name": "Галина", "endpoint": "PJSIP/1004", "skills": {"left": 1}, "login": "start"}
        settings["agents"]["1004"] = new

    asked_at = asyncio.get_running_loop().time()
    answer = await reloaded(daemon, change)
    assert answer["changes"]["agents"] == {"added": 1, "changed": 0, "removed": 1, "reordered": False}
    offered = await ringing(newcomer)
    figure("a new agent rings after the order", asyncio.get_running_loop().time() - asked_at, "s")
    await offered.answer()
    await desk.until_agent("1004", "talking")
    assert (await desk.agent("1003"))["state"] == "talking"  # finishes, and is then gone
    async with raw_ami(asterisk) as ami:
        phones_of = [await ami.action("Getvar", Variable=f"ACD_PHONE_{one}") for one in ("1003", "1004")]
        assert [told.get("Value", "") for told in phones_of] == ["", "PJSIP/1004"]
        await ami.action("QueueStatus", Queue="acd-fallback")
        await ami.event("QueueStatusComplete")
        members = {member["Name"] for member in ami.heard("QueueMember")}
    assert "1004" in members and "1003" not in members
    assert talk.state is CallState.TALKING
    await talk.hang_up()
    await until_fact(lambda: _agents(desk), lambda ids: "1003" not in ids, "1003 is gone", 5)
    talked = await desk.ended(number_of(talking))
    assert (talked["outcome"], talked["agent"]) == ("answered", "1003")
    await offered.hang_up()
    waited = await desk.ended(number_of(waiting))
    assert (waited["outcome"], waited["agent"]) == ("answered", "1004")
    figure("calls lost", 0, "calls")


async def _agents(desk: Desk) -> set[str]:
    return {agent["id"] for agent in (await desk.api.get("/api/v1/agents"))["items"]}


@pytest.mark.fault(24)
async def test_a_file_with_mistakes_changes_nothing(
    phones: Phones, desk: Desk, daemon: LabDaemon, figure: Figure
) -> None:
    waiting = await phones.call(REFUSED.did)
    await desk.until_waiting(number_of(waiting))
    good = daemon.config.read_text()
    rewrite(daemon, lambda settings: settings["queues"]["refused"].update(ring_timeout_s="soon", requird="x"))
    rewrite(daemon, lambda settings: settings["queues"].pop("changed"))
    try:
        status, answer = await reload(daemon)
        assert (status, answer["code"]) == (422, "config")
        assert len(answer["errors"]) == 2
        assert all(str(daemon.config) in error["where"] for error in answer["errors"])
        seen = (await desk.api.get("/api/v1/status"))["config"]["last_reload"]
        assert (seen["outcome"], seen["by"], seen["errors"]) == ("refused", "boss", 2)
        os.kill(daemon.pid, signal.SIGHUP)
        await until_fact(lambda: _last(desk), lambda last: last["by"] == "SIGHUP", "SIGHUP was heard", 20)
        assert (await _last(desk))["outcome"] == "refused"
        assert daemon.log.read_text(errors="replace").count("configuration refused") == 4
    finally:
        daemon.config.write_text(good)
    queues = {queue["name"] for queue in (await desk.api.get("/api/v1/queues"))["items"]}
    assert {"changed", "refused"} <= queues
    record = await desk.call(number_of(waiting))
    assert record is not None and record["outcome"] is None
    served = await phones.pick_up(await phones.agent(REFUSED.agents[0], state=""))
    await served.hang_up()
    assert (await desk.ended(number_of(waiting)))["outcome"] == "answered"
    figure("calls lost", 0, "calls")


async def _last(desk: Desk) -> Record:
    last: Record = (await desk.api.get("/api/v1/status"))["config"]["last_reload"]
    return last


@pytest.mark.fault(24)
async def test_a_key_that_needs_a_restart_is_refused_by_its_name(desk: Desk, daemon: LabDaemon) -> None:
    good = daemon.config.read_text()
    rewrite(daemon, lambda settings: settings.update(database="sqlite+aiosqlite:////tmp/another.db"))
    try:
        status, answer = await reload(daemon)
    finally:
        daemon.config.write_text(good)
    assert status == 422
    assert ["database: changing it needs a restart" in error["message"] for error in answer["errors"]] == [True]


async def test_a_conversation_and_its_survey_go_by_the_rules_they_began_with(
    phones: Phones, desk: Desk, daemon: LabDaemon
) -> None:
    (dina,) = await phones.staff(CHANGED.agents)
    caller = await phones.call(CHANGED.did)
    talk = await phones.pick_up(dina)
    await reloaded(daemon, lambda settings: settings["queues"]["changed"].update(wrap_up_s=0, survey="none"))
    await talk.hang_up()
    await desk.until_fact(number_of(caller), "survey_asked")
    await desk.until_agent(dina.user, "wrap_up")
    await caller.send_digits("7")
    assert (await desk.ended(number_of(caller)))["survey"] == {"result": "answered", "score": 7}
    await desk.order(dina.user, "ready")
    second = await phones.call(CHANGED.did)
    talk = await phones.pick_up(dina)
    await talk.hang_up()
    await desk.until_agent(dina.user, "ready")
    assert (await desk.ended(number_of(second)))["survey"]["result"] == "not_offered"
