"""A test's telephones on one Asterisk: agents' sets that register, and a trunk to call from; all off at its end."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable

from acd.lab.asterisk import LabAsterisk
from acd.lab.call import Call
from acd.lab.incoming import IncomingCall
from acd.lab.outgoing import OutgoingCall
from acd.lab.phone import Phone
from acd.lab.sip import SipError
from tests.e2e.desk import PATIENCE_S, Desk

_numbers = itertools.count(1)
GOODBYE_S = 3.0


def new_number() -> str:
    """A caller's number nobody has called from before."""
    return f"+7916{next(_numbers):07d}"


class Phones:
    """The fixture `phones`."""

    def __init__(self, asterisk: LabAsterisk, desk: Desk) -> None:
        self.desk = desk
        self._asterisk = asterisk
        self._trunk: Phone | None = None
        self._town: Phone | None = None
        self._all: list[Phone] = []

    async def agent(self, agent_id: str, *, state: str = "ready", **options: object) -> Phone:
        """Register the agent's phone and wait until the hotline takes the agent to be in `state` ("": do not)."""
        phone = self.unregistered(agent_id, **options)
        await phone.start()
        await phone.register()
        if state:
            await self.desk.until_agent(agent_id, state)
        return phone

    async def staff(self, agent_ids: tuple[str, ...]) -> tuple[Phone, ...]:
        """Agents one after the other, so that the first is the longest idle."""
        return tuple([await self.agent(agent_id) for agent_id in agent_ids])

    def unregistered(self, agent_id: str, **options: object) -> Phone:
        """An agent's phone that is still in its box."""
        password = next(agent.password for agent in self._asterisk.agents if agent.id == agent_id)
        server = (self._asterisk.sip_host, self._asterisk.sip_port)
        phone = Phone(user=agent_id, password=password, server=server, voice="agent", **options)  # type: ignore[arg-type]
        self._all.append(phone)
        return phone

    async def trunk(self, **options: object) -> Phone:
        """The line from the town, opened with these options when it is first asked for."""
        if self._trunk is None:
            server = (self._asterisk.sip_host, self._asterisk.sip_port)
            trunk = {"user": "trunk", "server": server, "local_host": self._asterisk.trunk_host, **options}
            self._trunk = Phone(**trunk)  # type: ignore[arg-type]
            await self._trunk.start()
            self._all.append(self._trunk)
        return self._trunk

    async def town(self) -> Phone:
        """Where calls to the town arrive, whatever the number."""
        if self._town is None:
            server = (self._asterisk.sip_host, self._asterisk.sip_port)
            here = (self._asterisk.trunk_host, self._asterisk.trunk_port)
            self._town = Phone(user="town", server=server, local_host=here[0], local_port=here[1])
            await self._town.start()
            self._all.append(self._town)
        return self._town

    async def call(self, did: str, number: str | None = None, **options: object) -> OutgoingCall:
        """Call from the town and wait until the hotline has picked up. The caller's number is `call.number`."""
        trunk = await self.trunk()
        call = await trunk.call(did, number=number or new_number(), **options)  # type: ignore[arg-type]
        await call.wait_answered(PATIENCE_S)
        return call

    async def pick_up(self, phone: Phone, within_s: float = PATIENCE_S) -> IncomingCall:
        """Answer the call that comes to this agent's phone, and wait until the hotline knows of the conversation."""
        call = await ringing(phone, within_s)
        await call.answer()
        await self.desk.until_agent(phone.user, "talking")
        return call

    async def close(self) -> None:
        """Everybody hangs up; phones are unregistered and switched off."""
        await asyncio.gather(*(_goodbye(phone) for phone in self._all))


async def _goodbye(phone: Phone) -> None:
    phone.on_incoming = None
    phone.silent = False
    with contextlib.suppress(SipError, TimeoutError):
        async with asyncio.timeout(GOODBYE_S):
            await asyncio.gather(*(_hang_up(call) for call in list(phone.calls.values())))
            if phone.registered:
                await phone.unregister()
    await phone.stop()


async def _hang_up(call: Call) -> None:
    with contextlib.suppress(SipError):
        await call.hang_up()


async def ringing(phone: Phone, within_s: float = PATIENCE_S) -> IncomingCall:
    """The call that comes to this phone; it rings."""
    call = await phone.incoming(timeout_s=within_s)
    await call.ring()
    return call


def number_of(call: OutgoingCall) -> str:
    """The number this caller calls from, as the record has it."""
    return call.dialog.local.partition("sip:")[2].partition("@")[0]


class Robot:
    """A phone that treats all calls alike and notes how many came, and how many it had at one time."""

    def __init__(self, phone: Phone, treat: Callable[[IncomingCall], Awaitable[None]]) -> None:
        self.invites = 0
        self.most_at_once = 0
        self._phone = phone
        self._treat = treat
        phone.on_incoming = self._take

    async def _take(self, call: IncomingCall) -> None:
        self.invites += 1
        self.most_at_once = max(self.most_at_once, len(self._phone.calls))
        await self._treat(call)
