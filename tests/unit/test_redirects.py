"""Moves that Asterisk refuses because the one before is still under way are asked again; others are not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from acd.ami.redirects import PAUSES_S, Redirects
from acd.ami.registry import Caller, Registry
from acd.errors import AmiDown, AmiError, AmiRefused
from acd.queues.model import CallId
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
        self.registry = Registry({})
        self.caller = Caller(CallId("c1"), "PJSIP/trunk-1", "u1", "u1")
        self.registry.caller_entered(self.caller)
        self._redirects = Redirects(self, self.registry)

    def order(
        self, name: str, *headers: tuple[str, str], failed: Callable[[AmiError], None], at_once: bool = False
    ) -> None:
        if not self.linked:
            raise AmiDown("main is not connected")
        self.contexts.append(dict(headers)["Context"])
        if self.refusals:
            asyncio.get_running_loop().call_soon(failed, self.refusals.pop(0))

    def move(self, context: str) -> None:
        self._redirects.move(self.caller, context, lambda: self.failed.append(context))


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
