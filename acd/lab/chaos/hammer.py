"""API clients who give orders as fast as they are answered, and put everything back afterwards.

An order that was answered with 200 has been given: the daemon may be killed in the next moment and must still know it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from acd.lab import shop
from acd.tasks import spawn
from acd.tasks import stop as stop_tasks

PATIENCE_S = 5.0
RESTORE_WITHIN_S = 40.0
RESTORE_PAUSE_S = 0.3
PAUSE_S = 0.02  # a client thinks, too; without it a hammer's clients are all that the daemon does
FINE = frozenset({200, 400, 404, 409, 422, 429, 503})
"""What may be answered to an order that may come too late, twice, or while something is away."""


@dataclass(frozen=True, slots=True)
class Order:
    """One order to an agent as it was answered; `status` 0: no answer. Moments in seconds since 1970.

    `mirrored`: so the answer said, Asterisk's own queue knows of it.
    """

    agent: str
    what: str
    at: float
    answered_at: float
    status: int
    mirrored: bool = True


@dataclass
class Hammer:
    """Clients of the API at `url` with a supervisor's `token`. `orders` are those to agents, in order of time."""

    url: str
    token: str
    orders: list[Order] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)
    _session: aiohttp.ClientSession | None = None

    async def strike(self, clients: int, for_s: float, chance: int) -> str:
        """So many clients hammer for so long; then every agent is told to be ready."""
        before = self.answers.total()
        async with self._open():
            tasks = [spawn(self._client(random.Random(f"{chance}/{number}")), "hammer") for number in range(clients)]
            await asyncio.sleep(for_s)
            await stop_tasks(*tasks)
            await self._restore()
        return f"{self.answers.total() - before} answers"

    async def take_break(self, for_s: float, chance: int) -> str:
        """An agent is paused by order for so long, if the order is answered; whose it is, and how it was answered."""
        agent = random.Random(chance).choice(shop.STAFF).id
        async with self._open():
            status = await self._order(agent, "pause", {"reason": "break"})
            await asyncio.sleep(for_s)
            await self._restored(agent)
        return f"{agent}, answered {status}"

    @contextlib.asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session:
            self._session = session
            yield

    async def _restore(self) -> None:
        """Everybody logged in and ready again, by order; what was not answered is asked again for a while."""
        await asyncio.gather(*(self._restored(person.id) for person in shop.STAFF))

    async def _restored(self, agent: str) -> None:
        until = time.monotonic() + RESTORE_WITHIN_S
        for what in ("login", "ready"):
            while await self._order(agent, what) != 200 and time.monotonic() < until:  # noqa: ASYNC110 - it asks
                await asyncio.sleep(RESTORE_PAUSE_S)

    async def _client(self, rng: random.Random) -> None:
        while True:
            await self._one(rng)
            await asyncio.sleep(PAUSE_S)

    async def _one(self, rng: random.Random) -> None:
        agent = rng.choice(shop.STAFF).id
        dice = rng.random()
        if dice < 0.30:
            what = rng.choices(("pause", "ready", "login", "logout"), (4, 5, 3, 1))[0]
            await self._order(agent, what, {"reason": "chaos"} if what == "pause" else None)
        elif dice < 0.55:
            paths = ("status", "agents", "calls?limit=50", f"agents/{agent}/why", "calls?state=live", "queues")
            await self._ask("GET", f"/api/v1/{rng.choice(paths)}")
        else:
            await self._about_a_call(rng, agent)

    async def _about_a_call(self, rng: random.Random, agent: str) -> None:
        _, page = await self._ask("GET", "/api/v1/calls?state=live&limit=50")
        live = [call["id"] for call in page["items"]] if isinstance(page, dict) and "items" in page else []
        if not live:
            return
        orders: tuple[tuple[str, str, Any], ...] = (
            ("GET", "why", None),
            ("GET", "", None),
            ("POST", "priority", {"priority": rng.randint(-5, 20)}),
            ("POST", "move", {"queue": rng.choice(tuple(shop.QUEUES))}),
            ("POST", "pull", {"agent": agent}),
            ("POST", "disposition", {"code": "chaos", "note": "тест"}),
        )
        method, verb, body = rng.choice(orders)
        await self._ask(method, f"/api/v1/calls/{rng.choice(live)}/{verb}".rstrip("/"), body)

    async def _order(self, agent: str, what: str, body: Any = None) -> int:
        at = time.time()
        status, answer = 0, None
        try:
            status, answer = await self._ask("POST", f"/api/v1/agents/{agent}/{what}", body)
        finally:  # a client who goes away in the middle has given it, perhaps
            mirrored = isinstance(answer, dict) and answer.get("mirrored") is True
            self.orders.append(Order(agent, what, at, time.time(), status, mirrored))
        return status

    async def _ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and body; status 0 when there was no answer."""
        assert self._session is not None
        try:
            async with self._session.request(method, self.url + path, json=body) as answer:
                self.answers[answer.status] += 1
                content = await answer.json(content_type=None)
                if answer.status not in FINE:
                    self.odd.append(f"{method} {path} answered {answer.status}: {content}")
                return answer.status, content
        except (aiohttp.ClientError, TimeoutError, ValueError):
            self.answers[0] += 1
            return 0, None
