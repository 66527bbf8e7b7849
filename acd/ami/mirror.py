"""The agents as members of Asterisk's own fallback queue: who is logged in is one, who is paused is paused there.

Asterisk is asked what it has, and told what differs, so many actions at a time: after a restart of the daemon mostly
nothing, after one of Asterisk's everything, or, where it keeps its members (`persistentmembers`), again nothing. A
member that is no agent's phone is of an agent who is no longer configured, and goes; the static ones of `queues.conf`
stay.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

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
    """The members of one Asterisk's fallback queue."""

    def __init__(self, client: AmiClient, queue: str) -> None:
        self._client = client
        self._queue = queue
        self._wanted: dict[str, tuple[AgentId, bool | None]] = {}  # endpoint -> agent, paused (None: no member)
        self._there: dict[str, bool] | None = None  # interface -> paused; None: not known
        self._due: OrderedDict[str, None] = OrderedDict()  # endpoints to be looked at
        self._on_the_wire: set[str] = set()
        self._told_of = ""

    def want(self, command: MirrorAgent) -> None:
        """Have the agent's phone be a member, or not; told to Asterisk as soon as it is known what it has."""
        self._wanted[command.endpoint] = (command.agent_id, command.paused if command.member else None)
        self._due[command.endpoint] = None
        self._tell()

    async def read(self, endpoints: dict[str, AgentId]) -> None:
        """Learn what Asterisk has, at the beginning of a link. `endpoints`: all phones that are agents'. AmiError."""
        self.lost()
        try:
            items = await self._client.collect("QueueStatus", ("Queue", self._queue))
        except AmiRefused as error:
            log.warning("members of the fallback queue not known", error=str(error))
            items = []
        members = [item for item in items if item.name == "QueueMember" and item.get("Queue") == self._queue]
        self._there = {item.get("Location", ""): item.get("Paused") != "0" for item in members}
        strays = [
            item.get("Location", "")
            for item in members
            if item.get("Membership") == "dynamic" and item.get("Location", "") not in endpoints
        ]
        if strays:
            log.info("members of the fallback queue who are no agents any more", members=strays[:10], count=len(strays))
        self._wanted |= {stray: (AgentId(""), None) for stray in strays}
        self._due.update(dict.fromkeys(self._wanted))
        self._tell()

    def lost(self) -> None:
        """The link is gone: what Asterisk has is to be asked anew."""
        self._there = None
        self._on_the_wire.clear()

    def _tell(self) -> None:
        """One action for each member that differs; one after the other for the same one."""
        if self._there is None:
            return
        for endpoint in [one for one in self._due if one not in self._on_the_wire]:
            if len(self._on_the_wire) >= AT_ONCE:
                return
            del self._due[endpoint]
            self._settle(endpoint, self._there)

    def _settle(self, endpoint: str, there: dict[str, bool]) -> None:
        agent_id, paused = self._wanted[endpoint]
        has = there.get(endpoint)
        if has == paused:
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
            self._failed(action, error)  # all is asked anew when the link is back
            return
        self._on_the_wire.add(endpoint)
        generation = self._client.generation
        answer.add_done_callback(lambda done: self._answered(action, endpoint, leads_to, done, generation))

    def _answered(
        self, action: str, endpoint: str, leads_to: bool | None, answer: asyncio.Future[Response], generation: int
    ) -> None:
        error = None if answer.cancelled() else answer.exception()
        if self._there is None or generation != self._client.generation or answer.cancelled():
            return  # of a link that is gone
        self._on_the_wire.discard(endpoint)
        if error is None:
            self._has(endpoint, leads_to)
        elif isinstance(error, AmiRefused) and ALREADY in str(error).lower():
            self._has(endpoint, not leads_to)  # paused or not, nobody knows: told next
            self._due[endpoint] = None
        elif isinstance(error, AmiRefused) and any(words in str(error).lower() for words in NOT_THERE):
            self._has(endpoint, None)
            self._due[endpoint] = None
        else:
            self._failed(action, error)
        self._tell()

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
