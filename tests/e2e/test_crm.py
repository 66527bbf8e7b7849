"""Who calls is asked of a CRM while the call is in the line: what it says counts, and nobody waits for it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from acd.lab.asterisk import LabAsterisk
from acd.lab.daemon import LabDaemon
from tests.deadlines import until
from tests.e2e.conftest import OpenHotline
from tests.e2e.desk import Desk, Record, moment
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, number_of, ringing
from tests.fakes import crm as fake
from tests.fakes.crm import Answer, FakeCrm
from tests.faults import Figure

FLOOR = Floor()
KNOWN = FLOOR.line("known", ("1001",), require="known >= 1 and (not segment == 'vip' or german >= 1)")
FLOOR.agents["1001"]["skills"]["german"] = 1
QUICK = FLOOR.line("quick", ("1002",))
ON_TIME_S = 0.5
TIMEOUT_S = 1.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crm() -> AsyncIterator[FakeCrm]:
    async with fake.fake_crm() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(asterisk: LabAsterisk, hotline: OpenHotline, crm: FakeCrm) -> LabDaemon:
    section = {"url": crm.url, "token": "crm-secret", "timeout_s": TIMEOUT_S, "attributes": ["segment"]}
    return await hotline(asterisk, queues=FLOOR.queues, agents=FLOOR.agents, crm=section)


async def test_a_known_caller_goes_before_those_nobody_knows(phones: Phones, desk: Desk, crm: FakeCrm) -> None:
    crm.answer = fake.answer("404 Not Found")
    stranger = await phones.call(KNOWN.did)
    await desk.until_waiting(number_of(stranger))
    crm.answer = fake.knows(name="Ольга Петровна", priority=50, attributes={"segment": "vip"})
    known = await phones.call(KNOWN.did)
    record = await desk.until_fact(number_of(known), "known")
    assert record["name"] == "Ольга Петровна"
    assert crm.headers["Authorization"] == "Bearer crm-secret"
    agent = await phones.agent(KNOWN.agents[0], state="")
    offered = await ringing(agent)
    assert offered.remote_number == number_of(known)
    await offered.answer()
    await desk.until_agent(agent.user, "talking")
    await offered.hang_up()
    assert (await desk.ended(number_of(known)))["name"] == "Ольга Петровна"


@pytest.mark.fault(25)
@pytest.mark.parametrize(
    "answer",
    [fake.hangs, fake.drips, fake.floods, fake.raw(b""), fake.knows(priority="lots")],
    ids=["hangs", "drips", "floods", "closes", "lies"],
)
async def test_the_call_is_queued_and_offered_in_time_without_the_crm(
    phones: Phones, desk: Desk, crm: FakeCrm, answer: Answer, figure: Figure
) -> None:
    crm.answer = answer
    asked = len(crm.asked)
    (agent,) = await phones.staff(QUICK.agents)
    began = time.monotonic()
    call = await phones.call(QUICK.did)
    offered = await ringing(agent)
    rang_s = time.monotonic() - began
    await until(lambda: len(crm.asked) > asked, "the CRM is asked")
    record = await desk.call(number_of(call))
    assert record is not None
    figure("entered to queued", _from_to(record, "entered", "queued"), "s")
    figure("called to ringing", rang_s, "s")
    assert _from_to(record, "entered", "queued") < ON_TIME_S < TIMEOUT_S
    assert "known" not in {event["fact"] for event in record["events"]}
    await offered.answer()
    await desk.until_agent(agent.user, "talking")
    await offered.hang_up()
    assert (await desk.ended(number_of(call)))["outcome"] == "answered"


def _from_to(record: Record, one: str, other: str) -> float:
    at = {event["fact"]: moment(event["at"]) for event in reversed(record["events"])}
    return at[other] - at[one]
