"""The agents as members of Asterisk's own fallback queue: who is logged in is one, who is paused is paused there.

Asterisk is asked what it has, and told what differs, so many actions at a time: after a restart of the daemon mostly
nothing, after one of Asterisk's everything, or, where it keeps its members (`persistentmembers`), again nothing. A
member that is no agent's phone is of an agent who is no longer configured, and goes; the static ones of `queues.conf`
stay.

What was on its way when the link was lost, or was not answered in time, may have been done or not: until Asterisk is
asked what it has, at the next link or sweep, the agent counts as not mirrored.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable

import structlog

from acd.ami.client import AmiClient
from acd.ami.messages import Response
from acd.errors import AmiError, AmiRefused
from acd.queues.commands import MirrorAgent
from acd.queues.model import AgentId

log = structlog.get_logger(__name__)

AT_ONCE = 20  # actions on the wire; each makes Asterisk write its members anew, and tell every manager
ALREADY = "already there"
NOT_THERE = ("not there", "interface not found")


class Mirror:
    """The members of one Asterisk's fallback queue. `on_mirrored` is told of each agent who is there as they stand."""

    def __init__(self, client: AmiClient, queue: str, on_mirrored: Callable[[AgentId], object]) -> None:
        self._client = client
        self._queue = queue
        self._on_mirrored = on_mirrored
        self._wanted: dict[str, tuple[AgentId, bool | None]] = {}  # endpoint -> agent, paused (None: no member)
        self._there: dict[str, bool] | None = None  # interface -> paused, as Asterisk said last; None: never yet
        self._heard = False  # ... and on this link
        self._due: OrderedDict[str, None] = OrderedDict()  # endpoints to be looked at
        self._on_the_wire: set[str] = set()
        self._doubted: set[str] = set()  # of these the last action may have been done or not
        self._news = asyncio.Event()
        self._told_of = ""

    @property
    def in_doubt(self) -> bool:
        """Whether Asterisk is to be asked again what it has."""
        return not self._heard or bool(self._doubted)

    def has(self, endpoint: str) -> bool:
        """Whether Asterisk is known to have the agent with this phone as the agent stands, by what it said last."""
        if self._there is None or endpoint in self._on_the_wire or endpoint in self._doubted:
            return False
        wanted = self._wanted.get(endpoint)
        return self._there.get(endpoint) == (None if wanted is None else wanted[1])

    async def until_has(self, endpoint: str) -> None:
        """Returns when it has, or when there is no link to tell it by."""
        while self._heard and not self.has(endpoint):
            await self._news.wait()

    def want(self, command: MirrorAgent) -> None:
        """Have the agent's phone be a member, or not; told to Asterisk as soon as it is known what it has."""
        self._wanted[command.endpoint] = (command.agent_id, command.paused if command.member else None)
        self._due[command.endpoint] = None
        self._tell()

    async def read(self, endpoints: dict[str, AgentId]) -> None:
        """Learn what Asterisk has, at the beginning of a link. `endpoints`: all phones that are agents'. AmiError."""
        self.lost()
        before = {endpoint for endpoint in self._wanted if self.has(endpoint)}
        try:
            items = await self._client.collect("QueueStatus", ("Queue", self._queue))
        except AmiRefused as error:
            log.warning("members of the fallback queue not known", error=str(error))
            items = []
        members = [item for item in items if item.name == "QueueMember" and item.get("Queue") == self._queue]
        self._there = {item.get("Location", ""): item.get("Paused") != "0" for item in members}
        self._heard = True
        self._doubted.clear()
        strays = [
            item.get("Location", "")
            for item in members
            if item.get("Membership") == "dynamic" and item.get("Location", "") not in endpoints
        ]
        if strays:
            log.info("members of the fallback queue who are no agents any more", members=strays[:10], count=len(strays))
        self._wanted |= {stray: (AgentId(""), None) for stray in strays}
        self._due.update(dict.fromkeys(self._wanted))
        self._announce(endpoint for endpoint in self._wanted if endpoint not in before)
        self._tell()

    def lost(self) -> None:
        """The link is gone: what Asterisk has is to be asked anew."""
        self._heard = False
        self._doubted |= self._on_the_wire
        self._on_the_wire.clear()
        self._announce(())

    def _announce(self, endpoints: Iterable[str]) -> None:
        """Wake who waits; tell of those of these who are there as they stand."""
        for endpoint in endpoints:
            if self.has(endpoint):
                self._on_mirrored(self._wanted[endpoint][0])
        self._news.set()
        self._news = asyncio.Event()

    def _tell(self) -> None:
        """One action for each member that differs; one after the other for the same one."""
        if self._there is None or not self._heard:
            return
        for endpoint in [one for one in self._due if one not in self._on_the_wire]:
            if len(self._on_the_wire) >= AT_ONCE:
                return
            del self._due[endpoint]
            self._settle(endpoint, self._there)

    def _settle(self, endpoint: str, there: dict[str, bool]) -> None:
        agent_id, paused = self._wanted[endpoint]
        has = there.get(endpoint)
        if has == paused and endpoint not in self._doubted:
            return
        where = (("Queue", self._queue), ("Interface", endpoint))
        flag = ("Paused", "1" if paused else "0")
        if paused is None:
            self._send("QueueRemove", endpoint, where, None)
        elif has is None:
            self._send("QueueAdd", endpoint, (*where, ("MemberName", agent_id), flag), paused)
        else:
            self._send("QueuePause", endpoint, (*where, flag), paused)

    def _send(self, action: str, endpoint: str, headers: tuple[tuple[str, str], ...], leads_to: bool | None) -> None:
        try:
            answer = self._client.send(action, *headers)
        except AmiError as error:
            self._doubted.add(endpoint)  # asked anew when the link is back, or at the next sweep
            self._failed(action, error)
            return
        self._on_the_wire.add(endpoint)
        generation = self._client.generation
        answer.add_done_callback(lambda done: self._answered(action, endpoint, leads_to, done, generation))

    def _answered(
        self, action: str, endpoint: str, leads_to: bool | None, answer: asyncio.Future[Response], generation: int
    ) -> None:
        error = None if answer.cancelled() else answer.exception()
        if endpoint not in self._on_the_wire or generation != self._client.generation or answer.cancelled():
            return  # of a link that is gone
        self._on_the_wire.discard(endpoint)
        self._doubted.discard(endpoint)
        if error is None:
            self._has(endpoint, leads_to)
        elif isinstance(error, AmiRefused) and ALREADY in str(error).lower():
            self._has(endpoint, not leads_to)  # paused or not, nobody knows: told next
            self._due[endpoint] = None
        elif isinstance(error, AmiRefused) and any(words in str(error).lower() for words in NOT_THERE):
            self._has(endpoint, None)
            self._due[endpoint] = None
        else:
            if not isinstance(error, AmiRefused):  # done or not: told once more, which does no harm
                self._doubted.add(endpoint)
                self._due[endpoint] = None
            self._failed(action, error)
        self._tell()
        self._announce((endpoint,))

    def _has(self, endpoint: str, paused: bool | None) -> None:
        assert self._there is not None
        if paused is None:
            self._there.pop(endpoint, None)
        else:
            self._there[endpoint] = paused

    def _failed(self, action: str, error: BaseException) -> None:
        """Once for each reason: what is wrong with one is wrong with all."""
        if str(error) != self._told_of:
            self._told_of = str(error)
            log.warning("fallback queue not kept in step", action=action, error=str(error))
