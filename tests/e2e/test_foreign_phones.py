"""A caller and an agent whose telephones are not ours are served like anybody."""

from __future__ import annotations

import asyncio
from pathlib import Path

from acd.lab.asterisk import LabAsterisk
from tests.e2e.desk import Desk
from tests.e2e.floor import Floor
from tests.e2e.foreign import baresip_agent, end, sipp_caller
from tests.e2e.phones import Phones, new_number, number_of

FLOOR = Floor()
SIPP = FLOOR.line("sipp", ("1001",), survey="nps")
BARESIP = FLOOR.line("baresip", ("1002",))
SECTIONS = {"survey": {"first_digit_s": 10}}

THINKS_S = 3.0  # from being let in to the key: the agent has hung up long before
NAME = "Иван Сипов"


async def test_a_sipp_caller_is_served_heard_and_surveyed(
    phones: Phones, desk: Desk, asterisk: LabAsterisk, tmp_path: Path
) -> None:
    (agent,) = await phones.staff(SIPP.agents)
    number = new_number()
    caller = await sipp_caller(asterisk, tmp_path, SIPP.did, number=number, name=NAME, digit="9", thinks_s=THINKS_S)
    try:
        talk = await phones.pick_up(agent)
        assert (talk.remote_number, talk.remote_name) == (number, NAME)
        assert await talk.media.wait_voice("caller", 3)
        await talk.hang_up()
        record = await desk.ended(number, within_s=30)
        assert await asyncio.wait_for(caller.wait(), 5) == 0
    finally:
        await end(caller)
    assert record["survey"] == {"result": "answered", "score": 9}
    assert (record["name"], record["agent"], record["ended_by"]) == (NAME, agent.user, "agent")


async def test_a_baresip_agent_registers_answers_and_is_heard(
    phones: Phones, desk: Desk, asterisk: LabAsterisk, tmp_path: Path
) -> None:
    (agent_id,) = BARESIP.agents
    async with baresip_agent(asterisk, tmp_path, agent_id):
        await desk.until_agent(agent_id, "ready", within_s=10)
        call = await phones.call(BARESIP.did)
        await desk.until_agent(agent_id, "talking")
        heard = call.media.packets_heard
        assert await call.media.wait_until(lambda: call.media.packets_heard > heard + 50, 5)
        await call.hang_up()
        record = await desk.ended(number_of(call))
        assert (record["agent"], record["outcome"], record["ended_by"]) == (agent_id, "answered", "caller")
        await desk.until_agent(agent_id, "ready")
    await desk.until_agent(agent_id, "unreachable", within_s=10)  # it unregisters when it ends
