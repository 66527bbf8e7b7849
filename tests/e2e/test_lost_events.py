"""Events that Asterisk sent and that never came: what frees the agent and ends the record, and how long it takes.

The daemon sweeps every second here, by default it is every 25: what only a sweep finds comes so much later then.
Several people do so at the same time, each on a line of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from acd.lab.asterisk import LabAsterisk
from acd.lab.daemon import LabDaemon
from acd.lab.incoming import IncomingCall
from acd.lab.outgoing import OutgoingCall
from acd.lab.phone import Phone
from acd.lab.udp import Moment
from tests.e2e.conftest import OpenHotline
from tests.e2e.desk import Desk, Record
from tests.e2e.floor import Floor, Line
from tests.e2e.phones import Phones, new_number, number_of, ringing
from tests.fakes.deaf import DeafProxy, deaf_proxy
from tests.faults import Figure

# A sweep does not judge what changed less than a second ago, the next one comes after SWEEP_S and a second, the look
# that confirms it a second later: together less than the 5 s that the dialplan waits for orders after a conversation.
SWEEP_S = 1.0
FOUND_WITHIN_S = 60.0  # the promise, with the default interval; here it takes a tenth of that
TOLD_WITHIN_S = 10.0

FLOOR = Floor()
_free = iter(range(1001, 1021))


def line(name: str, **options: Any) -> Line:
    return FLOOR.line(name, (str(next(_free)),), **options)


GONE_WAITING = line("gone_waiting")  # whose agent never comes
GONE_TALKING, GONE_RINGING = line("gone_talking"), line("gone_ringing")
LEFT_BY_AGENT = line("left_by_agent", survey="nps")
UNTOLD_SURVEY = line("untold_survey", survey="nps")
UNHEARD_KEYS = line("unheard_keys", survey="nps")
OFFER_SIGNS = {
    "Newchannel": line("newchannel"),
    "DialBegin": line("dialbegin"),
    "DialState": line("dialstate"),
    "DialEnd": line("dialend"),
    "BridgeEnter": line("bridgeenter"),
    "all of them": line("all_of_them"),
}
REFUSED = {"AcdDial": line("acddial"), "AcdDial, AcdHold": line("acddial_hold")}
NEVER_DIALLED = line("never_dialled")
ENTERS = {"AcdEnter": line("acdenter"), "AcdEnter, AcdHold": line("acdenter_hold")}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy(asterisk: LabAsterisk) -> AsyncIterator[DeafProxy]:
    async with deaf_proxy((asterisk.ami_host, asterisk.ami_port)) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(asterisk: LabAsterisk, hotline: OpenHotline, proxy: DeafProxy) -> LabDaemon:
    return await hotline(
        asterisk,
        queues=FLOOR.queues,
        agents=FLOOR.agents,
        ami=proxy.address,
        link={"sweep_s": SWEEP_S},
        survey={"first_digit_s": 2, "second_digit_s": 1},
    )


Corrections = Callable[[], Awaitable[dict[str, float]]]


@pytest.fixture
def corrections(desk: Desk) -> Corrections:
    """What has been put right so far, by kind."""

    async def read() -> dict[str, float]:
        async with aiohttp.ClientSession() as session, session.get(f"{desk.api.url}/metrics") as answer:
            families = text_string_to_metric_families(await answer.text())
        (counted,) = [family for family in families if family.name == "acd_corrections"]
        return {sample.labels["what"]: sample.value for sample in counted.samples}

    return read


def since(moment: Moment) -> float:
    return Moment.now().loop_s - moment.loop_s


async def talking(phones: Phones, on: Line, lose: Callable[[str], None]) -> tuple[OutgoingCall, Phone, IncomingCall]:
    """A caller talks with the line's agent; what is to be lost is chosen by then."""
    (agent,) = await phones.staff(on.agents)
    number = new_number()
    caller = await phones.call(on.did, number)
    talk = await phones.pick_up(agent)
    lose(number)
    return caller, agent, talk


async def closed(desk: Desk, caller: OutgoingCall) -> Record:
    record = await desk.ended(number_of(caller), within_s=TOLD_WITHIN_S)
    assert record["reconciled"]
    return record


@pytest.mark.fault(13)
async def test_hang_ups_that_are_not_heard(
    phones: Phones, desk: Desk, proxy: DeafProxy, figure: Figure, corrections: Corrections
) -> None:
    """Not even that somebody asked for it: the callers' ends, and an agent's, are simply gone."""
    gone = ("Hangup", "HangupRequest", "SoftHangupRequest", "AcdDial")
    found_after: list[float] = []

    async def waiting() -> None:
        caller = await phones.call(GONE_WAITING.did)
        await desk.until_waiting(number_of(caller))
        proxy.lose(*gone, about=number_of(caller))
        await caller.hang_up()
        at = Moment.now()
        assert (await closed(desk, caller))["outcome"] == "abandoned", "Asterisk has noted how it ended"
        found_after.append(since(at))

    async def while_it_rings() -> None:
        (agent,) = await phones.staff(GONE_RINGING.agents)
        caller = await phones.call(GONE_RINGING.did)
        await ringing(agent)
        await desk.until_agent(agent.user, "offered")
        proxy.lose(*gone, about=number_of(caller))
        await caller.hang_up()
        at = Moment.now()
        await desk.until_agent(agent.user, "ready", within_s=TOLD_WITHIN_S)
        found_after.append(since(at))
        await closed(desk, caller)

    async def talk() -> None:
        caller, agent, _ = await talking(phones, GONE_TALKING, lambda number: proxy.lose(*gone, about=number))
        await caller.hang_up()
        at = Moment.now()
        await desk.until_agent(agent.user, "ready", within_s=TOLD_WITHIN_S)
        found_after.append(since(at))
        assert (await closed(desk, caller))["outcome"] == "answered"

    async def by_the_agent() -> None:
        caller, agent, talk = await talking(phones, LEFT_BY_AGENT, lambda number: proxy.lose(*gone, about=number))
        await talk.hang_up()
        at = Moment.now()
        await desk.until_agent(agent.user, "ready", within_s=TOLD_WITHIN_S)
        found_after.append(since(at))
        await desk.until_fact(number_of(caller), "survey_asked")
        await caller.send_digits("9")
        record = await closed(desk, caller)
        assert record["survey"] == {"result": "answered", "score": 9}

    before = await corrections()
    await asyncio.gather(waiting(), while_it_rings(), talk(), by_the_agent())
    put_right = {what: count - before[what] for what, count in (await corrections()).items()}
    assert put_right["noted"] >= 3 and put_right["talk_ended"] >= 1
    assert max(found_after) < FOUND_WITHIN_S
    figure(f"found after, swept every {SWEEP_S:g} s", min(found_after), "s")
    figure(f"found after, swept every {SWEEP_S:g} s", max(found_after), "s")


@pytest.mark.fault(13)
async def test_signs_of_an_offer_that_are_not_heard_cut_nobody_off(
    phones: Phones, desk: Desk, proxy: DeafProxy, figure: Figure
) -> None:
    """Whatever is lost between the order to dial and the bridge, they talk on, and the hotline comes to know of it."""
    signs = ("Newchannel", "DialBegin", "DialState", "DialEnd", "BridgeEnter")

    async def without(lost: str, on: Line) -> None:
        (agent,) = await phones.staff(on.agents)
        number = new_number()
        proxy.lose(*(signs if lost == "all of them" else (lost,)), about=number)
        caller = await phones.call(on.did, number)
        talk = await ringing(agent)
        await talk.answer()
        at = Moment.now()
        await desk.until_agent(agent.user, "talking", within_s=TOLD_WITHIN_S)
        figure(f"talking is known without {lost} after", since(at), "s")
        assert await caller.media.wait_voice("agent", 3)
        await talk.hang_up()
        record = await desk.ended(number)
        assert [offer["result"] for offer in record["offers"]] == ["answered"]
        await desk.until_agent(agent.user, "ready")

    await asyncio.gather(*(without(lost, on) for lost, on in OFFER_SIGNS.items()))


@pytest.mark.fault(13)
async def test_a_refusal_that_is_not_heard_is_found_and_the_call_offered_again(
    phones: Phones, desk: Desk, proxy: DeafProxy, figure: Figure
) -> None:
    async def without(lost: str, on: Line) -> None:
        (agent,) = await phones.staff(on.agents)
        number = new_number()
        await phones.call(on.did, number)
        refused = await ringing(agent)
        await desk.until_fact(number, "ringing")
        proxy.lose(*lost.split(", "), about=number)
        await refused.reject(603)
        at = Moment.now()
        again = await ringing(agent, within_s=TOLD_WITHIN_S)
        figure(f"offered again without {lost} after", since(at), "s")
        await again.answer()
        await desk.until_agent(agent.user, "talking")
        await again.hang_up()
        record = await desk.until_call(number, lambda call: call["talk_ended_at"])
        assert [offer["result"] for offer in record["offers"]] == ["withdrawn", "answered"]
        assert record["reconciled"]

    await asyncio.gather(*(without(lost, on) for lost, on in REFUSED.items()))


@pytest.mark.fault(13)
async def test_an_order_to_dial_that_comes_to_nothing_is_given_again(
    phones: Phones, desk: Desk, proxy: DeafProxy, figure: Figure, corrections: Corrections
) -> None:
    """Asterisk has said yes, and nothing is dialled: the agent is not left waiting for a phone that never rings."""
    (agent,) = await phones.staff(NEVER_DIALLED.agents)
    before = await corrections()
    proxy.lose_order("Redirect", "acd-connect")
    caller = await phones.call(NEVER_DIALLED.did)
    await desk.until_agent(agent.user, "offered")
    at = Moment.now()
    assert proxy.lost["Redirect"] == 1
    await desk.until_agent(agent.user, "ready")
    figure("agent free of a call that is not dialled after", since(at), "s")
    rung = await ringing(agent)
    figure("and rung after", since(at), "s")
    await rung.answer()
    await desk.until_agent(agent.user, "talking")
    await rung.hang_up()
    record = await desk.ended(number_of(caller))
    assert [offer["result"] for offer in record["offers"]] == ["withdrawn", "answered"]
    assert record["reconciled"]
    assert (await corrections())["offer_ended"] == before["offer_ended"] + 1


@pytest.mark.fault(13)
async def test_a_caller_whose_entry_is_not_heard_is_found(
    phones: Phones, desk: Desk, proxy: DeafProxy, figure: Figure
) -> None:
    async def without(lost: str, on: Line) -> None:
        (agent,) = await phones.staff(on.agents)
        number = new_number()
        proxy.lose(*lost.split(", "), about=number)
        caller = await phones.call(on.did, number)
        assert caller.times.answered_at is not None
        rung = await ringing(agent, within_s=TOLD_WITHIN_S)
        figure(f"offered without {lost} after", since(caller.times.answered_at), "s")
        await rung.answer()
        await desk.until_agent(agent.user, "talking")
        record = await desk.until_call(number, lambda call: call["answered_at"])
        waited_s = rung.times.answered_at.loop_s - caller.times.answered_at.loop_s  # type: ignore[union-attr]
        assert record["wait_s"] == pytest.approx(waited_s, abs=0.2)

    await asyncio.gather(*(without(lost, on) for lost, on in ENTERS.items()))


@pytest.mark.fault(13)
async def test_what_follows_a_conversation_and_is_not_heard(
    phones: Phones, desk: Desk, proxy: DeafProxy, figure: Figure
) -> None:
    async def the_dialplan_is_ready() -> None:
        caller, _, talk = await talking(phones, UNTOLD_SURVEY, lambda number: proxy.lose("AcdDial", about=number))
        await talk.hang_up()
        at = Moment.now()
        await desk.until_fact(number_of(caller), "survey_asked")
        figure("survey asked without AcdDial after", since(at), "s")
        await caller.hang_up()
        assert (await desk.ended(number_of(caller)))["reconciled"]

    async def the_keys() -> None:
        caller, agent, talk = await talking(phones, UNHEARD_KEYS, lambda number: proxy.lose("AcdDone", about=number))
        await talk.hang_up()
        await desk.until_fact(number_of(caller), "survey_asked")
        await desk.until_agent(agent.user, "ready")
        await caller.send_digits("7")
        at = Moment.now()
        await caller.wait_ended(TOLD_WITHIN_S)  # the dialplan ends it by itself
        record = await desk.ended(number_of(caller))
        figure("call over without AcdDone after", since(at), "s")
        assert record["survey"] == {"result": "hung_up", "score": None}

    await asyncio.gather(the_dialplan_is_ready(), the_keys())
