"""aiohttp's connection handler with a limit on connections, and with problems for what is not even HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from aiohttp import web
from aiohttp.web_request import BaseRequest

from acd.api import problems

log = structlog.get_logger(__name__)


class Connection(web.RequestHandler):
    """One connection; beyond `max_connections` it is closed at once, and `shed` is told."""

    __slots__ = ("_max_connections", "_server", "_shed")

    def __init__(self, server: web.Server, max_connections: int, shed: Callable[[], None], **kwargs: Any) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **kwargs)
        self._server = server
        self._max_connections = max_connections
        self._shed = shed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept it, or close it when there are too many."""
        super().connection_made(transport)
        if len(self._server.connections) > self._max_connections and isinstance(transport, asyncio.Transport):
            self._shed()
            transport.abort()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What aiohttp cannot read or deliver, as a problem; what was sent is not echoed and not logged."""
        log.info("unreadable request", status=status, error=type(exc).__name__, remote=request.remote)
        if request.writer.output_size > 0:
            raise ConnectionError("part of an answer is out already")
        response = problems.of_status(status, "The request is not proper HTTP.")
        response.force_close()
        return response
