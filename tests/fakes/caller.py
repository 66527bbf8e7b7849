"""A caller without a telephone: a Local channel whose far half waits, presses keys and hangs up when told."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass

from acd.ami.redirects import NOT_FREE_YET, PAUSES_S
from tests.fakes.rawami import Message, RawAmi

FINGER_S = 0.06
_numbers = itertools.count(79_000_000_001)


async def beat(ami: RawAmi, ahead_s: int = 0) -> None:
    """The daemon's heartbeat, once: good for 8 s, and `ahead_s` more."""
    await ami.action("Setvar", Variable="ACD_HEARTBEAT", Value=str(int(time.time()) + ahead_s))


async def go_stale(ami: RawAmi) -> None:
    """The daemon has been gone for a minute."""
    await beat(ami, -60)


@dataclass(frozen=True)
class Caller:
    """One call inside the dialplan: `channel` is what the daemon would steer, `call` its ACD_CALL."""

    ami: RawAmi
    number: str
    channel: str
    call: str

    async def order(self, context: str, **variables: str) -> int:
        """Setvar, then Redirect, as the daemon does; returns the mark behind which to hear the outcome."""
        mark = len(self.ami.events)
        if variables:
            names, values = ",".join(variables), ",".join(variables.values())
            answer = await self.ami.action("Setvar", Channel=self.channel, Variable=f"ARRAY({names})", Value=values)
            assert answer["Response"] == "Success", answer
        for pause_s in (*PAUSES_S, 0):
            answer = await self._redirect(context)
            if NOT_FREE_YET not in answer.get("Message", ""):
                break
            await asyncio.sleep(pause_s)  # it is still on its way out of what the order before ended
        assert answer["Response"] == "Success", answer
        return mark

    async def _redirect(self, context: str) -> Message:
        return await self.ami.action("Redirect", Channel=self.channel, Context=context, Exten="s", Priority="1")

    async def hears(self, name: str, after: int, timeout_s: float = 10.0, **headers: str) -> Message:
        """The next UserEvent of this call."""
        return await self.ami.event(name, timeout_s, after=after, Call=self.call, **headers)

    async def press(self, digit: str) -> None:
        """One key, and the moment a finger needs for the next."""
        await self.ami.action("PlayDTMF", Channel=self._far_half, Digit=digit)
        await asyncio.sleep(FINGER_S)

    async def hang_up(self) -> None:
        """The caller has had enough."""
        await self.ami.action("Hangup", Channel=self._far_half, Cause="16")

    async def is_gone(self, after: int, timeout_s: float = 10.0) -> Message:
        """The Hangup event of the caller's channel."""
        return await self.ami.event("Hangup", timeout_s, after=after, Channel=self.channel)

    async def variable(self, name: str) -> str:
        """A channel variable as it is now."""
        return (await self.ami.action("Getvar", Channel=self.channel, Variable=name)).get("Value", "")

    @property
    def _far_half(self) -> str:
        return self.channel.removesuffix(";2") + ";1"


async def enter(ami: RawAmi, did: str = "74951234567", name: str = "", first: str = "AcdHold") -> Caller:
    """Call `did`; returns once the dialplan has said `first` about the call."""
    number, mark = str(next(_numbers)), len(ami.events)
    ours = f"{number}.2"
    answer = await ami.action(
        "Originate",
        Channel=f"Local/{did}@acd-inbound/n",
        ChannelId=f"{number}.1",
        OtherChannelId=ours,
        Application="Wait",
        Data="120",
        CallerID=f'"{name}" <{number}>',
        Async="true",
    )
    assert answer["Response"] == "Success", answer
    event = await ami.event(first, after=mark, Uniqueid=ours)
    return Caller(ami, number, event["Channel"], event["Call"])
