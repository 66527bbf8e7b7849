"""Reading an Asterisk back: from its channels and devices to one picture."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from acd.ami.fields import AsteriskTime
from acd.ami.messages import Message
from acd.ami.registry import Registry
from acd.ami.resync import FACTS, Picture, read_picture
from acd.errors import AmiDown, AmiRefused
from acd.queues.found import Elsewhere
from acd.queues.model import CallId, OfferId
from tests.unit.ami_words import ANNA, AT, BORIS, CALL, ENDPOINTS, OFFER


class Link:
    """The client's outside: lists as told."""

    def __init__(self, channels: list[Message], devices: dict[str, str] | Exception) -> None:
        self.channels, self.devices = channels, devices

    async def collect(self, name: str, *headers: tuple[str, str]) -> list[Message]:
        await asyncio.sleep(0)
        if name == "Status":
            assert dict(headers)["Variables"] == ",".join(FACTS)
            return self.channels
        if isinstance(self.devices, Exception):
            raise self.devices
        pairs = self.devices.items()
        return [Message.of("DeviceStateChange", ("Device", name), ("State", state)) for name, state in pairs]


def channel(name: str, uniqueid: str, linkedid: str = "", bridge: str = "", **facts: str) -> Message:
    values = [("Variable", f"{fact}={facts.get(fact, '(null)')}") for fact in FACTS]
    about = [("Channel", name), ("Uniqueid", uniqueid), ("Linkedid", linkedid or uniqueid), ("BridgeID", bridge)]
    return Message.of("Status", *about, ("CallerIDNum", "+79160000001"), ("CallerIDName", "<unknown>"), *values)


CALLER = channel(
    "PJSIP/trunk-1", "u1", ACD_CALL=CALL, ACD_DID="+7495,&x", ACD_ENTERED=f"{AT - 60}", ACD_VERB="connect",
    ACD_QUEUE="sales", ACD_OFFER=OFFER, ACD_AGENT="1001",
)  # fmt: skip
HOLDING = channel("PJSIP/trunk-1", "u1", ACD_CALL=CALL, ACD_ENTERED=f"{AT - 60}", ACD_VERB="hold")
LEG = channel("PJSIP/1001-1", "u2", "u1")
HERE = {"PJSIP/1001": "NOT_INUSE", "PJSIP/1002": "INUSE"}


async def read(
    *channels: Message, devices: dict[str, str] | Exception = HERE, registry: Registry | None = None, keep: bool = False
) -> tuple[Picture, Registry]:
    registry = registry or Registry(dict(ENDPOINTS))
    link: Any = Link(list(channels), devices)
    return await read_picture(link, registry, "main", AsteriskTime(), "RU", AT, keep), registry


async def test_a_caller_in_the_middle_of_an_offer() -> None:
    picture, registry = await read(CALLER, LEG)
    (found,) = picture.calls
    assert (found.call_id, found.did, found.number, found.name) == (CALL, "+7495", "+79160000001", "")
    assert (found.verb, found.queue, found.offer_id, found.agent_id) == ("connect", "sales", OFFER, "1001")
    assert found.entered_at == AT - 60 and not found.bridged
    assert registry.legs == {"u2": OFFER} and picture.own == ()


async def test_channels_that_are_not_ours_are_left_alone() -> None:
    picture, registry = await read(channel("PJSIP/x-1", "u9"), channel("PJSIP/y-1", "u8", ACD_CALL="rubbish,${}"))
    assert picture.calls == () and not registry.callers


async def test_an_agents_own_call_is_told_from_a_leg() -> None:
    picture, registry = await read(HOLDING, channel("PJSIP/1001-1", "u2"), channel("PJSIP/1002-1", "u3", "u1"))
    assert picture.own == ((ANNA, "main:PJSIP/1001-1"), (BORIS, "main:PJSIP/1002-1"))
    assert not registry.legs


@pytest.mark.parametrize(
    ("mark", "since"),
    [(f"{OFFER}@{AT - 30}", AT - 30), ("another.1@1", None), ("", None), (f"{OFFER}@rubbish", AT), ("@5", None)],
)
async def test_the_mark_of_a_conversation_counts_for_its_own_offer(mark: str, since: float | None) -> None:
    facts = {"ACD_CALL": CALL, "ACD_VERB": "connect", "ACD_OFFER": OFFER, "ACD_AGENT": "1001", "ACD_TALKING": mark}
    picture, _ = await read(channel("PJSIP/trunk-1", "u1", bridge="b1", **facts))
    assert picture.calls[0].talking_since == since


async def test_bridged_callers_are_seen_to_talk() -> None:
    picture, _ = await read(channel("PJSIP/trunk-1", "u1", bridge="b1", ACD_CALL=CALL))
    assert picture.calls[0].bridged


@pytest.mark.parametrize("stamp", ["", "nan", "soon", f"{AT + 9}", f"{AT - 1e6}", "9" * 400])
async def test_an_entry_that_cannot_be_is_now(stamp: str) -> None:
    picture, _ = await read(channel("PJSIP/trunk-1", "u1", ACD_CALL=CALL, ACD_ENTERED=stamp))
    assert picture.calls[0].entered_at == AT


async def test_phones_that_are_gone_or_unknown_are_unreachable() -> None:
    picture, _ = await read(devices={"PJSIP/1001": "UNAVAILABLE", "PJSIP/9": "NOT_INUSE"})
    assert picture.reachable == frozenset()
    picture, _ = await read(devices={"PJSIP/1002": "UNKNOWN"})
    assert picture.reachable == {BORIS}


async def test_an_asterisk_that_cannot_list_its_phones_is_trusted_to_have_them() -> None:
    picture, _ = await read(devices=AmiRefused("DeviceStateList: Invalid/unknown command"))
    assert picture.reachable == {ANNA, BORIS}


async def test_a_link_that_fails_leaves_what_was_known() -> None:
    _, registry = await read(CALLER)
    with pytest.raises(AmiDown):
        await read(devices=AmiDown("gone"), registry=registry)
    assert CallId(CALL) in registry.callers


async def test_a_sweep_keeps_orders_that_are_on_their_way() -> None:
    _, registry = await read(HOLDING)
    registry.callers[CallId(CALL)].ordered(ANNA, OfferId(f"{CALL}.2"))
    await read(HOLDING, registry=registry, keep=True)
    assert registry.leg_of(ANNA, "u1") == f"{CALL}.2"
    await read(HOLDING, registry=registry, keep=False)
    assert registry.leg_of(ANNA, "u1") is None


async def test_a_sweep_keeps_the_callers_themselves_for_what_is_being_asked_again() -> None:
    """A redirect that was refused for the moment is asked again for this very caller, or given up as failed."""
    _, registry = await read(HOLDING)
    known = registry.callers[CallId(CALL)]
    await read(HOLDING, registry=registry, keep=True)
    assert registry.callers[CallId(CALL)] is known
    await read(HOLDING, registry=registry, keep=False)
    assert registry.callers[CallId(CALL)] is not known


async def test_a_sweep_keeps_the_legs_of_callers_who_are_here() -> None:
    _, registry = await read(CALLER, LEG)
    registry.legs["ends soon"] = OfferId(f"{CALL}.1")
    registry.legs["nobody's"] = OfferId("20260101120000-000000000000.1")
    registry.callers[CallId(CALL)].dialled(OFFER)
    await read(CALLER, LEG, registry=registry, keep=True)
    assert registry.legs == {"u2": OFFER, "ends soon": OFFER}


async def test_a_caller_a_sweep_does_not_see_is_kept_for_one_more() -> None:
    """The word of the caller's end is on its way behind the picture."""
    _, registry = await read(HOLDING)
    picture, _ = await read(registry=registry, keep=True)
    assert (picture.calls, picture.unsure) == ((), {CALL})
    assert CallId(CALL) in registry.callers
    picture, _ = await read(registry=registry, keep=True)
    assert (picture.calls, picture.unsure) == ((), frozenset())
    assert not registry.callers


async def test_a_caller_who_is_seen_again_is_in_no_doubt() -> None:
    _, registry = await read(HOLDING)
    await read(registry=registry, keep=True)
    await read(HOLDING, registry=registry, keep=True)
    picture, _ = await read(registry=registry, keep=True)
    assert picture.unsure == {CALL}


async def test_a_caller_only_a_sweep_sees_is_believed_at_the_second_look() -> None:
    """The word of the caller's entry is on its way behind the picture."""
    _, registry = await read()
    picture, _ = await read(HOLDING, registry=registry, keep=True)
    assert picture.calls == () and not registry.callers
    picture, _ = await read(HOLDING, registry=registry, keep=True)
    assert [call.call_id for call in picture.calls] == [CALL]


# -- transfers ----------------------------------------------------------------------------------------------------

TALKING = {"ACD_CALL": CALL, "ACD_VERB": "connect", "ACD_OFFER": OFFER, "ACD_AGENT": "1001"}
IN_BRIDGE = channel("PJSIP/trunk-1", "lab-7.1", bridge="b1", **TALKING)
BORIS_IN_BRIDGE = channel("PJSIP/1002-1", "lab-7.4", "lab-7.1", bridge="b1")


async def test_another_agent_in_the_callers_bridge_is_who_it_was_handed_to() -> None:
    picture, registry = await read(IN_BRIDGE, BORIS_IN_BRIDGE)
    (found,) = picture.calls
    assert (found.agent_id, found.offer_id, found.handed_over) == (BORIS, f"{CALL}.t4", True)
    assert registry.legs == {"lab-7.4": f"{CALL}.t4"} and picture.own == ()
    assert registry.caller_of(OfferId(f"{CALL}.t4")) is registry.callers[CallId(CALL)]


async def test_a_sweep_knows_what_the_leg_was_made_for() -> None:
    _, registry = await read(IN_BRIDGE)
    question = OfferId("20260101120005-123456789013.1")
    registry.legs["lab-7.4"] = question
    picture, registry = await read(IN_BRIDGE, BORIS_IN_BRIDGE, registry=registry, keep=True)
    (found,) = picture.calls
    assert (found.offer_id, found.consultation) == (question, "20260101120005-123456789013")
    assert registry.caller_of(question) is registry.callers[CallId(CALL)]


async def test_a_handed_over_leg_stays_the_callers_over_sweeps() -> None:
    _, registry = await read(IN_BRIDGE)
    leg = OfferId("20260101120005-123456789013.1")
    registry.hand_over(registry.callers[CallId(CALL)], "lab-7.4", leg)
    noted = channel("PJSIP/trunk-1", "lab-7.1", bridge="b1", **{**TALKING, "ACD_OFFER": leg, "ACD_AGENT": "1002"})
    picture, registry = await read(noted, BORIS_IN_BRIDGE, registry=registry, keep=True)
    assert not picture.calls[0].handed_over
    assert registry.caller_of(leg) is registry.callers[CallId(CALL)] and registry.legs == {"lab-7.4": leg}


async def test_the_same_agent_or_a_whole_party_in_the_bridge_is_no_transfer() -> None:
    anna = channel("PJSIP/1001-1", "lab-7.2", "lab-7.1", bridge="b1")
    for others in ((anna,), (anna, BORIS_IN_BRIDGE), ()):
        picture, _ = await read(IN_BRIDGE, *others)
        assert not picture.calls[0].handed_over and picture.calls[0].agent_id == ANNA


async def test_a_question_found_is_known_to_be_an_agents() -> None:
    picture, _ = await read(channel("PJSIP/1001-1", "u5", ACD_CALL=CALL, ACD_VERB="hold"))
    assert picture.calls[0].from_agent == ANNA
    assert (await read(HOLDING))[0].calls[0].from_agent is None


FELL = {"ACD_CALL": CALL, "ACD_VERB": "fallback", "ACD_FELL": f"{AT - 50}", "ACD_AGENT": "1002", "ACD_OFFER": OFFER}


async def test_a_caller_in_the_fallback_queue_waits_there() -> None:
    picture, registry = await read(channel("PJSIP/trunk-1", "u1", **FELL), LEG)
    (found,) = picture.calls
    assert (found.elsewhere, found.handed_over, found.bridged) == (Elsewhere(AT - 50), False, False)
    assert picture.own == ((ANNA, "main:PJSIP/1001-1"),) and not registry.legs  # rung by Asterisk's queue: busy


async def test_whom_a_caller_of_the_fallback_queue_talks_with_is_seen_in_the_bridge() -> None:
    facts = FELL | {"SHARED(ACD_TAKEN)": f"{AT - 40}@PJSIP/1001"}
    legs = channel("PJSIP/trunk-1", "u1", bridge="b1", **facts), channel("PJSIP/1001-1", "u2", "u1", bridge="b1")
    picture, registry = await read(*legs)
    (found,) = picture.calls
    assert (found.agent_id, found.offer_id, found.handed_over) == (ANNA, f"{CALL}.t2", True)
    assert found.talking_since == AT - 40 and found.elsewhere == Elsewhere(AT - 50, AT - 40, ANNA)
    assert picture.own == () and registry.legs == {"u2": f"{CALL}.t2"}


async def test_a_caller_just_served_there_is_told_by_whom_and_since_when() -> None:
    facts = FELL | {"ACD_VERB": "after", "SHARED(ACD_TAKEN)": f"{AT - 40}@PJSIP/1001", "ACD_SERVED": f"{AT - 2}"}
    picture, _ = await read(channel("PJSIP/trunk-1", "u1", **facts))
    assert picture.calls[0].elsewhere == Elsewhere(AT - 50, AT - 40, ANNA, AT - 2)


@pytest.mark.parametrize("verb", ["after", "hold"])
async def test_a_conversation_that_is_over_is_seen_where_it_was_the_last_thing(verb: str) -> None:
    facts = {"ACD_VERB": verb, "ACD_DIALLED_MS": f"{int((AT - 30) * 1000)}", "ACD_SERVED": f"{AT - 2}"}
    picture, _ = await read(channel("PJSIP/trunk-1", "u1", ACD_CALL=CALL, ACD_ENTERED=f"{AT - 60}", **facts))
    (found,) = picture.calls
    assert (found.dialled_at, found.over_at) == ((AT - 30, AT - 2) if verb == "after" else (None, None))


async def test_the_question_that_is_being_answered_is_seen() -> None:
    facts = {"ACD_CALL": CALL, "ACD_VERB": "after", "ACD_DOING": "2", "ACD_DIGITS": "1x0"}
    picture, _ = await read(channel("PJSIP/trunk-1", "u1", **facts))
    assert (picture.calls[0].doing, picture.calls[0].digits) == (2, "10")
