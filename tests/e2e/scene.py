"""The scene that every interruption is tried on: one caller talks, one agent's phone rings, one caller waits."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from acd.lab.call import CallState
from acd.lab.incoming import IncomingCall
from acd.lab.outgoing import OutgoingCall
from acd.lab.phone import Phone
from tests.e2e.desk import Desk, Record, moment
from tests.e2e.floor import Floor, Line
from tests.e2e.phones import Phones, number_of, ringing


@dataclass(frozen=True)
class Lines:
    """A line for each of the three; nobody is there for the one who waits, at first."""

    talk: Line
    ring: Line
    wait: Line


def three_lines(floor: Floor, name: str, agents: tuple[str, str, str]) -> Lines:
    """Lines of a scene of their own."""
    talks, rings, comes_late = agents
    return Lines(
        floor.line(f"{name}_talk", (talks,), survey="nps"),
        floor.line(f"{name}_ring", (rings,), ring_timeout_s=60),
        floor.line(f"{name}_wait", (comes_late,)),
    )


@dataclass(frozen=True)
class Scene:
    """Three callers, two agents' phones and what is on them; the calls' records as they were at the start."""

    talking: OutgoingCall
    talk: IncomingCall
    rung: OutgoingCall
    ring: IncomingCall
    waiting: OutgoingCall
    talks: Phone
    rings: Phone
    before: dict[str, Record]

    @property
    def callers(self) -> tuple[OutgoingCall, ...]:
        return self.talking, self.rung, self.waiting

    def assert_nobody_was_cut_off(self) -> None:
        """All three callers are still connected to Asterisk, and the conversation has both its ends."""
        assert [call.state for call in self.callers] == [CallState.TALKING] * 3
        assert self.talk.state is CallState.TALKING

    async def assert_they_hear_each_other(self) -> None:
        """Sound goes on, from now on, in both directions."""
        for call, voice in ((self.talking, "agent"), (self.talk, "caller")):
            heard = call.media.voices[voice]
            assert await call.media.wait_until(lambda: call.media.voices[voice] > heard, 3)  # noqa: B023

    async def same(self, desk: Desk, call: OutgoingCall) -> Record:
        """The call's record now: the same call still, entered when it did.

        To 50 ms: a call that the killed daemon had no time to write down is read back from Asterisk, by its clock.
        """
        record = await desk.until_call(number_of(call), lambda _: True)
        before = self.before[number_of(call)]
        assert (record["id"], record["queue"]) == (before["id"], before["queue"])
        for when in ("entered_at", "queued_at"):
            assert moment(record[when]) == pytest.approx(moment(before[when]), abs=0.05)
        return record


async def play(lines: Lines, phones: Phones, desk: Desk) -> Scene:
    """Set it up."""
    (talks,) = await phones.staff(lines.talk.agents)
    (rings,) = await phones.staff(lines.ring.agents)
    talking = await phones.call(lines.talk.did)
    talk = await phones.pick_up(talks)
    rung = await phones.call(lines.ring.did)
    ring = await ringing(rings)
    await desk.until_agent(rings.user, "offered")
    waiting = await phones.call(lines.wait.did)
    await desk.until_waiting(number_of(waiting))
    before: dict[str, Record] = {}
    for call in (talking, rung, waiting):
        record = await desk.call(number_of(call))
        assert record is not None
        before[number_of(call)] = record
    return Scene(talking, talk, rung, ring, waiting, talks, rings, before)
