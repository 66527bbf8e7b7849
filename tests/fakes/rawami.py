"""A second pair of eyes on Asterisk: a plain AMI session that keeps every message.

Not the product's client, on purpose: a test must not believe the thing it tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable

from acd import tasks
from acd.lab.asterisk import LabAsterisk

Message = dict[str, str]
LINE_LIMIT = 1024 * 1024
KEPT = 50_000


class RawAmi:
    """One logged-in session; `events` is everything heard so far, oldest first."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)
        self._news = asyncio.Condition()
        self.responses: dict[str, Message] = {}
        self.events: list[Message] = []
        self.closed = False
        self._pump = tasks.spawn(self._read_all(), "raw ami")

    async def close(self) -> None:
        await tasks.stop(self._pump)
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def action(self, name: str, timeout_s: float = 10.0, /, **headers: str) -> Message:
        """Send an action, wait for its response."""
        action_id = f"raw{next(self._ids)}"
        lines = [("Action", name), ("ActionID", action_id), *headers.items()]
        self._writer.write("".join(f"{key}: {value}\r\n" for key, value in lines).encode() + b"\r\n")
        await self._until(lambda: action_id in self.responses, timeout_s, f"response to {name}")
        return self.responses.pop(action_id)

    async def event(self, name: str, timeout_s: float = 10.0, /, after: int = 0, **headers: str) -> Message:
        """The first event called `name` (a UserEvent by its own name) with these headers, past or to come."""
        found: list[Message] = []

        def look() -> bool:
            found[:] = self.heard(name, after, **headers)[:1]
            return bool(found)

        def others() -> str:
            return f"; others called so: {[{key: one.get(key) for key in headers} for one in self.heard(name)]}"

        await self._until(look, timeout_s, f"event {name} {headers}", others)
        return found[0]

    def heard(self, name: str, after: int = 0, /, **headers: str) -> list[Message]:
        """The events so far called `name` with these headers; `after` skips that many of the oldest."""
        return [message for message in self.events[after:] if _matches(message, name, headers)]

    async def _until(
        self, true: Callable[[], bool], timeout_s: float, what: str, more: Callable[[], str] = str
    ) -> None:
        try:
            async with asyncio.timeout(timeout_s), self._news:
                await self._news.wait_for(lambda: self.closed or true())
        except TimeoutError:
            raise AssertionError(f"no {what} within {timeout_s} s; heard: {self._summary()}{more()}") from None
        if not true():
            raise AssertionError(f"the session ended before {what}")

    def _summary(self) -> list[str]:
        return [message.get("UserEvent") or message.get("Event", "") for message in self.events[-30:]]

    async def _read_all(self) -> None:
        try:
            while True:
                block = (await self._reader.readuntil(b"\r\n\r\n")).decode(errors="replace")
                await self._take(_parse(block))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            async with self._news:
                self.closed = True
                self._news.notify_all()

    async def _take(self, message: Message) -> None:
        async with self._news:
            # The event OriginateResponse has a header `Response` too.
            if "Event" not in message:
                self.responses[message.get("ActionID", "")] = message
            elif len(self.events) < KEPT:
                self.events.append(message)
            self._news.notify_all()


def _parse(block: str) -> Message:
    lines = [line for line in block.split("\r\n") if line]
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _matches(message: Message, name: str, headers: Message) -> bool:
    called = message.get("UserEvent") if message.get("Event") == "UserEvent" else message.get("Event")
    return called == name and all(message.get(key) == value for key, value in headers.items())


@contextlib.asynccontextmanager
async def raw_ami(asterisk: LabAsterisk) -> AsyncIterator[RawAmi]:
    """A session as the daemon's user."""
    reader, writer = await asyncio.open_connection(asterisk.ami_host, asterisk.ami_port, limit=LINE_LIMIT)
    await reader.readline()
    session = RawAmi(reader, writer)
    try:
        answer = await session.action("Login", Username=asterisk.ami_username, Secret=asterisk.ami_secret)
        assert answer["Response"] == "Success", answer
        yield session
    finally:
        await session.close()
