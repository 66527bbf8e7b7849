"""The fallback queue's members: what Asterisk has, what it should have, and no action more than that takes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from acd import tasks
from acd.ami.messages import Message, Response
from acd.ami.mirror import AT_ONCE, Mirror
from acd.errors import AmiDown, AmiError, AmiRefused, AmiTimeout
from acd.queues.commands import MirrorAgent
from acd.queues.model import AgentId

QUEUE = "acd-fallback"
Sent = tuple[str, str, str]


class Asterisk:
    """A queue's members behind the client's outside. Answers come when they are asked for."""

    def __init__(self, **members: bool) -> None:
        self.members = {f"PJSIP/{name.lstrip('_')}": paused for name, paused in members.items()}
        self.static: set[str] = set()
        self.sent: list[Sent] = []
        self.refusals: dict[str, AmiError] = {}
        self.generation = 1
        self.connected = True
        self.most = 0
        self.told: list[AgentId] = []  # by the mirror
        self._unanswered: list[tuple[asyncio.Future[Response], str, dict[str, str]]] = []

    async def collect(self, name: str, *headers: tuple[str, str]) -> list[Message]:
        assert (name, headers) == ("QueueStatus", (("Queue", QUEUE),))
        if name in self.refusals:
            raise self.refusals[name]
        return [
            Message.of("QueueParams", ("Queue", QUEUE)),
            *(
                Message.of(
                    "QueueMember",
                    ("Queue", QUEUE),
                    ("Location", interface),
                    ("Membership", "static" if interface in self.static else "dynamic"),
                    ("Paused", "1" if paused else "0"),
                )
                for interface, paused in self.members.items()
            ),
        ]

    def send(self, name: str, *headers: tuple[str, str]) -> asyncio.Future[Response]:
        if not self.connected:
            raise AmiDown("not connected")
        given = dict(headers)
        assert given["Queue"] == QUEUE
        self.sent.append((name, given["Interface"], given.get("Paused", "")))
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._unanswered.append((answer, name, given))
        self.most = max(self.most, len(self._unanswered))
        return answer

    def give_up(self) -> None:
        """No answer comes to what was sent so far."""
        unanswered, self._unanswered = self._unanswered, []
        for answer, name, _ in unanswered:
            answer.set_exception(self.refusals[name])

    def restart(self) -> None:
        """It forgets everything, and so does the link."""
        self.members.clear()
        self.sent.clear()
        self._unanswered.clear()
        self.generation += 1

    async def answer(self) -> None:
        """Carry out what was sent, until nothing more comes."""
        while self._unanswered:
            answer, name, given = self._unanswered.pop(0)
            error = self.refusals.get(name) or self._do(name, given)
            if error is None:
                answer.set_result(Response(b"Response: Success"))
            else:
                answer.set_exception(error)
            await asyncio.sleep(0)

    def _do(self, name: str, given: dict[str, str]) -> AmiError | None:
        interface, there = given["Interface"], given["Interface"] in self.members
        if name == "QueueAdd" and there:
            return AmiRefused("QueueAdd: Unable to add interface: Already there")
        if name == "QueueRemove" and not there:
            return AmiRefused("QueueRemove: Unable to remove interface: Not there")
        if name == "QueuePause" and not there:
            return AmiRefused("QueuePause: Interface not found")
        if name == "QueueRemove":
            del self.members[interface]
        else:
            self.members[interface] = given["Paused"] == "1"
        return None


def agent(name: str, member: bool = True, paused: bool = False) -> MirrorAgent:
    return MirrorAgent(AgentId(name), f"PJSIP/{name}", name, member, paused)


def phones(*names: str) -> dict[str, AgentId]:
    return {f"PJSIP/{name}": AgentId(name) for name in names}


async def told(asterisk: Asterisk, *commands: MirrorAgent, known: tuple[str, ...] = ("1001", "1002")) -> list[Sent]:
    """What a mirror at the beginning of a link sends."""
    mirror = Mirror(client(asterisk), QUEUE, asterisk.told.append)
    await mirror.read(phones(*known))
    for command in commands:
        mirror.want(command)
    await asterisk.answer()
    return asterisk.sent


def client(asterisk: Asterisk) -> Any:
    return asterisk


async def test_who_is_logged_in_becomes_a_member_and_who_is_paused_a_paused_one() -> None:
    assert await told(Asterisk(), agent("1001"), agent("1002", paused=True)) == [
        ("QueueAdd", "PJSIP/1001", "0"),
        ("QueueAdd", "PJSIP/1002", "1"),
    ]


async def test_nothing_is_said_that_asterisk_knows() -> None:
    asterisk = Asterisk(_1001=False, _1002=True)
    assert await told(asterisk, agent("1001"), agent("1002", paused=True)) == []


async def test_only_the_difference_is_said() -> None:
    asterisk = Asterisk(_1001=False, _1002=False)
    sent = await told(asterisk, agent("1001", paused=True), agent("1002", member=False))
    assert sent == [("QueuePause", "PJSIP/1001", "1"), ("QueueRemove", "PJSIP/1002", "")]
    assert asterisk.members == {"PJSIP/1001": True}


async def test_members_who_are_no_agents_any_more_go_and_static_ones_stay() -> None:
    asterisk = Asterisk(_1001=False, _7777=False, _100=False)
    asterisk.static = {"PJSIP/100"}
    assert await told(asterisk, agent("1001")) == [("QueueRemove", "PJSIP/7777", "")]


async def test_of_many_changes_in_a_row_the_last_one_stands() -> None:
    asterisk = Asterisk()
    changes = [agent("1001"), agent("1001", paused=True), agent("1001", member=False), agent("1001", paused=True)]
    await told(asterisk, *changes)
    assert asterisk.members == {"PJSIP/1001": True}


async def test_several_hundred_agents_are_told_of_some_at_a_time() -> None:
    asterisk, names = Asterisk(), [str(number) for number in range(1000, 1500)]
    await told(asterisk, *(agent(name) for name in names), known=tuple(names))
    assert len(asterisk.members) == len(asterisk.sent) == 500
    assert asterisk.most <= AT_ONCE


async def test_what_was_wanted_without_a_link_is_said_when_it_is_there() -> None:
    asterisk = Asterisk()
    mirror = Mirror(client(asterisk), QUEUE, asterisk.told.append)
    mirror.want(agent("1001"))
    assert asterisk.sent == []
    await mirror.read(phones("1001"))
    await asterisk.answer()
    assert asterisk.members == {"PJSIP/1001": False}


async def test_after_a_lost_link_all_is_looked_at_anew() -> None:
    asterisk = Asterisk()
    mirror = Mirror(client(asterisk), QUEUE, asterisk.told.append)
    await mirror.read(phones("1001", "1002"))
    mirror.want(agent("1001"))
    asterisk.restart()  # the answer never comes
    mirror.lost()
    mirror.want(agent("1002"))
    await mirror.read(phones("1001", "1002"))
    await asterisk.answer()
    assert asterisk.members == {"PJSIP/1001": False, "PJSIP/1002": False}
    assert sorted(asterisk.sent) == [("QueueAdd", "PJSIP/1001", "0"), ("QueueAdd", "PJSIP/1002", "0")]


@pytest.mark.parametrize(("before", "wanted"), [({}, True), ({"_1001": False}, True), ({"_1001": True}, False)])
async def test_what_others_have_changed_behind_our_back_is_put_right(before: dict[str, bool], wanted: bool) -> None:
    """Somebody at Asterisk's console adds, or removes, the member between our look and our action."""
    asterisk = Asterisk(**before)
    mirror = Mirror(client(asterisk), QUEUE, asterisk.told.append)
    await mirror.read(phones("1001"))
    if before:
        asterisk.members.clear()
    else:
        asterisk.members["PJSIP/1001"] = False
    mirror.want(agent("1001", paused=wanted))
    await asterisk.answer()
    assert asterisk.members == {"PJSIP/1001": wanted}


async def test_an_asterisk_that_does_not_tell_its_members_is_told_all() -> None:
    asterisk = Asterisk(_1001=True)
    asterisk.refusals["QueueStatus"] = AmiRefused("QueueStatus: Permission denied")
    await told(asterisk, agent("1001"))
    assert asterisk.members == {"PJSIP/1001": False}


async def test_a_queue_that_is_not_there_is_no_hot_loop() -> None:
    asterisk = Asterisk()
    asterisk.refusals["QueueAdd"] = AmiRefused("QueueAdd: Unable to add interface to queue: No such queue")
    assert len(await told(asterisk, agent("1001"), agent("1002"))) == 2


# -- what is known of it ----------------------------------------------------------------------------------------


async def mirror_of(asterisk: Asterisk, *commands: MirrorAgent) -> Mirror:
    """In step with these."""
    mirror = Mirror(client(asterisk), QUEUE, asterisk.told.append)
    await mirror.read(phones("1001", "1002"))
    for command in commands:
        mirror.want(command)
    await asterisk.answer()
    asterisk.told.clear()
    asterisk.sent.clear()
    return mirror


async def test_an_agent_is_mirrored_from_the_answer_on_and_others_are_told_of_it() -> None:
    asterisk = Asterisk()
    mirror = await mirror_of(asterisk, agent("1001"))
    assert mirror.has("PJSIP/1001")
    mirror.want(agent("1001", paused=True))
    assert not mirror.has("PJSIP/1001")
    waits = tasks.spawn(mirror.until_has("PJSIP/1001"), "waits")
    await asyncio.sleep(0)
    assert not waits.done()
    await asterisk.answer()
    await waits
    assert mirror.has("PJSIP/1001") and asterisk.told == [AgentId("1001")]


async def test_nobody_is_mirrored_by_an_asterisk_that_was_never_heard() -> None:
    mirror = Mirror(client(Asterisk()), QUEUE, lambda _: None)
    assert not mirror.has("PJSIP/1001") and mirror.in_doubt
    await mirror.until_has("PJSIP/1001")  # there is nothing to wait for


async def test_an_order_whose_answer_is_lost_with_the_link_is_not_taken_for_told_until_it_is_asked() -> None:
    asterisk = Asterisk()
    mirror = await mirror_of(asterisk, agent("1001"), agent("1002"))
    mirror.want(agent("1001", paused=True))
    waits = tasks.spawn(mirror.until_has("PJSIP/1001"), "waits")
    await asyncio.sleep(0)
    mirror.lost()
    await waits
    assert not mirror.has("PJSIP/1001") and mirror.has("PJSIP/1002"), "of whom nothing was on its way"
    asterisk.generation += 1
    asterisk.members["PJSIP/1001"] = True  # it had been carried out
    await mirror.read(phones("1001", "1002"))
    assert mirror.has("PJSIP/1001") and asterisk.told == [AgentId("1001")]
    assert not mirror.in_doubt


async def test_an_order_that_is_not_answered_in_time_is_given_again() -> None:
    """It may have been carried out or not: the member must not be left as nobody knows."""
    asterisk = Asterisk()
    mirror = await mirror_of(asterisk, agent("1001"))
    asterisk.refusals["QueuePause"] = AmiTimeout("QueuePause: no answer within 5 s")
    mirror.want(agent("1001", paused=True))
    asterisk.give_up()
    await asyncio.sleep(0)
    assert mirror.in_doubt and not mirror.has("PJSIP/1001")
    mirror.want(agent("1001"))  # as it was before, for all that is known
    asterisk.members["PJSIP/1001"] = True
    del asterisk.refusals["QueuePause"]
    await asterisk.answer()
    assert asterisk.members == {"PJSIP/1001": False}
    assert mirror.has("PJSIP/1001") and not mirror.in_doubt


async def test_what_could_not_be_sent_is_in_doubt_and_sent_after_the_next_look() -> None:
    asterisk = Asterisk()
    mirror = await mirror_of(asterisk, agent("1001"))
    asterisk.connected = False  # or too much is unanswered
    mirror.want(agent("1001", paused=True))
    assert mirror.in_doubt and not mirror.has("PJSIP/1001")
    asterisk.connected = True
    await mirror.read(phones("1001", "1002"))
    await asterisk.answer()
    assert asterisk.members == {"PJSIP/1001": True} and mirror.has("PJSIP/1001")
