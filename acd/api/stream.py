"""The event stream (SSE): a `snapshot`, then `delta`s with ids; `Last-Event-ID` resumes where the client left.

An id is `<process>-<number>`: numbers begin anew with every start of the daemon, so an id of another process gets a
snapshot, as one does that is too old. Every stream is bounded: how many there are, how long a write may take, and
what waits for the client (the feed ends the subscription of one who falls behind; the client then reconnects and
resumes). A client who left is noticed within a second.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable
from typing import Final

import structlog
from aiohttp import web

from acd.api.models import Delta as DeltaModel
from acd.api.refusals import TooManyClients
from acd.api.render import Renderer
from acd.api.settings import ApiSettings
from acd.api.tail import Tail, TailEnded
from acd.ports import Board, Delta, Feed

log = structlog.get_logger(__name__)

_LOOK_S: Final = 1.0  # how often a silent stream looks whether its client is still there
_RECONNECT_MS: Final = 2000
_HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}


class Streams:
    """All open event streams."""

    def __init__(
        self, settings: ApiSettings, board: Board, feed: Feed, render: Renderer, shed: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._board = board
        self._feed = feed
        self._render = render
        self._shed = shed
        self._process = secrets.token_hex(4)
        self._open: set[Tail] = set()
        self._count = 0
        self._stopping = False
        self._rendered: tuple[int, bytes] = (-1, b"")

    @property
    def count(self) -> int:
        """How many streams are open."""
        return self._count

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Stream until the client leaves, is too slow, or the daemon stops. TooManyClients."""
        if self._stopping or self._count >= self._settings.max_sse_clients:
            self._shed("stream")
            raise TooManyClients(f"{self._count} event streams are open, and no more are allowed.")
        self._count += 1
        try:
            return await self._stream(request)
        finally:
            self._count -= 1

    def interrupt(self) -> None:
        """End all streams; no new ones are accepted."""
        self._stopping = True
        for tail in self._open:
            tail.interrupt()

    def begin_anew(self) -> None:
        """End all streams; who opens one again proves anew who they are, and gets a snapshot."""
        self._process = secrets.token_hex(4)
        self._rendered = (-1, b"")
        for tail in self._open:
            tail.end()

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        first, after = self._beginning(request.headers.get("Last-Event-ID", ""))
        tail = Tail(self._feed, after)
        self._open.add(tail)
        try:
            await self._write(response, first)
            await self._follow(request, response, tail)
        except TailEnded:
            if not self._stopping:
                self._shed("slow_stream")
        except ConnectionError:
            pass
        except TimeoutError:
            self._shed("slow_stream")
            log.info("event stream closed: the client takes nothing", after_s=self._settings.sse_write_timeout_s)
            if request.transport is not None:
                request.transport.abort()
        finally:
            self._open.discard(tail)
            await tail.close()
        return response

    def _beginning(self, last_id: str) -> tuple[bytes, int]:
        """What to send first, and the number of the last delta that the client knows then."""
        number = self._feed.last_number()
        process, _, seen = last_id.partition("-")
        if process == self._process and self._kept_since(seen, number):
            return _RETRY, int(seen)
        snapshot = self._render.snapshot(self._board).model_dump_json()
        return _RETRY + self._frame("snapshot", number, snapshot), number

    def _kept_since(self, seen: str, number: int) -> bool:
        """Whether every delta after the one of this id, up to delta `number`, can still be sent."""
        ours = re.fullmatch(r"\d{1,18}", seen, re.ASCII) is not None and int(seen) <= number
        return ours and self._feed.since(int(seen)) is not None

    async def _follow(self, request: web.Request, response: web.StreamResponse, tail: Tail) -> None:
        silent_since = time.monotonic()
        while request.transport is not None and not request.transport.is_closing() and not self._stopping:
            deltas = await tail.next(min(_LOOK_S, self._settings.heartbeat_s))
            if deltas:
                await self._write(response, b"".join(self._delta(delta) for delta in deltas))
            elif time.monotonic() - silent_since >= self._settings.heartbeat_s:
                await self._write(response, b": still here\n\n")
            else:
                continue
            silent_since = time.monotonic()

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        async with asyncio.timeout(self._settings.sse_write_timeout_s):
            await response.write(data)

    def _delta(self, delta: Delta) -> bytes:
        """The delta's frame; rendered once for all clients that follow closely."""
        if self._rendered[0] != delta.number:
            model: DeltaModel = self._render.delta(delta, self._board.now())
            frame = self._frame("delta", delta.number, model.model_dump_json())
            self._rendered = (delta.number, frame)
        return self._rendered[1]

    def _frame(self, event: str, number: int, data: str) -> bytes:
        return f"event: {event}\nid: {self._process}-{number}\ndata: {data}\n\n".encode()


_RETRY: Final = f"retry: {_RECONNECT_MS}\n\n".encode()
