"""Commands out: which actions each becomes, in which order, and what a failure comes back as."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from acd.ami.actions import encode
from acd.ami.fields import AsteriskTime
from acd.ami.messages import Message
from acd.ami.outbound import Steering
from acd.ami.registry import Caller, Registry
from acd.errors import AmiDown, AmiError, AmiRefused
from acd.queues import commands as cmd
from acd.queues import events as ev
from acd.queues.matcher import RING_ALL_LIMIT
from acd.queues.model import Agent, AgentId, AgentSpec, CallId, OfferId, OfferResult, QueueName
from acd.queues.rings import together
from tests.unit.ami_words import ANNA, AT, BORIS, CALL, ENDPOINTS, OFFER

ID = CallId(CALL)
SALES = QueueName("sales")
CHANNEL = "PJSIP/trunk-00000001"


class Link:
    """The client's outside: writes to a list, answers as told."""

    def __init__(self) -> None:
        self.connected = True
        self.sent: list[tuple[str, dict[str, str]]] = []
        self.answers: dict[str, AmiError] = {}
        self.asked: list[Callable[[Sequence[Message]], None]] = []

    def order(
        self, name: str, *headers: tuple[str, str], failed: Callable[[AmiError], None], at_once: bool = False
    ) -> None:
        if not self.connected:
            raise AmiDown(f"{name}: main is not connected")
        self.sent.append((name, dict(headers)))
        if name in self.answers:
            asyncio.get_running_loop().call_soon(failed, self.answers[name])

    def ask(
        self,
        name: str,
        *headers: tuple[str, str],
        answered: Callable[[Sequence[Message]], None],
        failed: Callable[[AmiError], None],
    ) -> None:
        if not self.connected:
            raise AmiDown(f"{name}: main is not connected")
        self.asked.append(answered)

    def says(self, bridge: str = "", **facts: str) -> None:
        """The answer to the one question: what the caller's channel shows."""
        (answered,) = self.asked
        self.asked.clear()
        shown = [("Variable", f"{name}={value}") for name, value in facts.items()]
        answered([Message.of("Status", ("Channel", CHANNEL), ("BridgeID", bridge), *shown)])


class Clock:
    def now(self) -> float:
        return AT


class Desk:
    """A steering with one caller on the line."""

    def __init__(self) -> None:
        self.link = Link()
        self.registry = Registry(dict(ENDPOINTS))
        self.posted: list[ev.Event] = []
        link: Any = self.link
        self.mirrored: list[cmd.MirrorAgent] = []
        mirror: Any = SimpleNamespace(want=self.mirrored.append)
        time = AsteriskTime()
        self.steering = Steering(link, self.registry, Clock(), self.posted.append, "ru", mirror, time)
        self.caller = Caller(ID, CHANNEL, "u1", "u1")
        self.registry.caller_entered(self.caller)

    def does(self, command: cmd.SwitchCommand) -> list[tuple[str, dict[str, str]]]:
        self.link.sent.clear()
        self.steering.carry_out(command)
        return self.link.sent


def to(context: str) -> tuple[str, dict[str, str]]:
    return "Redirect", {"Channel": CHANNEL, "Context": context, "Exten": "s", "Priority": "1"}


def variables(action: tuple[str, dict[str, str]]) -> dict[str, str]:
    name, headers = action
    assert name == "Setvar" and headers["Channel"] == CHANNEL
    names = re.sub(r"^ARRAY\((.*)\)$", r"\1", headers["Variable"]).split(",")
    return dict(zip(names, headers["Value"].split(","), strict=True))


SECOND = OfferId(f"{CALL}.2")
ANNAS, BORISES = cmd.Leg(OFFER, ANNA, "PJSIP/1001"), cmd.Leg(SECOND, BORIS, "PJSIP/1002")
RING = cmd.Ring(ID, (ANNAS,), 20.0, SALES, AT, "jazz")
RING_BOTH = cmd.Ring(ID, (ANNAS, BORISES), 20.0, SALES, AT, "jazz")


async def test_ringing_sets_the_facts_and_then_connects() -> None:
    desk = Desk()
    facts, redirect = desk.does(RING)
    assert variables(facts) == {
        "ACD_QUEUE": "sales", "ACD_QUEUED": f"{AT:.3f}", "ACD_MOH": "jazz", "ACD_OFFER": OFFER, "ACD_AGENT": "1001",
        "ACD_DIAL": "PJSIP/1001", "ACD_CONFIRM": "", "ACD_RING_S": "20",
    }  # fmt: skip
    assert redirect == to("acd-connect")
    assert desk.caller.expected == {ANNA: OFFER}


async def test_several_phones_ring_by_one_dial_whose_parts_have_a_line_each() -> None:
    desk = Desk()
    *facts, redirect = desk.does(RING_BOTH)
    said = {name: value for action in facts for name, value in variables(action).items()}
    assert (said["ACD_OFFER"], said["ACD_AGENT"], said["ACD_DIAL"]) == (OFFER, "1001&1002", "PJSIP/1001&PJSIP/1002")
    assert len(facts) == 3
    assert redirect == to("acd-connect")
    assert desk.caller.expected == {ANNA: OFFER, BORIS: SECOND}


async def test_as_many_phones_as_a_ring_may_have_fit_their_lines() -> None:
    specs = [AgentSpec(AgentId(f"{n:064}"), "", f"PJSIP/{n:0128}", {}) for n in range(RING_ALL_LIMIT)]
    for chosen in (specs, [replace(spec, id=AgentId(str(n)), endpoint=f"PJSIP/{n}") for n, spec in enumerate(specs)]):
        legs = [
            cmd.Leg(OfferId(f"{CALL}.{n}"), one.spec.id, one.spec.endpoint)
            for n, one in enumerate(together([Agent(spec) for spec in chosen]), 1)
        ]
        assert len(legs) == (6 if chosen is specs else RING_ALL_LIMIT)
        for name, headers in Desk().does(cmd.Ring(ID, tuple(legs), 20.0, SALES, AT)):
            encode((("Action", name), ("ActionID", "action/0/1/100000")), list(headers.items()))


async def test_an_outside_phone_is_asked_for_a_key() -> None:
    desk = Desk()
    facts, _ = desk.does(cmd.Ring(ID, (ANNAS,), 20.0, SALES, AT, confirm_s=10.0))
    assert variables(facts)["ACD_CONFIRM"] == "10"


async def test_one_phone_of_several_is_hung_up_by_its_channel() -> None:
    desk = Desk()
    desk.does(RING_BOTH)
    desk.registry.dial_began(desk.caller, "u3", "PJSIP/1002-00000007")
    assert desk.does(cmd.Drop(ID, SECOND)) == [], "not before it is known that nobody has picked up"
    desk.link.says()
    assert desk.link.sent == [("Hangup", {"Channel": "PJSIP/1002-00000007", "Cause": "16"})]
    assert desk.does(cmd.Drop(ID, OfferId(f"{CALL}.9"))) == []


async def test_one_that_is_dropped_before_it_is_dialled_is_hung_up_when_it_is() -> None:
    desk = Desk()
    desk.does(RING_BOTH)
    assert desk.does(cmd.Drop(ID, SECOND)) == []
    desk.registry.dial_began(desk.caller, "u2", "PJSIP/1001-00000006")
    desk.registry.dial_began(desk.caller, "u3", "PJSIP/1002-00000007")
    desk.steering.drop_late()
    desk.link.says()
    assert desk.link.sent == [("Hangup", {"Channel": "PJSIP/1002-00000007", "Cause": "16"})]


async def test_an_offer_to_several_that_could_not_be_sent_has_failed_for_each() -> None:
    desk = Desk()
    desk.link.connected = False
    desk.does(RING_BOTH)
    assert desk.posted == [ev.OfferEnded(AT, one, OfferResult.ERROR) for one in (OFFER, SECOND)]


async def test_since_when_they_talk_is_noted_on_the_channel() -> None:
    (mark,) = Desk().does(cmd.Mark(ID, OFFER, AT))
    assert variables(mark) == {"ACD_TALKING": f"{OFFER}@{AT:.3f}"}


async def test_a_place_in_the_line_is_noted_on_the_channel() -> None:
    (facts,) = Desk().does(cmd.Hold(ID, SALES, AT, move=False))
    assert variables(facts) == {"ACD_QUEUE": "sales", "ACD_QUEUED": f"{AT:.3f}", "ACD_MOH": "default"}


async def test_a_queue_with_its_own_music_is_heard_at_once() -> None:
    facts, redirect = Desk().does(cmd.Hold(ID, SALES, AT, move=False, music="jazz"))
    assert variables(facts)["ACD_MOH"] == "jazz"
    assert redirect == to("acd-hold")


async def test_holding_and_withdrawing_bring_the_caller_back() -> None:
    assert Desk().does(cmd.Hold(ID, SALES, AT))[-1] == to("acd-hold")
    assert Desk().does(cmd.Withdraw(ID, OFFER)) == [to("acd-hold")]


async def test_prompts_and_keys() -> None:
    *facts, redirect = Desk().does(cmd.Collect(ID, 4, ("acd/nps-question", "beep"), 6.0, "1", 2.5))
    said = {name: value for action in facts for name, value in variables(action).items()}
    assert said["ACD_SEQ"] == "4" and said["ACD_PROMPT"] == "acd/nps-question&beep"
    assert (said["ACD_FIRST_S"], said["ACD_MORE"], said["ACD_MORE_S"]) == ("6", "1", "2.5")
    assert said["CHANNEL(language)"] == "ru"
    assert redirect == to("acd-collect")


@pytest.mark.parametrize(("command", "context"), [(cmd.Say(ID, 1, ("a",)), "acd-say"), (cmd.Bye(ID, 2, ()), "acd-bye")])
async def test_saying(command: cmd.SwitchCommand, context: str) -> None:
    assert Desk().does(command)[-1] == to(context)


async def test_a_message_is_recorded_no_longer_than_agreed() -> None:
    *facts, redirect = Desk().does(cmd.Record(ID, 1, ("acd/leave-message",), 90.0))
    said = {name: value for action in facts for name, value in variables(action).items()}
    assert (said["ACD_SEQ"], said["ACD_PROMPT"], said["ACD_MAX_S"]) == ("1", "acd/leave-message", "90")
    assert redirect == to("acd-record")


async def test_no_value_holds_a_comma() -> None:
    for command in (RING, cmd.Hold(ID, SALES, 0.1 + 0.2), cmd.Collect(ID, 1, (), 1e6, "", 0.0)):
        for name, headers in Desk().does(command):
            if name == "Setvar" and headers["Variable"].startswith("ARRAY("):
                variables((name, headers))


async def test_agents_are_mirrored_with_a_link_or_without() -> None:
    desk, command = Desk(), cmd.MirrorAgent(ANNA, "PJSIP/1001", "Анна", True, True)
    desk.link.connected = False
    assert desk.does(command) == []
    assert desk.mirrored == [command]


async def test_an_offer_for_a_caller_who_is_gone_has_failed() -> None:
    desk = Desk()
    desk.registry.caller_gone(desk.caller)
    assert desk.does(RING) == []
    assert desk.posted == [ev.OfferEnded(AT, OFFER, OfferResult.ERROR)]
    assert desk.does(cmd.Hold(ID, SALES, AT)) == [] and len(desk.posted) == 1


async def test_an_offer_without_a_link_has_failed() -> None:
    desk = Desk()
    desk.link.connected = False
    desk.does(RING)
    assert desk.posted == [ev.OfferEnded(AT, OFFER, OfferResult.ERROR)]


async def test_an_offer_that_asterisk_refuses_has_failed() -> None:
    desk = Desk()
    desk.link.answers["Redirect"] = AmiRefused("Redirect: No such channel")
    desk.does(RING)
    await asyncio.sleep(0)
    assert desk.posted == [ev.OfferEnded(AT, OFFER, OfferResult.ERROR)]


async def test_other_orders_that_fail_are_no_events() -> None:
    desk = Desk()
    desk.link.answers["Redirect"] = AmiRefused("Redirect: No such channel")
    desk.does(cmd.Withdraw(ID, OFFER))
    await asyncio.sleep(0)
    assert desk.posted == []


async def test_offers_to_the_same_caller_are_told_apart_by_their_agents() -> None:
    desk = Desk()
    desk.does(RING)
    desk.does(cmd.Ring(ID, (BORISES,), 20.0, SALES, AT))
    assert desk.registry.leg_of(BORIS, "u1") is None, "not ordered before it is known that Анна has not picked up"
    desk.link.says()
    assert desk.registry.leg_of(ANNA, "u1") == OFFER
    assert desk.registry.leg_of(BORIS, "u1") == SECOND


async def test_a_caller_who_was_handed_over_is_told_of_the_new_agent() -> None:
    leg = OfferId("20260101120005-123456789013.1")
    (facts,) = Desk().does(cmd.Adopt(ID, leg, ANNA, SALES, AT, AT + 5))
    assert variables(facts) == {
        "ACD_QUEUE": "sales", "ACD_QUEUED": f"{AT:.3f}", "ACD_OFFER": leg, "ACD_OFFERED": leg, "ACD_AGENT": "1001",
        "ACD_OFFERED_TO": "1001", "ACD_TALKING": f"{leg}@{AT + 5:.3f}",
    }  # fmt: skip
    (facts,) = Desk().does(cmd.Adopt(ID, leg, ANNA, None, AT, AT))
    assert variables(facts)["ACD_QUEUE"] == ""


async def test_a_channel_that_took_over_another_calls_facts_is_given_its_own_back() -> None:
    desk = Desk()
    desk.caller.did, desk.caller.entered = "+74951234567", "1800000000.123"
    (facts,) = desk.does(cmd.Reclaim(ID))
    assert variables(facts) == {
        "ACD_CALL": CALL, "ACD_DID": "+74951234567", "ACD_ENTERED": "1800000000.123"
    }  # fmt: skip


# -- a phone that rings may have been picked up -----------------------------------------------------------------------

TALKS = {"bridge": "b1", "ACD_VERB": "connect", "ACD_OFFERED": OFFER, "ACD_OFFERED_TO": ANNA, "DIALSTATUS": "ANSWER"}
RING_BORIS = cmd.Ring(ID, (BORISES,), 20.0, SALES, AT)
AWAY = (cmd.Withdraw(ID, OFFER), RING_BORIS, cmd.Hold(ID, SALES, AT), cmd.Bye(ID, 1, ("a",)), cmd.Say(ID, 1, ()))


@pytest.mark.parametrize("order", AWAY, ids=lambda order: type(order).__name__)
async def test_no_order_takes_a_caller_from_an_agent_who_has_picked_up(order: cmd.SwitchCommand) -> None:
    desk = Desk()
    desk.does(RING)
    assert desk.does(order) == []
    desk.link.says(**TALKS)
    assert desk.link.sent == []
    assert desk.posted == [ev.TakenAfterAll(AT, ID, OFFER)]
    assert desk.caller.ring.keys() == {OFFER}, "what is heard of it is still understood"


@pytest.mark.parametrize("order", AWAY, ids=lambda order: type(order).__name__)
async def test_a_caller_whose_phone_still_rings_is_taken_away_with_all_that_belongs_to_it(
    order: cmd.SwitchCommand,
) -> None:
    desk = Desk()
    at_once = [*desk.does(order)]
    desk = Desk()
    desk.does(RING)
    assert desk.does(order) == []
    desk.link.says()
    assert desk.link.sent == at_once and desk.posted == []


async def test_a_queue_is_noted_on_the_channel_when_the_caller_has_left_the_phone_of_the_one_before() -> None:
    desk = Desk()
    desk.does(RING)
    desk.does(cmd.Withdraw(ID, OFFER))
    assert desk.does(cmd.Hold(ID, QueueName("support"), AT, move=False)) == []
    desk.link.says()
    redirect, note = desk.link.sent
    assert redirect == to("acd-hold") and variables(note)["ACD_QUEUE"] == "support"


async def test_who_is_known_to_talk_is_asked_for_no_longer() -> None:
    desk = Desk()
    desk.does(RING)
    desk.does(cmd.Mark(ID, OFFER, AT))
    assert desk.does(cmd.Collect(ID, 1, (), 5.0))[-1] == to("acd-collect")


async def test_the_bridge_is_told_before_what_follows_it() -> None:
    """So a caller who then hangs up has been served, and has not abandoned."""
    desk = Desk()
    desk.does(RING)
    desk.does(cmd.Withdraw(ID, OFFER))
    desk.steering.bridged(ev.Connected(AT, OFFER))
    assert desk.posted == [ev.TakenAfterAll(AT, ID, OFFER)]


async def test_a_phone_that_has_just_taken_the_call_is_not_silenced() -> None:
    desk = Desk()
    desk.does(RING_BOTH)
    desk.registry.dial_began(desk.caller, "u3", "PJSIP/1002-00000007")
    desk.does(cmd.Drop(ID, SECOND))
    both = {"ACD_OFFERED_TO": f"{ANNA}&{BORIS}", "DIALEDPEERNAME": "PJSIP/1002-00000007"}
    desk.link.says(**{**TALKS, **both})
    assert desk.link.sent == [] and desk.posted == [ev.TakenAfterAll(AT, ID, SECOND)]
