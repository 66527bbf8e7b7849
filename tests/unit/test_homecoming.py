"""Callers in the fallback queue are asked home: all of them, by name, and no member is disturbed."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from acd.ami.homecoming import AT_ONCE, Homecoming
from acd.ami.messages import Message, Response
from acd.errors import AmiError, AmiRefused, AmiTimeout

QUEUE = "acd-fallback"


class Asterisk:
    """A queue with callers in it. `at_once` is how many withdrawals were unanswered at most."""

    def __init__(self, *callers: str) -> None:
        self.callers = list(callers)
        self.withdrawn: list[str] = []
        self.refusals: dict[str, AmiError] = {}
        self.looks = 0

    async def collect(self, name: str, *headers: tuple[str, str]) -> list[Message]:
        assert (name, dict(headers)) == ("QueueStatus", {"Queue": QUEUE, "Member": "-"})
        self.looks += 1
        if name in self.refusals:
            raise self.refusals[name]
        entries = [Message.of("QueueEntry", ("Queue", QUEUE), ("Channel", caller)) for caller in self.callers]
        return [Message.of("QueueParams", ("Queue", QUEUE)), *entries]

    async def action(self, name: str, *headers: tuple[str, str]) -> Response:
        given = dict(headers)
        assert (name, given["Queue"]) == ("QueueWithdrawCaller", QUEUE)
        self.withdrawn.append(given["Caller"])
        if given["Caller"] in self.refusals:
            raise self.refusals[given["Caller"]]
        return Response(b"Response: Success")


async def test_everybody_who_is_there_is_asked_home() -> None:
    callers = [f"PJSIP/trunk-{n:08x}" for n in range(2 * AT_ONCE + 1)]
    asterisk = Asterisk(*callers)
    await Homecoming(asterisk, QUEUE).begin()
    assert asterisk.withdrawn == callers


async def test_with_a_heartbeat_only_after_somebody_has_fallen_back() -> None:
    asterisk = Asterisk("PJSIP/trunk-1")
    homecoming = Homecoming(asterisk, QUEUE)
    await homecoming.after_a_heartbeat()
    assert asterisk.looks == 0
    homecoming.fell()
    await homecoming.after_a_heartbeat()
    await homecoming.after_a_heartbeat()
    assert (asterisk.looks, asterisk.withdrawn) == (1, ["PJSIP/trunk-1"])


@pytest.mark.parametrize("words", ["No such caller", "Already requested"])
async def test_who_is_on_the_way_already_is_no_trouble(words: str) -> None:
    asterisk = Asterisk("gone", "here")
    asterisk.refusals["gone"] = AmiRefused(f"QueueWithdrawCaller: Unable to request withdraw from queue: {words}")
    with capture_logs() as logs:
        await Homecoming(asterisk, QUEUE).begin()
    assert asterisk.withdrawn == ["gone", "here"]
    assert not [line for line in logs if line["log_level"] == "warning"]


async def test_an_asterisk_that_does_not_let_us_is_told_of_once_and_the_laps_bring_them_home() -> None:
    asterisk = Asterisk("one", "two")
    asterisk.refusals |= dict.fromkeys(asterisk.callers, AmiRefused("QueueWithdrawCaller: Permission denied"))
    homecoming = Homecoming(asterisk, QUEUE)
    with capture_logs() as logs:
        await homecoming.begin()
        asterisk.refusals["QueueStatus"] = AmiRefused("QueueWithdrawCaller: Permission denied")
        await homecoming.begin()
    assert len([line for line in logs if line["log_level"] == "warning"]) == 1


async def test_a_link_that_fails_over_it_is_no_link() -> None:
    asterisk = Asterisk("one")
    asterisk.refusals["one"] = AmiTimeout("QueueWithdrawCaller: no answer within 5 s")
    with pytest.raises(AmiTimeout):
        await Homecoming(asterisk, QUEUE).begin()
