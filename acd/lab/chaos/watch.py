"""Looks at the daemon all the while: is it in service, does a call wait beside a ready agent, is an agent held in vain.

What is no fault for a moment is one when it lasts: `Suspicions` has the patience.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from acd.lab.agents import SimulatedAgent
from acd.lab.chaos.service import Look
from acd.tasks import spawn
from acd.tasks import stop as stop_tasks

READY_EVERY_S: Final = 0.1
STATUS_EVERY_S: Final = 0.4
PATIENCE_S: Final = 1.0
BESIDE_LIMIT_S: Final = 2.0
"""Two looks and an offer on its way; what the daemon itself needs is milliseconds."""
HELD_LIMIT_S: Final = 15.0
"""A missed Hangup is found by the sweep; an agent's own ringing is over by then."""
BUSY_LIMIT_S: Final = 5.0
HARMLESS: Final = frozenset({"database"})
"""Reasons not to be ready for which no caller waits."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What lasted longer than it may: from `since` to `until` at least, in seconds since 1970."""

    what: str
    agent: str
    call_id: str
    since: float
    until: float


@dataclass
class Suspicions:
    """Things that may be so for `limit_s` only. `found` has each once."""

    limit_s: float
    found: list[Suspicion] = field(default_factory=list)
    _since: dict[tuple[str, str, str], float] = field(default_factory=dict)

    def see(self, things: Iterable[tuple[str, str, str]], at: float) -> None:
        """These (what, agent, call id) are so at `at`; what is not among them is so no longer."""
        self._since = {thing: self._since.get(thing, at) for thing in things}
        for thing, since in self._since.items():
            told = any((one.what, one.agent, one.call_id, one.since) == (*thing, since) for one in self.found)
            if at - since > self.limit_s and not told:
                self.found.append(Suspicion(*thing, since, at))

    def forget(self) -> None:
        """The daemon cannot be asked: begin anew."""
        self._since.clear()


class Watch:
    """`run` until cancelled. `looks` and `found` are what it saw, `status` the last status (empty: none yet).

    `mute`: whether the manager link swallows everything now; out of service, though the daemon cannot know it yet.
    """

    def __init__(self, url: str, token: str, agents: Mapping[str, SimulatedAgent], mute: Callable[[], bool]) -> None:
        self.looks: list[Look] = []
        self.status: dict[str, Any] = {}
        self._url = url
        self._token = token
        self._agents = agents
        self._mute = mute
        self._beside = Suspicions(BESIDE_LIMIT_S)
        self._held = Suspicions(HELD_LIMIT_S)
        self._busy = Suspicions(BUSY_LIMIT_S)

    @property
    def found(self) -> list[Suspicion]:
        """All that lasted too long."""
        return [*self._beside.found, *self._held.found, *self._busy.found]

    @property
    def up(self) -> bool:
        """Whether calls could be served at the last look."""
        return bool(self.looks) and self.looks[-1].up

    async def run(self) -> None:
        """For ever."""
        headers = {"Authorization": f"Bearer {self._token}"}
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            both = (
                spawn(self._look_at_readiness(session), "watch of readiness"),
                spawn(self._look_at_status(session), "watch of status"),
            )
            try:
                await asyncio.gather(*both)
            finally:
                await stop_tasks(*both)

    async def _look_at_readiness(self, session: aiohttp.ClientSession) -> None:
        while True:
            at = time.time()
            status, body = await self._get(session, "/readyz")
            reasons = body.get("reasons", {}) if status == 503 else {}
            up = status == 200 or (bool(reasons) and reasons.keys() <= HARMLESS)
            why = "the link is mute" if self._mute() else str(reasons or status or "no answer")
            up = up and not self._mute()
            self.looks.append(Look(at, up, "" if up else why))
            await asyncio.sleep(READY_EVERY_S)

    async def _look_at_status(self, session: aiohttp.ClientSession) -> None:
        while True:
            await asyncio.sleep(STATUS_EVERY_S)
            code, status = await self._get(session, "/api/v1/status")
            if code != 200 or not self.up:
                for suspicions in (self._beside, self._held, self._busy):
                    suspicions.forget()
                continue
            self.status = status
            at = time.time()
            self._held.see(self._held_by_nothing(status["agents"]), at)
            self._busy.see(self._thought_free(status["agents"]), at)
            self._beside.see(await self._idle_beside_waiting(session, status), at)

    def _held_by_nothing(self, agents: list[dict[str, Any]]) -> Iterable[tuple[str, str, str]]:
        """Taken for busy, and the telephone lies on its hook; taken for unreachable, and it is registered."""
        for agent in agents:
            phone = self._agents[agent["id"]].phone
            if agent["state"] in ("offered", "talking", "busy") and not phone.calls:
                yield f"held as {agent['state']} by nothing", agent["id"], agent["call_id"] or ""
            if agent["state"] == "unreachable" and phone.registered and not phone.silent:
                yield "held as unreachable though registered", agent["id"], ""

    def _thought_free(self, agents: list[dict[str, Any]]) -> Iterable[tuple[str, str, str]]:
        for agent in agents:
            if agent["state"] == "ready" and self._agents[agent["id"]].phone.calls:
                yield "taken for ready while on the telephone", agent["id"], ""

    async def _idle_beside_waiting(
        self, session: aiohttp.ClientSession, status: dict[str, Any]
    ) -> list[tuple[str, str, str]]:
        """Pairs of a ready agent and a waiting call between whom, so the daemon says, nothing stands."""
        if not any(queue["waiting"] for queue in status["queues"]):
            return []
        pairs = []
        for agent in status["agents"]:
            if agent["state"] != "ready":
                continue
            code, why = await self._get(session, f"/api/v1/agents/{agent['id']}/why")
            calls = why["calls"] if code == 200 else []
            clear = [call["call_id"] for call in calls if call["obstacle"] == "none"]
            pairs += [("a call waits beside a ready agent", agent["id"], call_id) for call_id in clear]
        return pairs

    async def _get(self, session: aiohttp.ClientSession, path: str) -> tuple[int, dict[str, Any]]:
        """Status and body; 0 and nothing when there is no answer."""
        try:
            async with session.get(self._url + path) as answer:
                body = await answer.json(content_type=None)
                return answer.status, body if isinstance(body, dict) else {}
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return 0, {}
