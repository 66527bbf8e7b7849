"""The API on a loopback port over the fake shop, and a client for it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy

from acd.api.metrics import Reading
from acd.api.server import ApiServer
from acd.api.settings import ApiSettings, Role, Token
from acd.feed import LiveFeed
from acd.queues.model import AgentId
from tests.fakes.board import FakeBoard, FakeFloor, FakeReloads, FakeStore

SECRETS = {"agent": "a-secret-of-an-agent", "supervisor": "a-secret-of-a-supervisor", "admin": "a-secret-of-an-admin"}


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


SETTINGS = ApiSettings(
    host="127.0.0.1",
    port=0,
    tokens=(
        Token("anna", Role.AGENT, digest(SECRETS["agent"]), AgentId("1001")),
        Token("wallboard", Role.SUPERVISOR, digest(SECRETS["supervisor"])),
        Token("boss", Role.ADMIN, digest(SECRETS["admin"]).upper()),
    ),
    timezone="Europe/Moscow",
    shutdown_s=0.5,
    requests_per_s=10_000.0,
    anonymous_per_s=10_000.0,
)


@dataclass
class Answer:
    """An answer read whole."""

    status: int
    headers: CIMultiDictProxy[str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Event:
    """One event of the stream."""

    kind: str
    id: str
    data: Any


class Shop:
    """The API server with the fakes behind it."""

    def __init__(self, kept: int = 100, backlog: int = 100, **settings: Any) -> None:
        self.board = FakeBoard()
        self.feed = LiveFeed(kept, backlog)
        self.floor = FakeFloor(self.board, self.feed)
        self.store = FakeStore()
        self.reloads = FakeReloads()
        self.readings: list[Reading] = []
        self.server = ApiServer(
            replace(SETTINGS, **settings),
            board=self.board,
            floor=self.floor,
            feed=self.feed,
            store=self.store,
            reloads=self.reloads,
            gauges=self.gauges,
        )
        self._session: aiohttp.ClientSession | None = None

    def gauges(self) -> Iterable[Reading]:
        return self.readings

    @property
    def session(self) -> aiohttp.ClientSession:
        assert self._session is not None
        return self._session

    async def __aenter__(self) -> Shop:
        await self.server.start()
        self._session = aiohttp.ClientSession(self.server.url, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()
        await self.server.stop()

    async def ask(self, method: str, path: str, role: str | None = "supervisor", **more: Any) -> Answer:
        headers = {**({"Authorization": f"Bearer {SECRETS[role]}"} if role else {}), **more.pop("headers", {})}
        async with self.session.request(method, path, headers=headers, **more) as answer:
            return Answer(answer.status, answer.headers, await answer.text())

    async def get(self, path: str, role: str | None = "supervisor", **more: Any) -> Answer:
        return await self.ask("GET", path, role, **more)

    async def post(self, path: str, role: str | None = "supervisor", **more: Any) -> Answer:
        return await self.ask("POST", path, role, **more)

    @asynccontextmanager
    async def stream(self, last_id: str | None = None, **headers: str) -> AsyncIterator[AsyncIterator[Event]]:
        """The events of an open stream. A missing event is a TimeoutError."""
        sent = {"Authorization": f"Bearer {SECRETS['supervisor']}", **headers}
        if last_id:
            sent["Last-Event-ID"] = last_id
        async with self.session.get("/api/v1/events", headers=sent) as answer:
            assert answer.status == 200, await answer.text()
            yield events_of(answer.content)


async def events_of(content: aiohttp.StreamReader) -> AsyncIterator[Event]:
    """Frames as an EventSource reads them; comments are left out."""
    fields: dict[str, str] = {}
    while line := await asyncio.wait_for(content.readline(), 5):
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif "data" in fields:
            yield Event(fields["event"], fields["id"], json.loads(fields["data"]))
            fields = {}
