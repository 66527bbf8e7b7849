"""Moves that Asterisk refuses because the one before is still under way are asked again; others are not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from structlog.testing import capture_logs

from acd.ami.messages import Message
from acd.ami.redirects import PAUSES_S, Redirects
from acd.ami.registry import Caller, Registry
from acd.ami.taken import Taken
from acd.errors import AmiDown, AmiError, AmiRefused, AmiTimeout
from acd.queues.model import AgentId, CallId, OfferId
from tests.deadlines import until

NOT_UP = AmiRefused("Redirect: Redirect failed, channel not up.")
GONE = AmiRefused("Redirect: No such channel")
HUNG_UP = AmiRefused("Redirect: Channel does not exist: PJSIP/trunk-1")


class World:
    """One caller, and an Asterisk that gives these answers in turn, then says yes."""

    def __init__(self, *refusals: AmiError) -> None:
        self.refusals = list(refusals)
        self.linked = True
        self.contexts: list[str] = []
        self.failed: list[str] = []
        self.prepared: list[str] = []
        self.asked: list[tuple[Callable[[Sequence[Message]], None], Callable[[AmiError], None]]] = []
        self.taken: list[Taken] = []
        self.registry = Registry({"PJSIP/1001": AgentId("1001"), "PJSIP/1002": AgentId("1002")})
        self.caller = Caller(CallId("c1"), "PJSIP/trunk-1", "u1", "u1")
        self.registry.caller_entered(self.caller)
        self.redirects = Redirects(self, self.registry, lambda _, taken: self.taken.append(taken))

    def order(
        self, name: str, *headers: tuple[str, str], failed: Callable[[AmiError], None], at_once: bool = False
    ) -> None:
        if not self.linked:
            raise AmiDown("main is not connected")
        self.contexts.append(dict(headers)["Context"])
        if self.refusals:
            asyncio.get_running_loop().call_soon(failed, self.refusals.pop(0))

    def ask(
        self,
        name: str,
        *headers: tuple[str, str],
        answered: Callable[[Sequence[Message]], None],
        failed: Callable[[AmiError], None],
    ) -> None:
        if not self.linked:
            raise AmiDown("main is not connected")
        assert (name, dict(headers)["Channel"]) == ("Status", "PJSIP/trunk-1")
        self.asked.append((answered, failed))

    def move(self, context: str) -> None:
        self.redirects.move(
            self.caller, context, lambda: self.prepared.append(context), lambda: self.failed.append(context)
        )

    def ringing(self, *agents: str) -> World:
        """These agents' phones ring for the caller, as far as we know."""
        self.caller.ordered_all((AgentId(agent), OfferId(f"c1.{n}")) for n, agent in enumerate(agents, 1))
        return self

    def answer(self, bridge: str = "", **facts: str) -> None:
        """What the channel shows; by default an agent's phone that rings."""
        usual = {"ACD_VERB": "connect", "ACD_OFFERED": "c1.1", "ACD_OFFERED_TO": "1001", "DIALSTATUS": "CHANUNAVAIL"}
        shown = [("Variable", f"{name}={value}") for name, value in {**usual, **facts}.items()]
        answered, _ = self.asked.pop(0)
        answered([Message.of("Status", ("Channel", "PJSIP/trunk-1"), ("BridgeID", bridge), *shown)])


async def test_a_channel_that_is_not_free_yet_is_asked_again() -> None:
    world = World(NOT_UP, NOT_UP)
    world.move("acd-connect")
    await until(lambda: len(world.contexts) == 3, "the third attempt")
    assert (world.contexts, world.failed) == (["acd-connect"] * 3, [])


async def test_a_channel_that_is_never_free_has_failed() -> None:
    world = World(*[NOT_UP] * 20)
    world.move("acd-connect")
    await until(lambda: world.failed, "it is given up")
    assert len(world.contexts) == 1 + len(PAUSES_S)


@pytest.mark.parametrize(("refusal", "told"), [(GONE, 0), (HUNG_UP, 0), (AmiRefused("Redirect: Permission denied"), 1)])
async def test_any_other_refusal_is_final_and_told_unless_the_caller_is_gone(refusal: AmiRefused, told: int) -> None:
    world = World(refusal)
    with capture_logs() as lines:
        world.move("acd-connect")
        await until(lambda: world.failed, "it has failed")
    assert world.contexts == ["acd-connect"]
    assert [line["event"] for line in lines] == ["caller not moved"] * told


async def test_what_a_newer_order_has_overtaken_is_not_asked_again() -> None:
    world = World(NOT_UP)
    world.move("acd-connect")
    world.move("acd-hold")
    await until(lambda: world.failed, "the first is given up")
    assert (world.contexts, world.failed) == (["acd-connect", "acd-hold"], ["acd-connect"])


async def test_nothing_is_asked_for_a_caller_who_is_gone() -> None:
    world = World(NOT_UP)
    world.move("acd-connect")
    world.registry.caller_gone(world.caller)
    await until(lambda: world.failed, "it is given up")
    assert world.contexts == ["acd-connect"]


async def test_a_move_whose_answer_is_lost_with_the_link_is_left_to_the_next_picture() -> None:
    world = World(AmiDown("Redirect: connection lost"))
    with capture_logs() as lines:
        world.move("acd-connect")
        await until(lambda: not world.refusals, "the link is lost")
        await asyncio.sleep(PAUSES_S[0])
    assert (world.contexts, world.failed, lines) == (["acd-connect"], [], [])


async def test_without_a_link_it_has_failed_at_once() -> None:
    world = World()
    world.linked = False
    world.move("acd-hold")
    assert (world.contexts, world.failed) == ([], ["acd-hold"])


# -- a phone rings for the caller -----------------------------------------------------------------------------------


async def test_a_caller_for_whom_nothing_is_dialled_is_moved_at_once() -> None:
    world = World()
    world.move("acd-connect")
    assert (world.contexts, world.asked) == (["acd-connect"], [])


async def test_a_caller_for_whom_a_phone_rings_is_asked_for_first() -> None:
    world = World().ringing("1001")
    world.move("acd-hold")
    assert (world.contexts, world.prepared) == ([], []), "not even what the verb needs"
    world.answer()
    assert (world.contexts, world.prepared, world.taken) == (["acd-hold"], ["acd-hold"], [])
    world.move("acd-connect")
    assert (world.contexts, world.asked) == (["acd-hold", "acd-connect"], []), "nothing rings any more"


TALKS = {"bridge": "b1", "DIALSTATUS": "ANSWER", "DIALEDPEERNAME": "PJSIP/1001-0000000a"}
PICKED_UP = {**TALKS, "bridge": ""}


@pytest.mark.parametrize(
    ("shown", "taken"),
    [
        (TALKS, True),
        (PICKED_UP, True),  # the bridge comes in a moment
        ({**PICKED_UP, "ACD_CONFIRM": "10"}, False),  # a key is being asked for
        ({**TALKS, "ACD_CONFIRM": "10"}, True),
        ({"DIALSTATUS": "NOANSWER", "ACD_VERB": "hold"}, False),
        ({**TALKS, "ACD_OFFERED": "c1.0"}, False),  # the conversation before; this order has not been begun
        ({"ACD_VERB": "fallback"}, False),  # not yet home
    ],
    ids=str,
)
async def test_who_has_taken_the_call_keeps_it(shown: dict[str, str], taken: bool) -> None:
    world = World().ringing("1001")
    world.move("acd-hold")
    world.answer(**shown)
    assert world.contexts == ([] if taken else ["acd-hold"])
    assert world.taken == ([Taken(OfferId("c1.1"))] if taken else [])
    assert world.failed == []


async def test_who_talks_through_the_fallback_queue_is_left_there() -> None:
    """What came of the order to dial, and who took the call then, is on its way to us."""
    world = World().ringing("1001")
    world.move("acd-connect")
    world.answer(bridge="b1", ACD_VERB="fallback", DIALSTATUS="NOANSWER")
    assert (world.contexts, world.taken, world.failed) == ([], [], ["acd-connect"])


async def test_a_conversation_that_is_over_already_is_told_with_its_times() -> None:
    world = World().ringing("1001")
    world.move("acd-connect")
    times = {"ACD_DIALLED_MS": "1800000000123", "ACD_SERVED": "1800000005.500"}
    world.answer(ACD_VERB="after", DIALSTATUS="ANSWER", **times)
    assert world.taken == [Taken(OfferId("c1.1"), "1800000000.123", "1800000005.500")]
    assert world.contexts == []


async def test_of_several_phones_the_one_that_was_picked_up_is_told() -> None:
    world = World().ringing("1001", "1002")
    world.move("acd-hold")
    world.answer(**{**TALKS, "ACD_OFFERED_TO": "1001&1002", "DIALEDPEERNAME": "PJSIP/1002-0000000b"})
    assert world.taken == [Taken(OfferId("c1.2"))]


async def test_the_newest_move_is_made_and_what_else_was_ordered() -> None:
    world, noted = World().ringing("1001"), []
    world.move("acd-hold")
    world.redirects.behind(world.caller, "hold", lambda: noted.append("old"))
    world.redirects.behind(world.caller, "hold", lambda: noted.append("new"))
    world.move("acd-connect")
    assert (len(world.asked), noted, world.failed) == (1, [], ["acd-hold"])
    world.answer()
    assert (world.contexts, noted) == (["acd-connect"], ["new"])


async def test_the_bridge_that_is_heard_answers_as_well() -> None:
    world = World().ringing("1001")
    world.redirects.bridged(world.caller, OfferId("c1.1"))
    assert world.taken == [], "nobody has asked"
    world.move("acd-hold")
    world.redirects.bridged(world.caller, OfferId("c1.1"))
    assert world.taken == [Taken(OfferId("c1.1"))]
    world.answer(**TALKS)
    assert (len(world.taken), world.contexts) == (1, [])


async def test_a_caller_who_is_gone_meanwhile_is_not_moved() -> None:
    world = World().ringing("1001")
    world.move("acd-hold")
    world.registry.caller_gone(world.caller)
    world.answer()
    assert (world.contexts, world.failed) == ([], ["acd-hold"])


@pytest.mark.parametrize(
    ("error", "failed"), [(AmiDown("lost"), []), (AmiTimeout("late"), ["acd-hold"]), (GONE, ["acd-hold"])], ids=str
)
async def test_a_question_without_an_answer_moves_nobody(error: AmiError, failed: list[str]) -> None:
    """What is lost with the link, the next picture shows."""
    world = World().ringing("1001")
    world.move("acd-hold")
    _, unanswered = world.asked.pop(0)
    unanswered(error)
    assert (world.contexts, world.failed) == ([], failed)
    world.move("acd-bye")
    assert len(world.asked) == 1, "it is asked anew"


async def test_without_a_link_nobody_can_be_asked() -> None:
    world = World().ringing("1001")
    world.linked = False
    world.move("acd-hold")
    assert (world.contexts, world.failed) == ([], ["acd-hold"])
